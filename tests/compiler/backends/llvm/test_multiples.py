"""A literal's multiple is added in one rounding where the processor can; other products are rounded first."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import tinytorch as tt
from compiler.backends.llvm import engine
from tests.compiler.backends.llvm.test_backend import values
from tinytorch.elementwise import elementwise

FORMS = {
    "sum": (lambda x, y: 0.1 * x + y, 1, 1),
    "sum the other way round": (lambda x, y: y + x * 0.1, 1, 1),
    "difference": (lambda x, y: y - 0.1 * x, -1, 1),
    "difference the other way round": (lambda x, y: 0.1 * x - y, 1, -1),
}


def has_fma() -> bool:
    features = engine.host_target().features.split(",")
    return "+fma" in features or "+neon" in features


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("count", [3, 40])
def test_a_multiple_is_rounded_with_its_sum(name: str, count: int) -> None:
    function, first, second = FORMS[name]
    x, y = tt.input("x", (count,)), tt.input("y", (count,))
    found = tt.compile([x, y], elementwise("form", function)(x, y), backend="llvm")(
        a := values(count), b := values(count, seed=1)
    )
    tenth = np.float32(0.1)
    once = [
        np.float32(float(first * Fraction(float(tenth)) * Fraction(float(u)) + second * Fraction(float(v))))
        for u, v in zip(a, b, strict=True)
    ]
    twice = np.float32(first) * (tenth * a) + np.float32(second) * b
    np.testing.assert_array_equal(found, once if has_fma() else twice)


def test_other_products_are_rounded_before_they_are_added() -> None:
    square_gap = elementwise("square_gap", lambda x, y: x * x - y * y)
    x, y = tt.input("x", (40,)), tt.input("y", (40,))
    program = tt.compile([x, y], square_gap(x, y), backend="llvm")
    np.testing.assert_array_equal(program(values(40), values(40)), np.zeros(40))


def test_a_multiple_of_another_dtype_is_converted_first() -> None:
    mixed = elementwise("mixed", lambda x, n: 0.5 * n + x)
    x, n = tt.input("x", (5,)), tt.input("n", (5,), "int32")
    program = tt.compile([x, n], mixed(x, n), backend="llvm")
    wanted = values(5) + np.float32(0.5) * np.arange(5, dtype=np.float32)
    np.testing.assert_array_equal(program(values(5), np.arange(5, dtype=np.int32)), wanted)
