"""Scheduling passes in an order that is not the default one."""

import numpy as np

import tinytorch as tt
from compiler.rewrite.refusal import Reason
from passes.fuse_elementwise import FuseElementwise
from passes.inplace import InPlace


def test_nothing_is_fused_once_kernels_are_in_place() -> None:
    x = tt.input("x", ("n", 8))
    y = tt.exp(x)
    z = tt.tanh(y + 1.0) * y
    program = tt.compile([x], z.sum(axis=1), passes=[InPlace(), FuseElementwise()], backend="numpy")
    in_place, fused = program.history
    assert in_place.changed
    assert not fused.changed
    assert [item.reason for item in fused.report.refusals] == [Reason.ORDER_IS_FIXED]
    data = np.linspace(-1, 1, 24, dtype=np.float32).reshape(3, 8)
    expected = (np.tanh(np.exp(data) + 1) * np.exp(data)).sum(axis=1)
    np.testing.assert_allclose(program(data), expected, rtol=1e-6)
