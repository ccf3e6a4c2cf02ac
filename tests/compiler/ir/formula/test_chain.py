"""The chain rule along a tape: short, right, and without what hides a NaN."""

import itertools

import numpy as np
import pytest

from compiler.ir.formula.chain import differentiate_lines
from compiler.ir.formula.intervals import may_blow_up
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.formula.printing import print_body
from compiler.ir.formula.proof import disproof_of_partial
from compiler.ir.formula.tape import Tape
from tests.compiler.ir.formula.evaluate import on_arrays


def f(text, parameters="x"):
    return parse_formula(f"f({parameters}) = {text}")


@pytest.mark.parametrize(
    ("text", "slope"),
    [
        ("x * x", "2 * x"),
        ("3 * x - x", "2"),
        ("x / (1 + exp(x))", "{ t0 = exp(x); t1 = 1 + t0; (1 - x / t1 * t0) / t1 }"),
        ("x ** 3", "3 * x ** 2"),
        ("x ** -2", "-2 * (x ** -2 / x)"),
        ("sigmoid(-x)", "-(sigmoid(-x) * sigmoid(x))"),
        ("where(x > 0, 2 * x, 5)", "where(x > 0, 2, 0)"),
        ("exp(where(x > 0, x, 0))", "{ t0 = x > 0; where(t0, exp(where(t0, x, 0)), 0) }"),
        ("stop(x) * x", "stop(x)"),
        ("floor(x) + 1", "0"),
    ],
)
def test_a_slope_reads_what_stands_on_the_tape(text, slope):
    formula = f(text)
    partial, exact = differentiate_lines(formula, 0, "f'")
    assert print_body(partial) == slope
    assert disproof_of_partial(formula, 0, partial, exact) is None


def test_the_length_of_orders_grows_slowly():
    formula, lengths = f("x * tanh(softplus(x))"), list[int]()
    for order in range(8):
        formula = differentiate_lines(formula, 0, f"f{order}").formula
        lengths.append(len(formula.lines))
    assert lengths[-1] < 450
    assert all(after < 3 * before for before, after in itertools.pairwise(lengths))


def test_a_masked_product_is_0_where_its_bounded_factor_is_and_keeps_a_nan_of_the_cotangent():
    formula = f("g * (sigmoid(x) * (x * x * x))", "g, x")
    plain, masked = (differentiate_lines(formula, 1, "f'", masked=item).formula for item in (False, True))
    x = np.array([-1e30], "float32")
    assert np.isnan(on_arrays(plain, np.ones_like(x), x)).all()
    assert on_arrays(masked, np.ones_like(x), x).tolist() == [0.0]
    assert np.isnan(on_arrays(masked, np.full_like(x, np.nan), x)).all()


def test_numbers_keep_all_their_digits_through_orders():
    formula = f("exp(0.1 * x)")
    for order in range(4):
        partial, exact = differentiate_lines(formula, 0, f"f{order}")
        assert disproof_of_partial(formula, 0, partial, exact) is None
        formula = partial


def test_a_tape_of_two_thousand_lines_is_bounded_printed_and_read_back():
    tape = Tape("x")
    value = 0
    for _ in range(1000):
        value = tape.emit("sin", tape.emit("add", value, 0))
    formula = tape.finish("f", value)
    assert not may_blow_up(tape.finish("g", tape.emit("tanh", value)))
    assert parse_formula(str(formula)) == formula
