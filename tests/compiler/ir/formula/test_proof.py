"""The proof accepts what is right and refuses what is wrong by little, or only somewhere."""

import pytest

from compiler.errors import FormulaError
from compiler.ir.formula.breaks import break_points
from compiler.ir.formula.proof import agree, disproof_of_partial
from tests.compiler.ir.formula.evaluate import f


@pytest.mark.parametrize(
    ("text", "partial"),
    [
        ("exp(x)", "exp(x)"),
        ("tanh(x)", "1 - tanh(x) * tanh(x)"),
        ("x * sigmoid(x)", "sigmoid(x) + x * sigmoid(x) * (1 - sigmoid(x))"),
        ("log(x)", "1 / x"),
        ("abs(x)", "sign(x)"),
        ("where(x > 0, x, 0)", "where(x > 0, 1, 0)"),
        ("x * stop(x)", "stop(x)"),
        ("sqrt(maximum(x, 0))", "where(x > 0, 0.5 / sqrt(x), 0)"),
        ("maximum(x, 0) ** 0.75", "where(x > 0, 0.75 / x ** 0.25, 0)"),
    ],
)
def test_a_right_derivative_is_accepted(text, partial):
    assert disproof_of_partial(f(text), 0, f(partial)) is None


@pytest.mark.parametrize(
    ("text", "partial"),
    [
        ("exp(x)", "1.001 * exp(x)"),
        ("tanh(x)", "1.001 * sech2(x)"),
        ("sigmoid(x)", "sigmoid(x) * (1 - sigmoid(x)) * 0.999"),
        ("x * x", "2 * x + 1e-20"),
        ("log(x)", "1.001 / x"),
    ],
)
def test_a_derivative_that_is_a_little_wrong_is_refused_with_the_point(text, partial):
    reason = disproof_of_partial(f(text), 0, f(partial))
    assert reason is not None
    assert "and the slope is" in reason


@pytest.mark.parametrize(
    ("text", "partial"),
    [
        ("where(x > 0, x, 0)", "where(x > 0, 1, where(x == 0, 7, 0))"),
        ("abs(x - 3)", "where(x == 3, 2, sign(x - 3))"),
        ("maximum(x, 1000.5)", "where(x == 1000.5, -1, where(x > 1000.5, 1, 0))"),
    ],
)
def test_a_derivative_that_is_wrong_only_at_a_break_point_is_refused(text, partial):
    reason = disproof_of_partial(f(text), 0, f(partial))
    assert reason is not None
    assert "not between the one-sided slopes" in reason


def test_a_literal_that_was_rounded_to_1_is_not_the_integer_1():
    assert disproof_of_partial(f("1.0000000000000000000001 * x"), 0, f("1"), {1.0: "1.25"}) is None
    assert disproof_of_partial(f("x"), 0, f("1.0"), {1.0: "1.25"}) is not None


def test_a_function_without_real_values_cannot_be_verified():
    with pytest.raises(FormulaError, match="has a real slope at 0 of 480 points"):
        disproof_of_partial(f("sqrt(-1 - x * x)"), 0, f("x"))


def test_agreement_is_to_50_digits_and_needs_real_values_in_the_same_places():
    assert agree(f("exp(x) * exp(x)"), f("exp(2 * x)"))
    assert not agree(f("exp(2 * x)"), f("exp(2 * x) + 1e-45"))
    assert not agree(f("log(x * x)"), f("2 * log(x)"))
    assert not agree(f("sqrt(-1 - x * x)"), f("sqrt(-1 - x * x)"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("exp(x)", []),
        ("abs(x)", [0]),
        ("where(x > 0.7, x, 0)", [0.7]),
        ("where(3 * x == 1, x, 0)", [1 / 3]),
        ("where(x > 12345.5, 1, x)", [12345.5]),
        ("minimum(maximum(x + 3, 0), 6)", [-3, 3]),
        ("where(x * x < 1e-4, 1, x)", [-0.01, 0.01]),
        ("where(x * x == 0, 1, x)", [0]),
        ("where(x * x + 1e-9 > 0, 1, x)", []),
        ("where(log(x) > 0, x, 0)", [1]),
    ],
)
def test_break_points(text, expected):
    assert [float(x) for (x,) in break_points(f(text), 0)] == pytest.approx(expected, abs=1e-15)


def test_the_points_of_two_parameters_are_not_tied_to_each_other():
    assert disproof_of_partial(f("x * y", "x, y"), 0, f("-x", "x, y")) is not None
    assert not agree(f("x + y", "x, y"), f("x * 0 + y * 0", "x, y"))


def test_a_branch_that_is_not_taken_need_have_no_value():
    masked = f("where(x > 0, sqrt(x), 0)")
    assert disproof_of_partial(masked, 0, f("where(x > 0, 0.5 / sqrt(x), 0)")) is None
    assert disproof_of_partial(masked, 0, f("where(x > 0, 0.5 / sqrt(x), 1)")) is not None


def test_a_tower_of_exponentials_ends_soon():
    assert not agree(f("exp(exp(exp(exp(exp(x)))))"), f("sin(exp(exp(exp(exp(x)))))"))
