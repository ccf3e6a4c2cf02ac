"""Dear values that several members of a kernel compute are members of their own."""

from __future__ import annotations

import re
from functools import partial

import pytest

pytest.importorskip("llvmlite")

import tinytorch as tt
from compiler.ir.build import apply
from compiler.ir.types import FLOAT64
from tests.compiler.backends.llvm.test_backend import values

ACTIVATIONS = {
    "gelu_tanh": partial(tt.gelu, approximate="tanh"),
    "gelu_sigmoid": partial(tt.gelu, approximate="sigmoid"),
    "silu": tt.silu,
    "mish": tt.mish,
    "tanh": tt.tanh,
}
"""With slopes that compute again what the function computes."""


def calls(text: str, atom: str) -> int:
    return text.count(f"{atom}(")


def quotients(program: tt.Program) -> int:
    """Divisions of floats in the machine code of the only kernel, of x86 or ARM."""
    return len(re.findall(r"\b(?:v?div[ps]s|fdiv)\b", program.assembly(0)))


@pytest.mark.parametrize(
    ("name", "atoms"),
    [("gelu_tanh", {"sigmoid": 2}), ("silu", {"sigmoid": 2}), ("mish", {"softplus": 1, "tanh": 1})],
)
def test_a_function_and_its_slope_share_what_is_dear(name: str, atoms: dict[str, int]) -> None:
    x, g = tt.input("x", (70, 40)), tt.input("g", (70, 40))
    y = ACTIVATIONS[name](x + 1)
    program = tt.compile([x, g], [y, tt.grad((y * g).sum(), x)], backend="llvm")
    assert len(program.schedule.kernels) == 1
    text = program.source(0)
    assert {atom: calls(text, atom) for atom in atoms} == atoms


@pytest.mark.parametrize("name", ["gelu_tanh", "gelu_sigmoid", "silu"])
@pytest.mark.parametrize("columns", [40, 1000])
def test_sigmoids_of_both_signs_take_one_exponential(name: str, columns: int) -> None:
    """The quotient that ends a sigmoid is there as often as it is without the slope."""
    x, g = tt.input("x", (70, columns)), tt.input("g", (70, columns))
    y = ACTIVATIONS[name](x + 1)
    alone = tt.compile([x], y, backend="llvm")
    both = tt.compile([x, g], [y, tt.grad((y * g).sum(), x)], backend="llvm")
    assert len(both.schedule.kernels) == 1
    assert both.source(0).count("sigmoid(") == 2
    assert quotients(both) == quotients(alone) > 0


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("shape", [(3, 5), (70, 1000)])
def test_the_bits_are_those_of_separate_kernels(name: str, shape: tuple[int, int]) -> None:
    x, b = tt.input("x", shape), tt.input("b", shape[1:])
    y = tt.sigmoid(ACTIVATIONS[name](x + b)) * x
    outputs = [y, *tt.grad((y * y).sum(), [x])]
    arguments = [values(*shape), values(*shape[1:], seed=1)]
    fused = tt.compile([x, b], outputs, backend="llvm", passes=("fuse_elementwise",))
    unfused = tt.compile([x, b], outputs, backend="llvm", passes=())
    assert len(fused.schedule.kernels) < len(unfused.schedule.kernels)
    for found, expected in zip(fused(*arguments), unfused(*arguments), strict=True):
        assert found.tobytes() == expected.tobytes()


def test_a_result_that_is_converted_is_not_what_is_shared() -> None:
    """A function of float64 in float64 reads the float32 value, not the member that was made of it."""
    x = tt.input("x", (40,))
    wide = tt.Tensor(apply("sigmoid", x.node, dtype=FLOAT64))
    outputs = [wide, tt.silu(x) + 1]
    fused = tt.compile([x], outputs, backend="llvm", passes=("fuse_elementwise",))
    unfused = tt.compile([x], outputs, backend="llvm", passes=())
    for found, expected in zip(fused(values(40)), unfused(values(40)), strict=True):
        assert found.dtype == expected.dtype
        assert found.tobytes() == expected.tobytes()
