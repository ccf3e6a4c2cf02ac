"""Derivatives by sympy: values, conventions at break points, and the same text in every process."""

import os
import subprocess
import sys

import numpy as np
import pytest

from compiler.errors import FormulaError
from compiler.ir.formula.atom_partials import STATED, atom_partial
from compiler.ir.formula.atoms import ATOMS
from compiler.ir.formula.derivative import derive, derive_anew, is_one, is_zero
from compiler.ir.formula.printing import print_body
from compiler.ir.formula.proof import disproof_of_partial
from tests.compiler.ir.formula.evaluate import f, on_arrays

DIFFERENTIABLE = [name for name, atom in ATOMS.items() if not atom.flat and name not in ("where", "zmul")]


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_every_atoms_partials_agree_with_its_slope(name):
    parameters = ", ".join("xyz"[: ATOMS[name].arity])
    for parameter in range(ATOMS[name].arity):
        if name in STATED and STATED[name][parameter] is None:
            with pytest.raises(FormulaError, match="is no formula of atoms"):
                atom_partial(name, parameter)
            continue
        partial = atom_partial(name, parameter)
        assert disproof_of_partial(f(f"{name}({parameters})", parameters), parameter, partial) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sigmoid(x)", "sigmoid(x) * sigmoid(-x)"),
        ("tanh(x)", "sech2(x)"),
        ("softplus(x)", "sigmoid(x)"),
        ("normcdf(x)", "normpdf(x)"),
        ("log1p(x)", "1 / (1 + x)"),
        ("expm1(x)", "exp(x)"),
        ("exp(-x)", "-exp(-x)"),
        ("x * normcdf(x)", "normcdf(x) + x * normpdf(x)"),
        ("x ** 3", "3 * (x * x)"),
        ("where(x > 0, x, 0.01 * x)", "where(x > 0, 1, 0.01)"),
        ("x - x", "0"),
        ("7", "0"),
        ("floor(x) + sign(x)", "0"),
        ("stop(exp(x)) * x", "stop(exp(x))"),
    ],
)
def test_a_derivation_reads_well(text, expected):
    assert print_body(derive_anew(f(text), 0)) == expected


@pytest.mark.parametrize(
    ("text", "x", "expected"),
    [
        ("where(x <= 0, 0, x)", [-1, -0.0, 0.0, 1], [0, 0, 0, 1]),
        ("abs(x)", [-1, 0, 1], [-1, 0, 1]),
        ("maximum(x, 2)", [1, 2, 3], [0, 0.5, 1]),
        ("minimum(x, 2)", [1, 2, 3], [1, 0.5, 0]),
        ("where(x < -1, -1, where(x > 1, 1, x))", [-2, -1, 0, 1, 2], [0, 1, 1, 1, 0]),
        ("x ** 2", [0, -3], [0, -6]),
        ("pow(x, 2.0)", [0, -3], [0, -6]),
        ("pow(x, 0.0)", [0, 3], [0, 0]),
        ("softplus(x)", [0, 1000, -1000], [0.5, 1, 0]),
        ("where(x > 0, sqrt(abs(x)), 0.0)", [-4, 4], [0, 0.25]),
        ("where(x > 0, x * log(x), 0.0)", [-4, 1], [0, 1]),
    ],
)
def test_at_break_points_the_convention_is_pytorchs(text, x, expected):
    assert on_arrays(derive(f(text), 0), x, dtype=np.float64).tolist() == expected


@pytest.mark.parametrize("parameter", [0, 1])
def test_equal_operands_of_maximum_share_in_halves(parameter):
    partial = derive(f("maximum(x, y)", "x, y"), parameter)
    assert on_arrays(partial, [1.0, 2.0, 2.0], [2.0, 2.0, 1.0]).tolist() == [parameter, 0.5, 1 - parameter]


def test_the_power_of_zero():
    by_base, by_exponent = (derive(f("x ** y", "x, y"), k) for k in (0, 1))
    assert on_arrays(by_base, [0.0, 0.0, 2.0], [0.0, 1.0, 3.0]).tolist() == [0, 1, 12]
    assert on_arrays(by_exponent, [0.0, 0.0], [0.0, 2.0]).tolist() == [0, 0]


def test_zmuls_partials_are_the_plain_products():
    formula = f("zmul(g, d)", "g, d")
    assert (print_body(derive(formula, 0)), print_body(derive(formula, 1))) == ("d", "g")


@pytest.mark.parametrize(
    "text",
    [
        "sigmoid(x)",
        "tanh(x)",
        "softplus(x)",
        "x * sigmoid(x)",
        "x * tanh(softplus(x))",
        "x * normcdf(x)",
        "erf(x)",
    ],
)
def test_first_and_second_derivatives_are_finite_far_out(text):
    first = derive(f(text), 0)
    for partial in (first, derive(first, 0)):
        assert np.all(np.isfinite(on_arrays(partial, [-1000.0, -100, 100, 1000])))


@pytest.mark.parametrize("text", ["sqrt(-1 - x * x)", "log(-1 - x * x)"])
def test_a_function_without_real_values_has_no_derivative_that_can_be_proved(text):
    with pytest.raises(FormulaError, match="f has a real slope at 0 of 480 points tried"):
        derive(f(text), 0)


def test_what_sympy_derives_wrongly_is_refused(monkeypatch):
    from compiler.ir.formula import stable, symbolic

    wrong = symbolic.Derived(f("1.001 * cos(x)"), {})
    monkeypatch.setattr(stable, "slopes", lambda formula, parameter, name: [wrong])
    with pytest.raises(FormulaError, match=r"was derived as 1\.001 \* cos\(x\), which is refused: at"):
        derive_anew(f("sin(x)"), 0)


def test_zero_and_one_are_told_whatever_their_type():
    assert is_zero(f("0"))
    assert is_zero(f("0.0"))
    assert is_one(f("1.0"))
    assert not is_one(f("x"))


PROGRAM = """
from compiler.ir.formula.derivative import derive
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.formula.saved import saved_form
for text in (
    "x * tanh(softplus(x)) * y", "exp(x * y) / (1 + sigmoid(y) * x) + maximum(x, y)", "x ** y * log(y)",
    "where(x > y, sin(x) * cos(y) * tanh(x * y), sqrt(x * x + y * y))", "erf(x) * normcdf(y) * zmul(x, y)",
):
    for parameter in (0, 1):
        print(derive(parse_formula(f"f(x, y) = {text}"), parameter))
print(saved_form(parse_formula("f(x) = x / (1 + abs(x))")))
print(saved_form(parse_formula("f(x) = x * sigmoid(x)")))
"""


def test_two_processes_with_different_hash_seeds_derive_the_same_text():
    texts = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert texts[0] == texts[1]
    assert texts[0].count("\n") == 12
