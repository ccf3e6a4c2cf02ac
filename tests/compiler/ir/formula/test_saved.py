"""The saved form: what it accepts is right in float32, and what it refuses has a witness."""

import math

import numpy as np
import pytest

from compiler.ir.formula.breaks import break_points
from compiler.ir.formula.derivative import derive
from compiler.ir.formula.printing import print_body
from compiler.ir.formula.saved import NoSavedForm, Reason, SavedForm, saved_form
from compiler.ir.formula.tape import Const, bind
from tests.compiler.ir.formula.evaluate import f, on_arrays

ACCEPTED = {
    "where(x <= 0, 0, x)": "where(y <= 0, 0, 1)",
    "where(x > 0, x, 0)": "where(y > 0, 1, 0)",
    "where(x > 0, x, 0.01 * x)": "where(y > 0, 1, 0.01)",
    "where(x > 0, x, expm1(x))": "where(y > 0, 1, y + 1)",
    "where(x > 0, x, 0.5 * expm1(x))": "where(y > 0, 1, y + 0.5)",
    "1.0507009873554805 * where(x > 0, x, 1.6732632423543772 * expm1(x))":
        "where(y > 0, 1.0507009873554805, y + 1.7580993408473768)",
    "sigmoid(x)": "y * (1 - y)",
    "tanh(x)": "1 - y * y",
    "softplus(x)": "-expm1(-y)",
    "-softplus(-x)": "-expm1(y)",
    "exp(x)": "y",
    "exp(3 * x)": "3 * y",
    "expm1(x)": "y + 1",
    "log1p(x)": "exp(-y)",
    "sqrt(x)": "0.5 / y",
    "1 / x": "-(y * y)",
    "1 / sqrt(x)": "-0.5 * (y * y * y)",
    "x / (1 + abs(x))": "{ t0 = 1 - y; t1 = 1 + y; where(y > 0, t0 * t0, t1 * t1) }",
    "where(x <= -3, 0, where(x >= 3, 1, (x + 3) / 6))":
        "where(y <= 0, 0, where(y >= 1, 0, 0.16666666666666666))",
    "where(x <= 0, 0, where(x >= 6, 6, x))": "where(y <= 0, 0, where(y >= 6, 0, 1))",
    "where(x <= -1, -1, where(x >= 1, 1, x))": "where(y <= -1, 0, where(y >= 1, 0, 1))",
    "where(x > 0, -x, -2 * x)": "where(y < 0, -1, -2)",
    "where(x > 0.1, x, 0)": "where(y > 0.05, 1, 0)",
    "where(x > 1000, 2 * x, x)": "where(y > 1500, 2, 1)",
    "2 * tanh(x / 3)": "0.6666666666666666 - 0.16666666666666666 * (y * y)",
    "6 * sigmoid(x)": "y * (1 - 0.16666666666666666 * y)",
    "3 * x + 1": "3",
    "floor(x)": "0",
}  # fmt: skip

TWO_SLOPES = [
    "x * sigmoid(x)",
    "x * normcdf(x)",
    "x * tanh(softplus(x))",
    "where(x <= -3, 0, where(x >= 3, x, x * (x + 3) / 6))",
    "where(x > 0, x, -0.01 * x)",
    "maximum(x, 0)",
    "minimum(maximum(x, 0), 6)",
    "where(x < 0, 0, where(x > 6, 6, x))",
    "abs(x)",
    "x * x",
    "sin(x)",
]
"""Among them clip with gradient at its bounds: slope 1 at x = 6 and 0 at x = 7, value 6 at both."""


@pytest.mark.parametrize(("text", "expected"), ACCEPTED.items())
def test_the_form(text, expected):
    found = saved_form(f(text))
    assert isinstance(found, SavedForm), found
    assert print_body(found.derivative) == expected
    assert found.derivative.parameters == ("y",)


def _arguments(formula):
    """Float32 of every size and sign, dense where activations bend, but not within 8 units of a break."""
    powers = 2.0 ** np.arange(-149, 128)
    halves = np.linspace(-20, 20, 8001)
    x = np.concatenate([powers, -powers, halves, np.linspace(-1000, 1000, 4001)]).astype(np.float32)
    for (point,) in break_points(formula, 0):
        near = np.abs(x - np.float32(point)) <= 8 * np.spacing(np.abs(np.float32(point)))
        x = x[~near | (x.astype(np.float64) == float(point))]
    return x


