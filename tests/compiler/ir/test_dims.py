"""Extents: integer polynomials in named symbols, in normal form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.errors import ArgumentError, ParseError, ShapeError
from compiler.ir.dims import (
    divide_exactly,
    evaluate,
    extent,
    parse_extent,
    product,
    substitute,
    symbol,
    symbols,
)

B, H = symbol("batch"), symbol("heads")
POWERS = st.tuples(st.integers(-9, 9), st.integers(0, 3), st.integers(0, 3))


@st.composite
def extents(draw):
    total = 0
    for coefficient, power, other in draw(st.lists(POWERS, max_size=4)):
        total = total + product([B] * power) * product([H] * other) * coefficient
    return total


@given(extents())
def test_the_text_reads_back(value):
    assert parse_extent(str(value)) == value


@given(extents(), extents(), st.integers(0, 50), st.integers(0, 50))
def test_arithmetic_is_that_of_the_values(left, right, batch, heads):
    at = {"batch": batch, "heads": heads}
    assert evaluate(left + right, at) == evaluate(left, at) + evaluate(right, at)
    assert evaluate(left - right, at) == evaluate(left, at) - evaluate(right, at)
    assert evaluate(left * right, at) == evaluate(left, at) * evaluate(right, at)


@given(extents(), extents(), extents())
def test_equal_polynomials_are_equal_values_and_hash_alike(left, right, third):
    one, other = left * (right + third), left * right + left * third
    assert one == other
    assert hash(one) == hash(other)


@given(extents(), extents())
def test_a_product_divides_by_its_factor(left, right):
    if right != 0:
        assert divide_exactly(left * right, right) == left


@pytest.mark.parametrize(("dividend", "divisor"), [(B, 2), (B + 1, B), (B, H), (B, 0), (3, 2)])
def test_what_does_not_divide(dividend, divisor):
    assert divide_exactly(dividend, divisor) is None


def test_a_polynomial_without_symbols_is_an_int():
    assert B - B == 0
    assert isinstance(B - B + 3, int)


def test_symbols_and_substitution():
    assert symbols(B * H + 2) == {"batch", "heads"}
    assert substitute(B * B + H, {"batch": H + 1}) == H * H + 3 * H + 1


@pytest.mark.parametrize(
    ("value", "expected"), [("batch", B), ("2*batch+1", 2 * B + 1), (3, 3), (B, B), ("7", 7)]
)
def test_what_a_user_may_write(value, expected):
    assert extent(value) == expected


@pytest.mark.parametrize("value", [True, 1.5, None, -1])
def test_what_is_no_extent(value):
    with pytest.raises(ShapeError, match="extent"):
        extent(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2*",
        "*2",
        "a b",
        "a^",
        "a^b",
        "a**2",
        "__import__('os')",
        "a(1)",
        "1.5",
        "a^99999",
        "a^-1",
        "+",
        "2^^2",
    ],
)
def test_a_text_that_is_no_extent(text):
    with pytest.raises(ParseError, match="not an extent"):
        parse_extent(text)


def test_a_symbol_without_a_value_is_named():
    with pytest.raises(ArgumentError, match="no value is given for the symbolic dimension 'heads' of"):
        evaluate(B * H, {"batch": 2})


@pytest.mark.parametrize("count", [-1, 1.5, True, "3"])
def test_what_is_no_extent_has_no_value(count):
    assert (2 * B).at(batch=3, other=1) == 6
    with pytest.raises(ArgumentError, match="a dimension is an int and not negative: batch="):
        (2 * B).at(batch=count)
