"""What runs on a slow path is named, with the reason and what would change it, where people look."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.ir.node import make_node
from compiler.ir.op import Call
from compiler.ir.types import FLOAT32, TensorType
from tests.backends import NATIVE


def chain(backend=None):
    """A sum of products of three operands, which no tiles compute."""
    inputs = [tt.input(name, (24, 24)) for name in "xyz"]
    x, y, z = inputs
    out = tt.map_reduce("sum", "ij,jk,kl->il", x, y, z)
    return tt.compile(inputs, out, backend=backend)


def test_a_function_of_python():
    x = tt.input("x", (5,))
    call = Call("halved", lambda array: array / np.float32(2), TensorType(FLOAT32, (5,)))
    program = tt.compile([x], tt.Tensor(make_node(call, [tt.exp(x).node])) + 1)
    found = [item for k in range(len(program.schedule.kernels)) for item in program.why(f"kernel {k}").slow]
    assert [item.sentence for item in found] == ["halved is a Python function, called between native kernels"]


@pytest.mark.parametrize("backend", NATIVE)
def test_a_contraction_without_tiles(backend):
    program = chain(backend)
    (slow,) = program.why("kernel 0").slow
    assert "without tiles" in slow.sentence
    assert "slow: a contraction" in str(program.why("kernel 0"))
    assert "fix: make it a product" in str(program.why("kernel 0"))
    assert program.why("kernel 0").to_dict()["slow"] == [slow.to_dict()]
    data = [np.ones((24, 24), np.float32)] * 3
    assert "kernel 0 is slow: a contraction" in str(program.profile(*data, seconds=0.001))


def test_what_is_fast_says_nothing():
    x, y = tt.input("x", (64, 32)), tt.input("y", (32, 16))
    program = tt.compile([x, y], tt.relu(x @ y))
    assert program.why("kernel 0").slow == ()
    assert "slow" not in str(program.why("kernel 0"))
    assert tt.compile([x], (x * x).sum(axis=1)).why("kernel 0").slow == ()
