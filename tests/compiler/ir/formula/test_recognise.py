"""Unstable forms become stable atoms."""

import numpy as np
import pytest

from compiler.ir.formula.precise import close, evaluate_precisely, sample_points
from compiler.ir.formula.recognise import EQUATIONS, equations, match, recognise
from compiler.ir.formula.tape import Const
from tests.compiler.ir.formula.evaluate import f, on_arrays


@pytest.mark.parametrize("equation", equations(), ids=[equation.text for equation in equations()])
def test_both_sides_are_the_same_function_at_50_digits(equation):
    points, compared = sample_points(1), 0
    while compared < 40:
        point = next(points)
        left = evaluate_precisely(equation.pattern, point)
        if left is not None:
            right = evaluate_precisely(equation.replacement, point)
            assert right is not None
            assert close(left, right, 50)
            compared += 1


@pytest.mark.parametrize(("left", "right"), EQUATIONS)
def test_every_equation_is_found(left, right):
    found = recognise(f(left))
    assert found == recognise(f(right))
    assert found.recognised


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("log(exp(x) + 1)", "softplus(x)"),
        ("x * tanh(log(1 + exp(x)))", "x * tanh(softplus(x))"),
        ("log(1 + exp(2 * x + 1))", "softplus(2 * x + 1)"),
        ("log(1.0 + exp(x))", "softplus(x)"),
        ("log(1 + 2 * exp(x))", "log1p(2 * exp(x))"),
        ("log(x) * x", "zmul(x, log(x))"),
        ("log(1 / (1 + exp(-x)))", "-softplus(-x)"),
    ],
)
def test_forms_inside_others_in_either_order(text, expected):
    assert recognise(f(text)) == f(expected)


@pytest.mark.parametrize(
    "text", ["log(2 + exp(x))", "log(3 - exp(x))", "1 - x", "x + log(x)", "exp(x) + 1", "x * log(1 - x)"]
)
def test_what_only_looks_alike_stays(text):
    formula = recognise(f(text))
    assert formula == f(text)
    assert formula.recognised == ()


def test_what_is_recognised_is_finite_where_the_written_form_is_not():
    written, stable = f("log(1 + exp(x))"), recognise(f("log(1 + exp(x))"))
    assert on_arrays(written, [1000.0]).tolist() == [np.inf]
    assert on_arrays(stable, [1000.0]).tolist() == [1000]


def test_a_variable_of_a_pattern_is_one_value():
    formula = f("x * log(y)", "x, y")

    def line_of(ref):
        return formula.line(ref) if isinstance(ref, int) and ref >= 2 else None

    pattern = f("x * log(x)")
    assert match(pattern, line_of, formula.result) is None
    assert match(f("x * log(y)", "x, y"), line_of, formula.result) == {0: 0, 1: 1}


def test_a_literal_of_a_pattern_matches_an_equal_number_of_any_type():
    formula = f("exp(x) - 1.0")
    found = match(f("exp(x) - 1"), lambda ref: formula.line(ref) if ref in (1, 2) else None, formula.result)
    assert found == {0: 0}
    assert not isinstance(formula.result, Const)
