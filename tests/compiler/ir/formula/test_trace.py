"""From Python functions to formulas."""

import math
import subprocess
import sys

import numpy as np
import pytest

from compiler.errors import FormulaError
from compiler.ir.formula.trace import trace
from tests.compiler.ir.formula.evaluate import f


def traced(function):
    return trace(function, "f")[0]


def test_operators():
    def function(x, y):
        return -(x + 1) * (2 - y) / x**2 + abs(y) ** x - (+x)

    assert traced(function) == f("-(x + 1) * (2 - y) / x ** 2 + abs(y) ** x - x", "x, y")


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (lambda x: (x > 0) & (x <= 1) | ~(x == 2) ^ (x != 3), "(x > 0) & (x <= 1) | ~(x == 2) ^ (x != 3)"),
        (lambda x: x > 1, "x > 1"),
        (lambda x: x < 1, "x < 1"),
        (lambda x: x >= 1, "x >= 1"),
        (lambda x: 2.0**x, "2.0 ** x"),
        (lambda x: x * np.float64(0.5), "x * 0.5"),
        (lambda x: x * np.array(2), "x * 2"),
    ],
)
def test_comparisons_logic_and_numpy_scalars(function, text):
    assert traced(function) == f(text)


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (np.tanh, "tanh(x)"),
        (np.exp, "exp(x)"),
        (np.log1p, "log1p(x)"),
        (np.rint, "round(x)"),
        (np.absolute, "abs(x)"),
        (lambda x: np.maximum(x, 0), "maximum(x, 0)"),
        (lambda x: np.multiply(2, x), "2 * x"),
        (lambda x: np.logical_not(np.isnan(x)), "~isnan(x)"),
    ],
)
def test_numpys_functions(function, text):
    assert traced(lambda x: function(x)) == f(text)


@pytest.mark.parametrize(
    "function", [np.spacing, np.deg2rad, lambda x: np.exp(x, dtype=float), np.add.reduce]
)
def test_numpys_other_functions_are_refused_by_name(function):
    with pytest.raises(FormulaError, match=r"numpy\.\w+ is no atom of formulas; the atoms are add, sub"):
        traced(lambda x: function(x))


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (lambda s, x: s.exp(x), "exp(x)"),
        (lambda s, x: x * s.tanh(x), "x * tanh(x)"),
        (lambda s, x: s.sqrt(x), "sqrt(x)"),
        (lambda s, x: s.Abs(x), "abs(x)"),
        (lambda s, x: s.Max(x, 0), "maximum(0, x)"),
        (lambda s, x: s.erf(x) / s.sqrt(2), "0.7071067811865476 * erf(x)"),
        (lambda s, x: s.pi * x, "pi * x"),
        (lambda s, x: s.Rational(1, 3) + x, "x + 0.3333333333333333"),
        (lambda s, x: s.Piecewise((s.exp(x), s.sympify(x) > 0), (0, True)), "where(x > 0, exp(x), 0)"),
        (lambda s, x: s.log(1 + s.exp(x)), "softplus(x)"),
        (lambda s, x: s.oo, "inf"),
    ],
)
def test_sympys_functions(function, text):
    sympy = pytest.importorskip("sympy")
    assert traced(lambda x: function(sympy, x)) == f(text)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda s, x: s.gamma(x), r"cannot differentiate or evaluate gamma\("),
        (lambda s, x: s.I * x, "I is not a real number"),
        (lambda s, x: s.zoo, "zoo is not a real number"),
        (lambda s, x: s.Symbol("y") + x, "y is no variable of this formula"),
        (lambda s, x: s.Piecewise((x, s.sympify(x) > 0)), "has no value where none of its conditions holds"),
    ],
)
def test_what_is_no_formula_in_sympy_is_named(function, message):
    sympy = pytest.importorskip("sympy")
    with pytest.raises(FormulaError, match=message):
        traced(lambda x: function(sympy, x))


def branching(x):
    return x if x > 0 else -x


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (branching, r"no `if`, `and` or `or`: use where\(condition, a, b\)"),
        (lambda x: math.tanh(x), r"has no value; use tt.exp, tt.tanh, ... instead of math's"),
        (lambda x: int(x), "has no value"),
        (lambda x: "x", "made of its variables, numbers and element-wise functions, not of 'x'"),
        (lambda x: None, "not of None"),
        (lambda x: x * np.ones(3), "no atom of formulas|not of array"),
        (lambda x: x * 10**30, "does not fit int64; write a float"),
        (lambda *x: x[0], "operands are positional"),
        (lambda x, *, slope: x, "every keyword-only parameter has a number as its default"),
        (lambda: 1, "takes no operand"),
        (lambda *, slope=1: slope, "takes no operand"),
        (lambda nan: nan, "nan is a literal"),
    ],
)
def test_what_cannot_be_traced_says_what_to_do(function, message):
    with pytest.raises(FormulaError, match=message):
        traced(function)


def test_a_variable_of_another_formula_is_refused():
    kept = []
    traced(lambda x: kept.append(x) or x)
    with pytest.raises(FormulaError, match="a variable of one formula is used in another"):
        traced(lambda x: x + kept[0])


def test_keyword_parameters_come_with_their_defaults():
    formula, defaults = trace(lambda x, *, slope=0.01, power=2: x * slope**power, "leaky")
    assert formula.parameters == ("x", "slope", "power")
    assert defaults == {"slope": 0.01, "power": 2}


def test_what_was_recognised_is_said():
    formula = traced(lambda x: x * np.tanh(np.log(1 + np.exp(x))))
    assert formula == f("x * tanh(softplus(x))")
    assert formula.recognised == ("log(1 + exp(x)) = softplus(x)",)


def test_the_room_loads_no_slow_module():
    program = (
        "import importlib, pkgutil, sys, compiler.ir.formula as room\n"
        "for module in pkgutil.iter_modules(room.__path__):\n"
        "    importlib.import_module(f'{room.__name__}.{module.name}')\n"
        "print(*sorted({'sympy', 'mpmath', 'networkx'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
