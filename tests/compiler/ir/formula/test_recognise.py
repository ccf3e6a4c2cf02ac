"""Unstable forms become stable atoms."""

import numpy as np
import pytest

from compiler.ir.formula.equations import EQUATIONS, equations
from compiler.ir.formula.precise import close, evaluate_precisely, sample_points
from compiler.ir.formula.recognise import recognise
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
    assert found == f(right)
    assert found.recognised


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("log(exp(x) + 1)", "softplus(x)"),
        ("x * tanh(log(1 + exp(x)))", "x * tanh(softplus(x))"),
        ("log(1 + exp(2 * x + 1))", "softplus(2 * x + 1)"),
        ("log(1.0 + exp(x))", "softplus(x)"),
        ("log(1 + 0.5 * x)", "log1p(0.5 * x)"),
        ("log(x) * x", "zmul(x, log(x))"),
        ("log(1 / (1 + exp(-x)))", "-softplus(-x)"),
        ("x * log(1 - x)", "x * log1p(-x)"),
    ],
)
def test_forms_inside_others_in_either_order(text, expected):
    assert recognise(f(text)) == f(expected)


SPELLINGS = {
    "softplus(x)": [
        "log1p(exp(x))",
        "log(exp(x) + 1)",
        "log(1 - -exp(x))",
        "-log(1 / (1 + exp(x)))",
        "log(1 + 1 / exp(-x))",
        "-log(sigmoid(-x))",
        "-log(1 - sigmoid(x))",
        "x + log(1 + exp(-x))",
        "log((1 + exp(-x)) * exp(x))",
        "log(1 + exp(x / 2) * exp(0.5 * x))",
        "log((2 + 2 * exp(x)) / 2)",
    ],
    "sigmoid(x)": [
        "1 / (exp(-x) + 1)",
        "exp(x) / (1 + exp(x))",
        "exp(x) * (1 / (exp(x) + 1))",
        "(1 + exp(-x)) ** -1",
        "1 - 1 / (1 + exp(x))",
        "1 - sigmoid(-x)",
        "1 / (1 + 1 / exp(x))",
        "-(sigmoid(-x) - 1)",
    ],
    "-softplus(-x)": [
        "log(sigmoid(x))",
        "x - log(1 + exp(x))",
        "log(exp(x) / (1 + exp(x)))",
        "-log1p(exp(-x))",
    ],
    "tanh(x)": [
        "(exp(2 * x) - 1) / (exp(2 * x) + 1)",
        "(1 - exp(-2 * x)) / (1 + exp(-2 * x))",
        "(exp(x) - 1 / exp(x)) * (1 / (1 / exp(x) + exp(x)))",
    ],
    "sech2(x)": ["1 - tanh(x) * tanh(x)", "-tanh(x) ** 2 + 1", "1 + tanh(x) * tanh(-x)"],
    "erfc(-x)": ["1 + erf(x)", "1 - erf(-x)", "erf(x) - -1"],
    "-expm1(x)": ["1 - exp(x)", "-exp(x) + 1", "-(-1 + exp(x))", "1 - 1 / exp(-x)"],
    "log1p(-x)": ["log(1 - x)", "log(-x + 1)", "log(-(x - 1))", "log(1 + -x)"],
    "-zmul(x, log(x))": ["-x * log(x)", "x * -log(x)", "log(x) * -x", "-(x * log(x))"],
    "x": ["log(exp(x))", "-log(exp(-x))", "-log(1 / exp(x))", "log(exp(x / 2) ** 2)"],
}


@pytest.mark.parametrize(
    ("expected", "text"), [(expected, text) for expected, texts in SPELLINGS.items() for text in texts]
)
def test_it_does_not_matter_how_a_form_is_written(expected, text):
    found = recognise(f(text))
    assert found.lines == f(expected).lines
    assert found.recognised


def test_what_is_said_to_be_recognised_does_not_depend_on_it_either():
    for texts in SPELLINGS.values():
        roots = {recognise(f(text)).recognised[-1] for text in texts}
        assert len(roots) == 1, roots


def test_forms_with_two_exponents_or_a_literal_beside_one():
    found = {
        text: recognise(f(text, "x, y"))
        for text in (
            "exp(x) / (exp(x) + exp(y))",
            "log(exp(x) + exp(y))",
            "log(exp(x) * y)",
            "y * exp(x) / (exp(x) + 1)",
        )
    }
    assert [item.lines for item in found.values()] == [
        f(text, "x, y").lines
        for text in (
            "sigmoid(x - y)",
            "maximum(y, x) + softplus(-abs(x - y))",
            "x + log(y)",
            "sigmoid(x) * y",
        )
    ]
    points = np.array([-1000.0, -1.0, 0.0, 3.0, 1000.0])
    for literal in ("2", "0.001"):
        value = on_arrays(recognise(f(f"log({literal} + exp(x))")), points)
        np.testing.assert_allclose(value, np.logaddexp(np.log(float(literal)), points), rtol=1e-6)


@pytest.mark.parametrize(
    "text",
    ["log(3 - exp(x))", "1 - x", "x + log(x)", "exp(x) + 1", "2 - exp(x)", "x * exp(x)", "1 - tanh(x)"],
)
def test_what_only_looks_alike_stays(text):
    formula = recognise(f(text))
    assert formula == f(text)
    assert formula.recognised == ()


def test_what_is_recognised_is_finite_where_the_written_form_is_not():
    written, stable = f("log(1 + exp(x))"), recognise(f("log(1 + exp(x))"))
    assert on_arrays(written, [1000.0]).tolist() == [np.inf]
    assert on_arrays(stable, [1000.0]).tolist() == [1000]