@pytest.mark.parametrize("text", ACCEPTED)
def test_in_float32_the_form_is_the_derivative_to_some_units_in_the_last_place(text):
    formula = f(text)
    found = saved_form(formula)
    assert isinstance(found, SavedForm)
    x = _arguments(formula)
    y = on_arrays(formula, x)
    wanted = on_arrays(derive(formula, 0), x.astype(np.float64), dtype=np.float64)
    usable = np.isfinite(y) & (np.abs(wanted) < 1e37)
    assert usable.sum() > 1000
    got, wanted = on_arrays(found.derivative, y[usable]).astype(np.float64), wanted[usable]
    error = np.abs(got - wanted) / np.maximum(1, np.abs(wanted))
    assert error.max() < 64 * 2.0**-24


@pytest.mark.parametrize("text", ACCEPTED)
def test_at_ties_zeros_infinities_and_nan_the_form_says_what_the_derivative_says(text):
    formula = f(text)
    found = saved_form(formula)
    assert isinstance(found, SavedForm)
    ties = [float(point) for (point,) in break_points(formula, 0)]
    x = np.array([*ties, 0.0, -0.0, np.inf, -np.inf, np.nan], np.float32)
    y = on_arrays(formula, x)
    wanted, got = on_arrays(derive(formula, 0), x), on_arrays(found.derivative, y)
    known = ~np.isnan(wanted) & ~np.isnan(y)  # where the derivative itself is NaN, a limit is as good
    np.testing.assert_allclose(got[known], wanted[known], rtol=1e-6)
    at_nan = np.isnan(x) & np.isnan(y) & ~np.isnan(wanted)
    np.testing.assert_allclose(got[at_nan], wanted[at_nan], rtol=1e-6)


@pytest.mark.parametrize("text", TWO_SLOPES)
def test_a_function_with_two_slopes_at_one_value_is_refused_with_the_two(text):
    formula = f(text)
    found = saved_form(formula)
    assert isinstance(found, NoSavedForm)
    assert found.reason is Reason.TWO_SLOPES
    one, other = _numbers(found.text, "x = ")
    values = on_arrays(formula, [one, other], dtype=np.float64)
    slopes = on_arrays(derive(formula, 0), [one, other], dtype=np.float64)
    assert values[0] == pytest.approx(values[1], abs=1e-4)
    assert abs(slopes[0] - slopes[1]) > 0.1


def _numbers(text, before):
    return [float(part.split()[0].rstrip(",")) for part in text.split(before)[1:]]


@pytest.mark.parametrize(
    ("text", "reason", "part"),
    [
        ("erf(x)", Reason.NO_FORM, "no form that was tried gives"),
        ("where(x > 20, x, softplus(x))", Reason.NO_FORM, "no form"),
        ("maximum(x, 0.1 * x)", Reason.NO_FORM, "no form"),
        ("log(x)", Reason.INEXACT, "exp(-y) with y rounded to float32 is"),
        ("where(x >= 1, x, 1 + 1e-9 * (x - 1))", Reason.INEXACT, "at x = "),
        ("0.7 * where(x >= 1.3, 1.3, x)", Reason.INEXACT, "is rounded, and the branches meet there"),
    ],
)
def test_other_refusals(text, reason, part):
    found = saved_form(f(text))
    assert isinstance(found, NoSavedForm), found
    assert found.reason is reason
    assert part in found.text


def test_further_parameters_are_to_be_bound():
    leaky = f("where(x > 0, x, slope * x)", "x, slope")
    found = saved_form(leaky)
    assert isinstance(found, NoSavedForm)
    assert found.reason is Reason.PARAMETERS
    assert "(x, slope); bind all but one" in found.text
    bound = saved_form(bind(leaky, {1: 0.2}))
    assert isinstance(bound, SavedForm)
    assert print_body(bound.derivative) == "where(y > 0, 1, 0.2)"


def test_a_slope_of_zero_is_flat_and_a_negative_slope_is_refused():
    leaky = f("where(x > 0, x, slope * x)", "x, slope")
    flat = saved_form(bind(leaky, {1: 0.0}))
    assert isinstance(flat, SavedForm)
    assert print_body(flat.derivative) == "where(y > 0, 1, 0)"
    assert isinstance(saved_form(bind(leaky, {1: -0.2})), NoSavedForm)


def test_a_constant_needs_neither_input_nor_output():
    found = saved_form(f("2 * x"))
    assert isinstance(found, SavedForm)
    assert found.derivative.result == Const(2)
    assert math.isfinite(found.derivative.result.value)
