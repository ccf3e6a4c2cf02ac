"""Ranges hold every value, and a formula said to be finite is."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given

from compiler.backends.reference.atoms import ATOMS_IN_NUMPY
from compiler.ir.formula.atoms import ATOMS, OF_INTEGERS, Rule
from compiler.ir.formula.interval_rules import RULES, Range
from compiler.ir.formula.intervals import may_blow_up, value_range
from compiler.ir.formula.tape import Const, Tape
from tests.compiler.ir.formula.evaluate import f, on_arrays
from tests.compiler.ir.formula.formulas import formulas

EDGES = [0.0, 1e-40, 1e-20, 0.3, 1, 2.5, 30, 100, 800]
GRID = np.array([-0.0, *sorted({sign * x for x in EDGES for sign in (-1.0, 1.0)})])


@pytest.mark.parametrize(
    "text",
    [
        "x * x * x", "1 / (1 + x * x)", "1 / (1 + exp(-x))", "tanh(exp(x))", "where(x > 0, 1, exp(x))",
        "where(0 >= x, exp(x), 1)", "where(x > 0, log(x), 0)", "where(x != 0, log(abs(x)), 0)",
        "where((x > 1) & (x < 5), exp(x), 0)", "where(~(x > 3), expm1(x), x)", "minimum(exp(x), 5)",
        "sqrt(x * x + 1)", "exp(-abs(x))", "where(x > 0.5, x ** -2, 0)", "sigmoid(x) * normpdf(x)",
        "where(x > 3, where(x < 2, 1 / x, 1), 2)", "where(x > 0, x, -x) + softplus(x)",
        "where(x <= 0, 1, where(x < 1e-3, 0, 1 / x))",
    ],
)  # fmt: skip
def test_finite(text):
    assert not may_blow_up(f(text))


@pytest.mark.parametrize(
    "text",
    [
        "exp(x)", "expm1(x)", "1 / x", "1 / sigmoid(x)", "log(x)", "log(sigmoid(x))", "log1p(x)", "sqrt(x)",
        "x ** 2.5", "x ** -1", "2.0 ** x", "0.5 / sqrt(x)", "sin(exp(x))", "where(x > 0, 1 / x, 0)",
        "where(x < 0, exp(-x), 0)", "x + inf", "where(x > 0, nan, x)", "log1p(-sigmoid(x))",
        "where(log(x) < 1, 0, log(x))",
    ],
)  # fmt: skip
def test_may_blow_up(text):
    assert may_blow_up(f(text))


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("x", -math.inf, math.inf),
        ("x * x", 0, math.inf),
        ("tanh(x)", -1, 1),
        ("erfc(x)", 0, 2),
        ("1 - sigmoid(x)", 0, 1),
        ("2 * cos(x) + 1", -1, 3),
        ("where(x > 0, 1, exp(x))", 0, 1),
        ("minimum(maximum(x, -1), 6)", -1, 6),
        ("normpdf(x)", 0, 1 / math.sqrt(2 * math.pi)),
        ("x > 0", 0, 1),
    ],
)
def test_range(text, low, high):
    assert value_range(f(text)) == (low, high)


def test_every_atom_has_a_rule():
    assert {*RULES, "where"} == set(ATOMS)


@pytest.mark.parametrize(
    "name", [name for name, atom in ATOMS.items() if atom.arity < 3 and atom.rule not in OF_INTEGERS]
)
def test_every_atoms_range_holds_its_values(name):
    parameters = "xy"[: ATOMS[name].arity]
    tape = Tape(parameters)
    _check(tape.finish("f", tape.emit(name, *range(len(parameters)))))


@pytest.mark.parametrize("dtype", [bool, np.int32, np.int64])
@pytest.mark.parametrize("name", [name for name, atom in ATOMS.items() if atom.rule in OF_INTEGERS])
def test_the_range_of_an_atom_of_bits_holds_its_values(name, dtype):
    """At the ranges that hold two of the numbers, and at none that is narrower."""
    if dtype is bool and ATOMS[name].rule is not Rule.BITWISE:
        return
    limits = [0, 1] if dtype is bool else [np.iinfo(dtype).min, -6, -1, 0, 1, 5, 40, np.iinfo(dtype).max]
    ranges = [(a, b) for a in limits for b in limits if a <= b]
    for sides in itertools.product(ranges, repeat=ATOMS[name].arity):
        grids = np.meshgrid(*[np.array([x for x in limits if a <= x <= b], dtype) for a, b in sides])
        found = RULES[name](*(Range(float(a), float(b)) for a, b in sides))
        value = ATOMS_IN_NUMPY[name](*grids).astype(np.float64)
        assert found.low <= value.min()
        assert value.max() <= found.high


@given(formulas(longest=8))
def test_the_range_of_a_random_formula_holds_its_values(formula):
    _check(formula)


def _check(formula):
    """Sums, products and whole powers of finite values count as finite, so only small arguments are tried."""
    points = np.meshgrid(*[GRID[np.abs(GRID) < 200]] * len(formula.parameters))
    value = on_arrays(formula, *points, dtype=np.float64).astype(np.float64)
    low, high = value_range(formula)
    slack = 1e-9 * np.minimum(np.abs(value), 1e300)
    real = ~np.isnan(value)
    assert np.all((low <= value + slack)[real])
    assert np.all((value - slack <= high)[real])
    overflowing = {"add", "sub", "mul", "zmul", "pow"} & {line.atom for line in formula.lines}
    if not may_blow_up(formula) and not overflowing:
        assert np.all(np.isfinite(value))


def test_conditions_nested_deep_cost_little():
    tape = Tape("x")
    value = 0
    for number in range(21):
        test = tape.emit("gt", 0, Const(number))
        value = tape.emit("where", test, tape.emit("add", value, Const(1)), value)
    assert not may_blow_up(tape.finish("f", value))
