"""Slopes keep their values over the whole range of a dtype, in forms that are proposed, tried and proved."""

import numpy as np
import pytest

from compiler.ir.formula import single, stable
from compiler.ir.formula.derivative import derive_anew
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.formula.precise import mpmath_context
from compiler.ir.formula.printing import print_body
from tests.compiler.ir.formula.evaluate import on_arrays

FORMULAS = {
    "softsign": "x / (1 + abs(x))",
    "scaled softsign": "x / (3 + 2 * abs(x))",
    "gelu_tanh": "x * sigmoid(1.5957691216057308 * (x + 0.044715 * (x * x * x)))",
    "gelu_sigmoid": "x * sigmoid(1.702 * x)",
    "mish": "x * tanh(softplus(x))",
    "gelu": "x * normcdf(x)",
}
FAR = {
    "float32": [1e5, 1e13, 1e30, float(np.finfo("float32").max)],
    "float64": [1e5, 1e13, 1e30, 1e150, float(np.finfo("float64").max)],
}


def f(text):
    return parse_formula(f"f(x) = {text}")


@pytest.mark.parametrize("dtype", FAR)
@pytest.mark.parametrize("name", FORMULAS)
def test_far_out_every_slope_is_its_limit(name, dtype):
    x = np.array([side * size for size in FAR[dtype] for side in (1, -1)], dtype)
    first = derive_anew(f(FORMULAS[name]), 0)
    found, bent = (on_arrays(item, x, dtype=dtype) for item in (first, derive_anew(first, 0)))
    limit = np.where(x > 0, 0.0 if "softsign" in name else 1.0, 0.0)
    np.testing.assert_allclose(found, limit, atol=1e-10)
    np.testing.assert_allclose(bent, 0.0, atol=1e-10)


def test_what_cancels_does_so_before_it_is_rounded():
    assert print_body(derive_anew(f("x / (1 + abs(x))"), 0)) == "{ t0 = abs(x) + 1; 1 / (t0 * t0) }"
    x = np.array([1e9, -3e7], "float32")
    exact = 1 / (1 + np.abs(x.astype("float64"))) ** 2
    np.testing.assert_allclose(on_arrays(derive_anew(f("x / (1 + abs(x))"), 0), x), exact, rtol=1e-6)


def test_the_chain_rules_form_stays_where_no_other_is_better():
    slope = "{ t0 = sigmoid(x); t0 + x * (t0 * sigmoid(-x)) }"
    assert print_body(derive_anew(f("x * sigmoid(x)"), 0)) == slope


def test_a_vanishing_factor_does_not_hide_one_that_grows_as_fast():
    # Its slope tends to 1 at minus infinity, where in floats sigmoid is 0 and exp(-x) infinite: NaN, never 0.
    slope = derive_anew(f("x * (sigmoid(x) * exp(-x))"), 0)
    found = on_arrays(slope, np.array([-500.0, -1e30], "float32"))
    assert not np.isfinite(found).any()


def test_a_cotangent_that_is_nan_is_not_hidden():
    slope = derive_anew(parse_formula("f(g, x) = g * (x * x * normpdf(x))"), 1)
    assert "zmul" in print_body(slope)
    assert np.isnan(on_arrays(slope, [np.nan], [1e30])).all()


def test_a_form_that_is_wrong_in_float32_counts_as_worse_than_one_that_is_missing():
    wrong, missing = stable.Defects(1, 0, 0), stable.Defects(0, 9, 9)
    assert missing.rank < wrong.rank
    point = [mpmath_context().mpf(-100)]
    trial = stable.Trial(point, point[0], single.last_place(point[0]))
    nan = stable.Derived(f("x * sigmoid(x) * exp(-x)"), {})
    zero = stable.Derived(f("zmul(sigmoid(2 * x), x * exp(-2 * x))"), {})
    assert stable.defects(nan, [trial]) == (0, 1, 0)
    assert stable.defects(zero, [trial]) == (1, 0, 0)


@pytest.mark.parametrize(
    ("text", "slope"),
    [
        (
            "x * sigmoid(2.5 * (x + 1))",
            "{ t0 = 2.5 * (x + 1); t1 = sigmoid(t0); t1 + 2.5 * (t1 * sigmoid(-t0)) * x }",
        ),
        (
            "x * tanh(0.5 * (x + x * x))",
            "{ t0 = 0.5 * (x + x * x); tanh(t0) + zmul(sech2(t0), x * (x + 0.5)) }",
        ),
    ],
)
def test_a_slope_reads_what_the_function_computes_in_the_functions_words(text, slope):
    """sympy would multiply the sums out."""
    assert print_body(derive_anew(f(text), 0)) == slope
