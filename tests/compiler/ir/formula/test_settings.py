"""Partials of formulas whose settings are literals: from what ships where it ships, else derived."""

import math

import pytest

from compiler.ir.formula.derivative import derive
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.formula.printing import print_formula
from compiler.ir.formula.settings import derive_with
from compiler.ir.formula.tape import bind

LEAKY = parse_formula("leaky_relu(x, negative_slope) = where(x > 0, x, negative_slope * x)")


@pytest.mark.parametrize("slope", [0.2, 0, -0.0, 1, math.inf])
def test_literals_are_put_into_what_ships(slope):
    assert print_formula(derive_with(LEAKY, 0, {1: slope})) == f"leaky_relu'(x) = where(x > 0, 1, {slope})"


def test_a_bound_that_is_nan_has_a_rule():
    clip = parse_formula("clip_min(x, min) = where(x >= min, x, where(x < min, min, stop(x + min)))")
    assert print_formula(derive_with(clip, 0, {1: math.nan})) == "clip_min'(x) = where(x >= nan, 1, 0)"


def test_literals_may_stand_before_the_parameter():
    formula = parse_formula("f(a, x, y) = y * sin(a * x)")
    found = derive_with(formula, 1, {0: 2})
    assert found == derive(bind(formula, {0: 2}), 0)
    assert found.parameters == ("x", "y")


def test_powers_are_simplified_by_sympy():
    power = parse_formula("pow(x, y) = x ** y")
    assert print_formula(derive_with(power, 0, {1: 7})) == "pow'(x) = 7 * x ** 6"
