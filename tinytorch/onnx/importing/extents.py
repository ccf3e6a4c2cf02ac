"""Arithmetic on extents as the standard has it, where the result is an extent whatever the symbols are.

A symbol is any number from 0 on. What is no polynomial of symbols raises Undecided, and is then data.
"""

from __future__ import annotations

from typing import Any

from compiler.ir.dims import Dim, Extent, divide_exactly
from tinytorch.onnx.calling.reals import Real, Undecided


def never_negative(value: Extent) -> bool:
    """Whether an extent is 0 or more, whatever its symbols are."""
    if isinstance(value, Dim):
        return all(coefficient >= 0 for _, coefficient in value.terms)
    return value >= 0


def _divided(a: Extent, b: Extent) -> tuple[Extent, Extent]:
    """Quotient, of numbers rounded towards 0, and what is left."""
    if isinstance(a, int) and isinstance(b, int):
        if not b:
            raise Undecided
        whole = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
        return whole, a - whole * b
    exact = divide_exactly(a, b)
    if exact is not None:
        return exact, 0
    if not (isinstance(a, Dim) and isinstance(b, int) and b > 0 and never_negative(a)):
        raise Undecided
    rest = dict(a.terms).get((), 0) % b
    whole = divide_exactly(a - rest, b)
    if whole is None:
        raise Undecided
    return whole, rest


def quotient(a: Any, b: Any) -> Any:
    """a / b, of integers rounded towards 0."""
    return a / b if isinstance(a, Real) or isinstance(b, Real) else _divided(a, b)[0]


def remainder(a: Any, b: Any) -> Any:
    """What is left of a when it is divided by b, with the sign of b."""
    if isinstance(a, int) and isinstance(b, int) and b:
        return a % b
    return _divided(a, b)[1]


def equal(a: Any, b: Any) -> bool:
    """Whether two extents are the same. Two polynomials that differ are never taken to be equal."""
    difference = _difference(a, b)
    return difference == 0


def less(a: Any, b: Any) -> bool:
    """Whether a is below b."""
    return not at_least(a, b)


def greater(a: Any, b: Any) -> bool:
    """Whether a is above b."""
    return not at_least(b, a)


def at_most(a: Any, b: Any) -> bool:
    """Whether a is not above b."""
    return at_least(b, a)


def at_least(a: Any, b: Any) -> bool:
    """Whether a is not below b."""
    difference = _difference(a, b)
    if never_negative(difference):
        return True
    if never_negative(-difference - 1):
        return False
    raise Undecided


def largest(a: Any, b: Any) -> Any:
    """The larger of two."""
    difference = _difference(a, b)
    if never_negative(difference):
        return a
    if never_negative(-difference):
        return b
    raise Undecided


def smallest(a: Any, b: Any) -> Any:
    """The smaller of two."""
    return b if largest(a, b) is a else a


def _difference(a: Any, b: Any) -> Extent:
    found = a - b
    if isinstance(found, Real):
        return found.extent
    return found if isinstance(found, Dim) else int(found)


def rounded(value: Any, *, up: bool = False) -> Any:
    """The integer next to a fraction, below it or above."""
    if not isinstance(value, Real):
        return value
    if isinstance(value.extent, int):
        top = -(-value.extent // value.divisor) if up else value.extent // value.divisor
        return Real(top, 1, value.dtype)
    whole = value.whole()
    if whole is None:
        rest = dict(value.extent.terms).get((), 0) % value.divisor
        whole = divide_exactly(value.extent - rest, value.divisor)
        if whole is None:
            raise Undecided
        whole = whole + 1 if up else whole
    return Real(whole, 1, value.dtype)


def rounded_up(value: Any) -> Any:
    """The integer above a fraction."""
    return rounded(value, up=True)


def truncated(value: Any) -> Any:
    """A fraction as an integer, towards 0."""
    if not isinstance(value, Real):
        return value
    if isinstance(value.extent, Dim) and value.divisor != 1 and not never_negative(value.extent):
        raise Undecided
    if isinstance(value.extent, int):
        return quotient(value.extent, value.divisor)
    return rounded(value).extent
