"""The sums of a polynomial are rounded once where the processor can; other products are rounded first."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import tinytorch as tt
from compiler.backends.llvm.jit import engine
from tests.compiler.backends.llvm.test_backend import values
from tinytorch.elementwise import elementwise

FORMS = {
    "sum": (lambda x: 0.1 * (x * x) + x, 1, 1),
    "sum the other way round": (lambda x: x + (x * x) * 0.1, 1, 1),
    "difference": (lambda x: x - 0.1 * (x * x), -1, 1),
    "difference the other way round": (lambda x: 0.1 * (x * x) - x, 1, -1),
}


def has_fma() -> bool:
    features = engine.host_target().features.split(",")
    return "+fma" in features or "+neon" in features


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("count", [3, 40])
def test_a_multiple_is_rounded_with_its_sum(name: str, count: int) -> None:
    function, first, second = FORMS[name]
    x = tt.input("x", (count,))
    found = tt.compile([x], elementwise("form", function)(x), backend="llvm")(a := values(count))
    tenth = np.float32(0.1)
    once = [
        np.float32(
            float(first * Fraction(float(tenth)) * Fraction(float(u * u)) + second * Fraction(float(u)))
        )
        for u in a
    ]
    twice = np.float32(first) * (tenth * (a * a)) + np.float32(second) * a
    assert count < 40 or (once != twice).any()
    np.testing.assert_array_equal(found, once if has_fma() else twice)


def test_a_multiple_is_rounded_with_a_literal() -> None:
    x = tt.input("x", (40,))
    found = tt.compile([x], elementwise("line", lambda x: 0.1 * x + 1.0)(x), backend="llvm")(a := values(40))
    once = [np.float32(float(Fraction(float(np.float32(0.1))) * Fraction(float(u)) + 1)) for u in a]
    np.testing.assert_array_equal(found, once if has_fma() else np.float32(0.1) * a + np.float32(1))


CANCELLING = {
    "multiples": lambda x, y: 0.1 * x - 0.1 * y,
    "a multiple beside a choice": lambda x, y: 0.1 * x - tt.minimum(0.1 * y, 1e6),
    "a multiple that is read twice": lambda x, y: tt.where(
        x == y, 0.7 * x - tt.clip(0.7 * x, -1e6, 1e6), 0.0
    ),
    "opposite multiples": lambda x, y: 0.1 * x + 0.1 * (-y),
}


@pytest.mark.parametrize("name", CANCELLING)
def test_equal_multiples_cancel(name: str) -> None:
    x, y = tt.input("x", (40,)), tt.input("y", (40,))
    program = tt.compile([x, y], elementwise("gap", CANCELLING[name])(x, y), backend="llvm")
    np.testing.assert_array_equal(program(values(40), values(40)), np.zeros(40))


def test_a_guard_holds_for_the_difference_that_it_guards() -> None:
    guarded = elementwise("guarded", lambda x, y: tt.where(0.1 * x >= y, tt.sqrt(0.1 * x - y), 0.0))
    x, y = tt.input("x", (40,)), tt.input("y", (40,))
    a = values(40)
    found = tt.compile([x, y], guarded(x, y), backend="llvm")(a, np.float32(0.1) * a)
    np.testing.assert_array_equal(found, np.zeros(40))


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


SHARED = {
    "a value": lambda x: 1.7 * (x * tt.sigmoid(x)) + tt.sigmoid(x),
    "a multiple": lambda x: tt.sigmoid(1.7 * x) * (1.7 * x + 1.0),
}


@pytest.mark.parametrize("name", SHARED)
def test_what_kernels_share_changes_no_bits(name: str) -> None:
    """A sigmoid that becomes a member of its own is a variable of the rest; a multiple may be read once."""
    x, g = tt.input("x", (1000,)), tt.input("g", (1000,))
    other = tt.sigmoid(x if name == "a value" else elementwise("scaled", lambda x: 1.7 * x)(x))
    again = elementwise("again", lambda x: tt.sigmoid(1.7 * x) * x)(x)
    outputs = [elementwise("form", SHARED[name])(x), other * g, again, tt.silu(x)]
    arguments = [3 * values(1000), values(1000, seed=1)]
    fused, apart = (
        tt.compile([x, g], outputs, backend="llvm", passes=p) for p in (("fuse_elementwise",), ())
    )
    assert len(fused.schedule.kernels) == 1
    for found, wanted in zip(fused(*arguments), apart(*arguments), strict=True):
        assert found.tobytes() == wanted.tobytes()


def test_the_source_says_what_is_rounded_once() -> None:
    x = tt.input("x", (40,))
    form = elementwise("form", lambda x: 0.5 - 3.0 * (x * x) + (0.25 * x - 1.0))
    text = tt.compile([x], form(x), backend="llvm").source(0)
    assert "fma(-3.0, " in text
    assert "fma(0.25, " in text


def test_what_lies_far_is_read_once_for_few_rows():
    """Chunks of rows would read all of it each; near, they prepare less."""
    x, w = tt.input("x", (64, 1024)), tt.input("w", (1024, 1024))
    (step,) = tt.compile([x, w], x @ w, backend="llvm")._executable._steps
    assert step._lengths((1, 64, 1024, 1024), 64, 32)[1] >= 64
    assert step._lengths((1, 64, 1024, 64), 64, 32)[1] < 64
