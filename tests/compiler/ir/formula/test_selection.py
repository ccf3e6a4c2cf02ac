"""Products with selections become selections of products: texts, values, and that they stay short."""

import numpy as np
import pytest

from compiler.ir.formula.derivative import derive
from compiler.ir.formula.printing import print_body
from compiler.ir.formula.selection import choosers, selected_product, with_selected_products
from compiler.ir.formula.tape import LONGEST, Tape
from tests.compiler.ir.formula.evaluate import f, on_arrays


def product(slope: str, *, guarded: bool = False) -> str:
    tape = Tape(["g", "x", "y"])
    value = selected_product(tape, 0, tape.inline(f(slope, "x, y"), [1, 2]), guarded=guarded)
    return print_body(tape.finish("f", value))


@pytest.mark.parametrize(
    ("slope", "expected"),
    [
        ("where(x <= 0, 0, 1)", "where(x <= 0, 0, g)"),
        ("where(x <= 0, -1, 0)", "where(x <= 0, -g, 0)"),
        ("where(x <= 0, 0, where(x >= 6, 0, 1))", "where(x <= 0, 0, where(x >= 6, 0, g))"),
        ("where(x == y, 0.5, where(x < y, 0, 1))", "where(x == y, g * 0.5, where(x < y, 0, g))"),
        ("3 * where(x > 0, y, 0)", "where(x > 0, g * (3 * y), 0)"),
        ("-(where(x > 0, 2, 0) / y)", "-where(x > 0, g * (2 / y), 0)"),
        ("where(x > 0, 1, 0) * where(y > 0, 1, 0)", "where(y > 0, where(x > 0, g, 0), 0)"),
        ("where(x > 0, x, 0) - where(y > 0, y, 0)", "where(x > 0, g * x, 0) - where(y > 0, g * y, 0)"),
        ("where(x <= -3, 0, where(x > 3, 1, x))", "where(x <= -3, 0, g * where(x > 3, 1, x))"),
        ("sign(x)", "zmul(sign(x), g)"),
        ("where(x > 0, 1, 0.01)", "g * where(x > 0, 1, 0.01)"),
        ("where(x > 0, x, 0) + y", "g * (where(x > 0, x, 0) + y)"),
        ("x * y", "g * (x * y)"),
        ("0", "0"),
    ],
)
def test_a_product_is_0_where_0_is_chosen(slope, expected):
    assert product(slope) == expected


@pytest.mark.parametrize(
    ("slope", "expected"),
    [
        ("x * y", "zmul(g, x * y)"),
        ("where(x > 0, y, 0)", "where(x > 0, zmul(g, y), 0)"),
        ("where(x > 0, 2.5, 0)", "where(x > 0, g * 2.5, 0)"),
        ("where(x > 0, inf, 0)", "where(x > 0, zmul(g, inf), 0)"),
    ],
)
def test_a_guarded_product_is_0_where_its_factor_is_0_too(slope, expected):
    assert product(slope, guarded=True) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("where(x > 0, 1, 0) / sqrt(x)", "where(x > 0, 1 / sqrt(x), 0)"),
        ("log(x) * where(x > 0, 0, 2)", "where(x > 0, 0, log(x) * 2)"),
        ("exp(x) * (where(x > 0, 1, 0) / x)", "where(x > 0, exp(x) * (1 / x), 0)"),
        ("zmul(where(x > 0, 1, 0), 1 / x)", "where(x > 0, 1 / x, 0)"),
        ("sign(x) / sqrt(abs(x))", "zmul(sign(x), 1 / sqrt(abs(x)))"),
        ("where(x > 0, 1, 0) * sigmoid(x)", "where(x > 0, 1, 0) * sigmoid(x)"),
        ("where(x > 0, 1, 2) / x", "where(x > 0, 1, 2) / x"),
        ("0.5 * where(x > 0, 1, 0)", "0.5 * where(x > 0, 1, 0)"),
    ],
)
def test_selections_leave_products_that_can_be_infinite(text, expected):
    assert print_body(with_selected_products(f(text))) == expected


@pytest.mark.parametrize(
    "text",
    [
        "sqrt(where(x > 0, x, 0))", "log(minimum(maximum(x, 0), 6))", "1 / where(x <= 0, 0, x)",
        "where(x <= 0, 0, x) ** 0.5", "sqrt(abs(x))", "exp(1 / where(x > 0, x, 0)) * where(x > 0, x, 0)",
        "sqrt(where(x > 0, x, 0) * where(x > -1, x, 0))",
    ],
)  # fmt: skip
def test_the_slopes_of_one_formula_are_0_where_it_is_flat(text):
    slope = f(text)
    for _ in range(2):
        slope = derive(slope, 0)
        point = 0.0 if "abs" in text else -0.5
        assert on_arrays(slope, [point], dtype=np.float64).tolist() == [0]


def test_the_conditions_of_a_choice_and_what_they_read():
    assert choosers(f("where(c > d, g, 0)", "g, c, d, e")) == {1, 2}
    assert choosers(f("-where(c > 0, 0, where(d > 0, g * e, 0))", "g, c, d, e")) == {1, 2}
    assert choosers(f("where(c > 0, g, where(d > 0, g, e))", "g, c, d, e")) is None
    assert choosers(f("where(1 > 2, g, 0)", "g")) == frozenset()
    assert choosers(f("g * c", "g, c")) is None


def test_many_selections_in_one_product_stay_as_long_as_they_were():
    held = "x"
    for bound in range(4):
        held = f"minimum(maximum({held}, {-bound}), {10 + bound})"
    slope = derive(f(held), 0)
    tape = Tape(["g", "x"])
    whole = tape.finish("whole", selected_product(tape, 0, tape.inline(slope, [1])))
    assert len(whole.lines) <= LONGEST
    assert on_arrays(whole, [np.inf, np.inf], [-100.0, 5.0]).tolist() == [0, np.inf]
