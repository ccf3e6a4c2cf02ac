"""Tapes: equal expressions are equal tapes, and the dtypes of lines."""

import pytest
from hypothesis import given

from compiler.errors import DTypeError, FormulaError
from compiler.ir.formula.tape import (
    LONGEST,
    Const,
    Tape,
    bind,
    bind_literals,
    drop_unused,
    infer_dtypes,
    natural_dtype,
)
from compiler.ir.types import BOOL, FLOAT32, FLOAT64, INT32, INT64
from tests.compiler.ir.formula.evaluate import f, on_arrays
from tests.compiler.ir.formula.formulas import formulas


def test_a_line_is_written_once_and_what_nobody_needs_is_dropped():
    tape = Tape("x")
    first = tape.emit("exp", 0)
    tape.emit("log", 0)
    assert tape.emit("exp", 0) == first
    assert [line.atom for line in tape.finish("f", first).lines] == ["exp"]


def test_equal_expressions_written_in_another_order_are_equal_tapes():
    tape, other = Tape("x"), Tape("x")
    one, two = tape.emit("exp", 0), tape.emit("sin", 0)
    two_first, one_second = other.emit("sin", 0), other.emit("exp", 0)
    assert tape.finish("f", tape.emit("add", one, two)) == other.finish(
        "f", other.emit("add", one_second, two_first)
    )


def test_a_formula_has_so_many_lines_at_most():
    tape = Tape("x")
    value = 0
    for _ in range(LONGEST):
        value = tape.emit("exp", value)
    assert len(tape.finish("f", value).lines) == LONGEST
    with pytest.raises(
        FormulaError, match=f"'f' has {LONGEST + 1} lines and {LONGEST} is the most; make it of two"
    ):
        tape.finish("f", tape.emit("exp", value))


@pytest.mark.parametrize(
    ("names", "message"), [(["x", "x"], "different names"), (["nan"], "nan is a literal")]
)
def test_parameters_have_usable_names(names, message):
    with pytest.raises(FormulaError, match=message):
        Tape(names)


def test_bind_puts_a_literal_for_a_parameter():
    formula = bind(f("where(x > 0, x, slope * x)", "x, slope"), {1: 0.1})
    assert formula == f("where(x > 0, x, 0.1 * x)")


def test_drop_unused_keeps_positions():
    formula, kept = drop_unused(f("exp(z) * x", "x, y, z"))
    assert (formula, kept) == (f("exp(z) * x", "x, z"), (0, 2))


@given(formulas())
def test_binding_nothing_and_dropping_nothing_change_nothing(formula):
    assert bind(formula, {}) == formula
    used, kept = drop_unused(formula)
    assert drop_unused(used)[1] == tuple(range(len(kept)))


@pytest.mark.parametrize(
    ("text", "factors"),
    [
        ("x * y * z", (0, 1, 2)),
        ("z * x", (2, 0)),
        ("x", (0,)),
        ("x * x", None),
        ("2 * x", None),
        ("x + y", None),
    ],
)
def test_factors(text, factors):
    assert f(text, "x, y, z").factors == factors


@pytest.mark.parametrize(
    ("text", "operands", "expected"),
    [
        ("x + 1", [INT32], INT32),
        ("x + 1.0", [INT32], FLOAT32),
        ("x + 1.0", [FLOAT32], FLOAT32),
        ("x / 2", [INT32], FLOAT32),
        ("x / 2", [INT64], FLOAT32),
        ("exp(x)", [BOOL], FLOAT32),
        ("x > 0.5", [INT64], BOOL),
        ("maximum(x, x)", [BOOL], BOOL),
        ("where(x, 1, 2)", [BOOL], INT64),
        ("where(x > 0, 1.5, 2)", [FLOAT64], FLOAT32),
        ("where(x > 0, x, 0)", [FLOAT64], FLOAT64),
        ("sqrt(2 * pi) * x", [FLOAT64], FLOAT64),
    ],
)
def test_the_dtype_of_a_formula(text, operands, expected):
    assert natural_dtype(f(text), operands) is expected


def test_what_depends_on_literals_alone_takes_the_dtype_of_its_user():
    formula = f("sqrt(2 * pi) * x")
    for dtype in (FLOAT32, FLOAT64):
        assert {typed.dtype for typed in infer_dtypes(formula, [dtype], dtype)} == {dtype}


def test_a_comparison_reads_in_the_common_dtype_and_gives_bool():
    (typed,) = infer_dtypes(f("x < y", "x, y"), [INT64, FLOAT32], BOOL)
    assert (typed.reads, typed.dtype) == (FLOAT32, BOOL)


def test_a_value_of_literals_that_two_lines_use_suits_both():
    formula = f("where(sqrt(2) > x, sqrt(2) * y, y)", "x, y")
    typed = infer_dtypes(formula, [FLOAT64, FLOAT32], FLOAT32)
    assert typed[0].line.atom == "sqrt"
    assert typed[0].dtype is FLOAT64


@pytest.mark.parametrize(
    ("text", "dtype", "message"),
    [
        ("x + x", BOOL, "in f: add is not defined for bool"),
        ("-x", BOOL, "in f: neg is not defined for bool"),
        ("where(x, 1, 2)", FLOAT32, "in f: where takes bool, not float32; compare first"),
        ("x & x", FLOAT32, "in f: and takes bools and integers, not float32"),
        ("x << x", BOOL, "in f: lshift takes integers, not bool"),
    ],
)
def test_a_dtype_that_does_not_fit_names_the_atom(text, dtype, message):
    with pytest.raises(DTypeError, match=message):
        natural_dtype(f(text), [dtype])


def test_zmul_is_zero_where_its_first_factor_is():
    value = on_arrays(f("zmul(g, d)", "g, d"), [0.0, -0.0, 2.0, 0.0], [float("inf"), float("nan"), 3.0, 5.0])
    assert value.tolist() == [0, 0, 6, 0]


def test_a_const_is_equal_only_to_the_same_bits_and_type():
    assert Const(0.0) != Const(-0.0)
    assert Const(1) != Const(True)
    assert Const(1) != Const(1.0)
    assert Const(float("nan")) == Const(float("nan"))


def test_the_repr_of_a_line_tells_a_literal_from_an_earlier_value():
    chosen, other = (f(text).lines for text in ("where(true, x, 0)", "where(true, 0, x)"))
    assert chosen != other
    assert repr(chosen) != repr(other)
    assert str(Const(0)) == "0"


def test_formulas_bound_to_equal_numbers_of_other_types_are_others():
    formula = f("x * y", "x, y")
    bound = [bind_literals(formula, ((1, Const(number)),)) for number in (1, 1.0, True)]
    assert [type(found.lines[0].arguments[1].value) for found in bound] == [int, float, bool]
