"""Building blocks: broadcasting maps, reductions, contractions, leaves."""

import numpy as np
import pytest

from compiler.errors import DTypeError, ShapeError
from compiler.ir.build import (
    IDENTITY,
    align,
    apply,
    broadcast,
    broadcast_shape,
    cast,
    constant_node,
    contract,
    input_node,
    parameter_node,
    reduce,
)
from compiler.ir.dims import symbol
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.op import Reducer, Size
from compiler.ir.types import BOOL, FLOAT32, FLOAT64, INT32, INT64, DType, TensorType
from compiler.ir.verify import verify

N = symbol("n")


def of(*shape, dtype: DType = FLOAT32) -> Node:
    return input_node("x", TensorType(dtype, shape))


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ([(2, 3), (3,)], (2, 3)),
        ([(2, 1), (1, 3)], (2, 3)),
        ([(), (2,)], (2,)),
        ([(N, 3), (1, 1)], (N, 3)),
        ([(0, 3), (1, 3)], (0, 3)),
        ([], ()),
    ],
)
def test_shapes_broadcast_as_in_numpy(shapes, expected):
    assert broadcast_shape("add", [of(*shape) for shape in shapes]) == expected
    if expected and not any(extent == N for extent in expected):
        assert np.broadcast_shapes(*shapes) == expected


@pytest.mark.parametrize("shapes", [[(2,), (3,)], [(N,), (3,)], [(N,), (symbol("m"),)], [(0,), (2,)]])
def test_other_shapes_do_not(shapes):
    with pytest.raises(ShapeError, match=r"add: .* and .* do not broadcast at axis -1"):
        broadcast_shape("add", [of(*shape) for shape in shapes])


def test_axes_are_aligned_from_the_last_on():
    assert align((3,), (2, 3)) == (1,)
    assert align((1, 3), (2, 3)) == (None, 1)
    assert align((1, 3), (1, 3)) == (0, 1)


def test_a_cast_to_the_same_dtype_is_the_node_itself():
    x = of(3)
    assert cast(x, FLOAT32) is x
    assert apply(IDENTITY, x) is x
    assert cast(x, FLOAT64).type == TensorType(FLOAT64, (3,))


def test_literals_are_weak_and_sizes_too():
    assert apply("mul", of(3), 2).type.dtype is FLOAT32
    assert apply("mul", of(3, dtype=INT32), 2).type.dtype is INT32
    assert apply("mul", of(3, dtype=INT32), 0.5).type.dtype is FLOAT32
    assert apply("div", of(N), Size(N)).type == TensorType(FLOAT32, (N,))


def test_literals_must_fit_the_integers_they_meet():
    apply("add", of(3), 2**70)
    apply("add", of(3, dtype=INT32), 2**31 - 1)
    for dtype, number in ((INT32, 2**31), (INT64, 2**63), (INT32, -(2**31) - 1)):
        with pytest.raises(DTypeError, match=f"add: the literal {number} is no {dtype}"):
            apply("add", of(3, dtype=dtype), number)


@pytest.mark.parametrize(
    ("reducer", "dtype", "expected"),
    [
        (Reducer.SUM, BOOL, INT64),
        (Reducer.SUM, INT32, INT64),
        (Reducer.SUM, FLOAT32, FLOAT32),
        (Reducer.MAX, INT32, INT32),
        (Reducer.ARGMAX, FLOAT32, INT64),
    ],
)
def test_reductions_have_numpys_dtypes(reducer, dtype, expected):
    node = reduce(reducer, of(N, 3, dtype=dtype), [1])
    assert node.type == TensorType(expected, (N,))
    assert reduce(reducer, of(N, 3, dtype=dtype), [0], keepdims=True).type.shape == (1, 3)


def test_a_contraction_states_its_loops():
    node = contract([of(N, 4), of(4, 5)], [[0, 1], [1, 2]], [0, 2], [N, 4, 5])
    assert (
        str(Graph.of([node])).splitlines()[-2].startswith("%0[i,j] = sum[k:4] %x[i,k] * %x~2[k,j] : f32[n,5]")
    )


@pytest.mark.parametrize(
    ("shapes", "axes", "output", "extents"),
    [
        ([(2, 3)], [[0, 1]], [0], [2, 3]),
        ([(2, 3), (2, 3)], [[0, 1], [0, 1]], [0, 1], [2, 3]),
        ([(2,), (3,), (4,)], [[0], [1], [2]], [0, 1, 2], [2, 3, 4]),
        ([(2, 1), (3,)], [[0, None], [1]], [1], [2, 3]),
    ],
)
def test_contractions_of_every_kind_obey_the_laws(shapes, axes, output, extents):
    node = contract([of(*shape) for shape in shapes], axes, output, extents)
    verify(Graph.of([node]))
    assert node.type.shape == tuple(extents[loop] for loop in output)


def test_a_broadcast_to_the_same_shape_is_the_node_itself():
    x = of(N, 3)
    assert broadcast(x, (N, 3)) is x
    assert broadcast(x, (2, N, 3)).type.shape == (2, N, 3)
    assert broadcast(of(N), (N, 3), [0]).type.shape == (N, 3)


def test_leaves_hold_copies():
    array = np.ones((2, 2), ">f4").T
    w, c = parameter_node(array, "w"), constant_node(array, FLOAT32)
    array[:] = 0
    for node in (w, c):
        held = node.op.buffer.array
        assert held.all()
        assert held.dtype == np.float32
        assert held.flags.c_contiguous
    assert w.op.buffer.array.flags.writeable
    assert not c.op.buffer.array.flags.writeable
