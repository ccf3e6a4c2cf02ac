"""What counts as a number, and what as a count."""

import enum
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from compiler.errors import SymbolicValueError
from compiler.ir.dims import symbol
from compiler.ir.numbers import number, whole_number


class Level(enum.IntEnum):
    HIGH = 3


class Money(float):
    def __repr__(self) -> str:
        return "money"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, True), (3, 3), (0.5, 0.5), (np.True_, True), (np.int8(-3), -3), (np.uint64(2**63), 2**63),
        (np.float16(0.5), 0.5), (np.float32(0.1), float(np.float32(0.1))), (np.float64(-0.0), -0.0),
        (np.longdouble(0.25), 0.25), (Level.HIGH, 3), (Money(2.5), 2.5),
    ],
)  # fmt: skip
def test_a_number_is_plainly_pythons(value, expected):
    found = number(value)
    assert (type(found), repr(found)) == (type(expected), repr(expected))


@pytest.mark.parametrize(
    "value",
    [
        np.array(1.0), np.array([1]), [1], "1", None, 1j, np.complex64(1), np.str_("1"),
        np.datetime64("2020"), np.timedelta64(1, "s"), Fraction(1, 2), Decimal("0.5"), symbol("n"),
    ],
)  # fmt: skip
def test_everything_else_is_none(value):
    assert number(value) is None


@pytest.mark.parametrize("value", [4, np.int32(4), np.uint8(4), np.array(4), Level.HIGH + 1])
def test_a_count_is_an_int(value):
    found = whole_number(value)
    assert (type(found), found) == (int, 4)


@pytest.mark.parametrize("value", [True, np.True_, 4.0, np.float64(4), np.array([4]), np.array(4.0), None])
def test_bools_floats_and_arrays_with_axes_are_no_counts(value):
    assert whole_number(value) is None


def test_an_extent_says_that_it_has_no_value_yet():
    with pytest.raises(SymbolicValueError, match="n is known when a program is called"):
        whole_number(symbol("n"))
