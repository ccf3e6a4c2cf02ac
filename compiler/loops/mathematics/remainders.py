"""Remainders and quotients of division.

The remainder of floats is exact, as C's fmod. a - q b has no more digits than b where q is the whole part of
a / b, or one off; so a fused multiply-add makes no error, as long as q is exact, below 2^53. What is farther
apart is first reduced by b 2^k, for falling k, which few vectors need. float32 is computed in float64.

By 0 integers give 0, as NumPy's do; the processor traps, and by -1 where the quotient is out of range.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from compiler.ir.types import FLOAT32, FLOAT64
from compiler.loops.mathematics.pairs import exact_product
from compiler.loops.mathematics.words import Lanes, Operand

_STRIDE: Final = 52
"""Binary digits that one step takes."""
_REACH: Final = {FLOAT32: 277, FLOAT64: 2098}
"""By how many binary digits a number can be larger than another."""


def fmod(m: Lanes, x: Operand, y: Operand) -> Operand:
    """Return x - y trunc(x / y), exactly, with the sign of x; of integers too."""
    if not m.dtype.is_float:
        safe, is_unsafe = _divisor(m, y)
        return m.select(is_unsafe, 0, m.rem(x, safe))
    if m.dtype is FLOAT32:
        wide = m.of(FLOAT64)
        rest = m.cast(_positive_rest(wide, wide.abs(wide.cast(x)), wide.abs(wide.cast(y)), _REACH[FLOAT32]))
    else:
        rest = _positive_rest(m, m.abs(x), m.abs(y), _REACH[FLOAT64])
    return m.with_sign_of(x, rest)


def _positive_rest(m: Lanes, a: Operand, b: Operand, reach: int) -> Operand:
    """Return the rest of a / b for a and b without a sign."""
    is_far = m.gt(m.mul(a, 2.0**-_STRIDE), b)

    def nearer() -> Sequence[Operand]:
        rest = a
        for digits in range(reach // _STRIDE * _STRIDE, 0, -_STRIDE):
            divisor = _raised(m, b, digits)
            rest = m.select(m.le(divisor, rest), _step(m, rest, divisor), rest)
        return [rest]

    is_number = m.truths.and_(is_far, m.truths.and_(m.gt(b, 0.0), m.lt(a, math.inf)))
    (near,) = m.if_any(is_number, [a], nearer)
    return m.select(m.lt(near, b), near, _step(m, near, b))


def _raised(m: Lanes, b: Operand, digits: int) -> Operand:
    """Return b 2^digits, by factors that are numbers of the dtype."""
    while digits > 0:
        b, digits = m.mul(b, 2.0 ** min(digits, 1000)), digits - 1000
    return b


def _step(m: Lanes, a: Operand, b: Operand) -> Operand:
    """Return a - q b for the whole part q of a / b below 2^53. The rounded quotient may be one too large."""
    q = m.floor(m.div(a, b))
    if m.machine.has_fma:
        rest = m.fma(m.neg(q), b, a)
    else:
        high, low = exact_product(m, q, b)
        rest = m.sub(m.sub(a, high), low)
    rest = m.select(m.lt(rest, 0.0), m.add(rest, b), rest)
    return m.select(m.ge(rest, b), m.sub(rest, b), rest)


def floordiv(m: Lanes, x: Operand, y: Operand) -> Operand:
    """Return floor(x / y), of floats as NumPy has it: from the exact remainder."""
    return _floor_of_floats(m, x, y) if m.dtype.is_float else _floor_of_integers(m, x, y)


def _floor_of_floats(m: Lanes, x: Operand, y: Operand) -> Operand:
    rest, quotient = fmod(m, x, y), m.div(x, y)
    is_opposed = m.truths.xor(m.lt(y, 0.0), m.lt(rest, 0.0))
    is_beyond = m.truths.and_(m.ne(rest, 0.0), is_opposed)
    near = m.div(m.sub(x, rest), y)
    near = m.select(is_beyond, m.sub(near, 1.0), near)
    whole = m.floor(near)
    whole = m.select(m.gt(m.sub(near, whole), 0.5), m.add(whole, 1.0), whole)
    found = m.select(m.eq(near, 0.0), m.with_sign_of(quotient, 0.0), whole)
    return m.select(m.eq(y, 0.0), quotient, found)


def _floor_of_integers(m: Lanes, x: Operand, y: Operand) -> Operand:
    safe, _ = _divisor(m, y)
    quotient = m.div(x, safe)
    rest = m.sub(x, m.mul(quotient, safe))
    is_opposed = m.truths.xor(m.lt(rest, 0), m.lt(safe, 0))
    is_beyond = m.truths.and_(m.ne(rest, 0), is_opposed)
    quotient = m.select(is_beyond, m.sub(quotient, 1), quotient)
    return m.select(m.eq(y, -1), m.sub(0, x), m.select(m.eq(y, 0), 0, quotient))


def _divisor(m: Lanes, y: Operand) -> tuple[Operand, Operand]:
    """Return the divisor, 1 in the place of 0 and of -1, and whether it is one of both."""
    is_unsafe = m.truths.or_(m.eq(y, 0), m.eq(y, -1))
    return m.select(is_unsafe, 1, y), is_unsafe
