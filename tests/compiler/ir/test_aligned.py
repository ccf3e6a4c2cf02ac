"""Parameters and constants begin with a cache line."""

import numpy as np
import pytest

from compiler.ir.aligned import CACHE_LINE, aligned_copy
from compiler.ir.build import constant_node, parameter_node
from compiler.ir.op import Constant, Parameter
from compiler.ir.types import FLOAT32


@pytest.mark.parametrize("shape", [(), (0,), (3,), (5, 0, 2), (7, 9), (300, 257)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
def test_a_copy_is_equal_dense_and_aligned(shape, dtype):
    array = (
        np.random.default_rng(0).integers(0, 2, shape).astype(dtype)[..., ::-1]
        if shape
        else np.ones((), dtype)
    )
    copy = aligned_copy(array, np.dtype(dtype))
    assert copy.size == 0 or copy.ctypes.data % CACHE_LINE == 0
    assert copy.flags.c_contiguous
    assert copy.flags.writeable
    assert not np.may_share_memory(copy, array)
    assert copy.dtype == dtype
    np.testing.assert_array_equal(copy, array)


def test_another_byte_order_and_another_dtype_are_converted():
    array = np.arange(6, dtype=">f8").reshape(2, 3)
    copy = aligned_copy(array, np.dtype(np.float32))
    assert copy.dtype.isnative
    np.testing.assert_array_equal(copy, array)


def test_leaves_hold_such_copies():
    array = np.ones((17, 3), np.float32)
    for node in (parameter_node(array, "w"), constant_node(array, FLOAT32)):
        assert isinstance(node.op, Parameter | Constant)
        assert node.op.buffer.array.ctypes.data % CACHE_LINE == 0
