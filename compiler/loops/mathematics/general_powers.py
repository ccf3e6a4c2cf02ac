"""x^y = exp(y log |x|) with the logarithm in a pair, and all the cases that IEEE 754 and C99 name.

log m = 2 s + 2/3 s^3 + s^5 q(s^2) with s = (m - 1) / (m + 1), for m in [3/4, 3/2): the first two terms are
pairs, so that y log |x|, up to hundreds, has more digits than the result (W. J. Cody and W. Waite, "Software
Manual for the Elementary Functions", 1980, chapter 7).
"""

from __future__ import annotations

import math

from compiler.loops.language import Literal
from compiler.loops.mathematics.exponentials import exp_limits, exponential, reduce_exponent
from compiler.loops.mathematics.logarithms import at_the_edges, minus_exponent_and_mantissa
from compiler.loops.mathematics.pairs import Pair, exact_product, product
from compiler.loops.mathematics.words import Lanes, Operand


def general_power(m: Lanes, x: Operand, y: Operand) -> Operand:
    """Return x^y: 1 of 1^NaN, x^0 and (-1)^inf; NaN of negative numbers to what is not whole."""
    magnitude = m.abs(x)
    logarithm = _log_pair(m, magnitude)
    found = _exponential(m, product(m, Pair(y), logarithm))
    if isinstance(y, Literal) and math.isfinite(y.value) and y.value:
        return _signed(m, found, x, float(y.value))
    is_one = m.truths.or_(m.eq(y, 0.0), m.eq(magnitude, 1.0))
    return _signed_by(m, m.select(is_one, 1.0, found), x, y)


def _log_pair(m: Lanes, x: Operand) -> Pair:
    """Return the logarithm of x >= 0: its `high` is right at 0 and infinity, where its `low` is none."""
    minus_k, mantissa = minus_exponent_and_mantissa(m, x)
    near_one = _log_near_one(m, mantissa)
    assert near_one.low is not None
    whole = m.mul(minus_k, -m.coefficients["ln2_high"][0])
    high = m.add(whole, near_one.high)
    low = m.add(m.add(m.sub(whole, high), near_one.high), near_one.low)
    low = m.fma(minus_k, -m.coefficients["ln2_low"][0], low)
    return Pair(high if m.scales else at_the_edges(m, x, x, high), low)


def _log_near_one(m: Lanes, x: Operand) -> Pair:
    """Return the logarithm of x in [3/4, 3/2)."""
    f, d = m.sub(x, 1.0), m.add(x, 1.0)
    inverse = m.div(1.0, d)
    s = m.mul(f, inverse)
    rest = m.sub(f, m.sub(d, 2.0))
    lacking = m.mul(m.fma(m.neg(s), rest, _remainder(m, f, s, d)), inverse)
    quotient = Pair(s, lacking)
    square = product(m, quotient, quotient)
    third = product(m, Pair(*map(m.operand, m.coefficients["two_thirds"])), square)
    assert third.low is not None
    tail = m.fma(
        m.mul(square.high, square.high), m.horner(m.coefficients["log_pair"], square.high), third.low
    )
    high = m.add(m.add(third.high, tail), 2.0)
    low = m.add(m.sub(third.high, m.sub(high, 2.0)), tail)
    return product(m, quotient, Pair(high, low))


def _remainder(m: Lanes, a: Operand, q: Operand, b: Operand) -> Operand:
    """Return a - q * b, which a float holds where q is a rounded quotient."""
    if m.machine.has_fma:
        return m.fma(m.neg(q), b, a)
    high, low = exact_product(m, q, b)
    return m.sub(m.sub(a, high), low)


def _exponential(m: Lanes, exponent: Pair) -> Operand:
    """Return the exponential of a pair: 0 and infinity far out, and NaN of NaN, whatever its `low` is."""
    lowest, highest = exp_limits(m)
    alive = m.not_below(exponent.high, lowest)
    held = m.at_most(m.select(alive, exponent.high, 0.0), highest)
    is_near = m.lt(m.abs(exponent.high), -2.0 * lowest)
    assert exponent.low is not None
    rest = m.select(is_near, exponent.low, 0.0)
    return exponential(m, reduce_exponent(m, held, rest=rest, alive=alive))


def _signed(m: Lanes, magnitude: Operand, x: Operand, y: float) -> Operand:
    """Return |x|^y with its sign, for a finite y that is known."""
    if y == math.floor(y):
        return m.with_sign_of(x, magnitude) if y % 2.0 else magnitude
    is_none = m.truths.and_(m.lt(x, 0.0), m.gt(x, -math.inf))
    return m.select(is_none, math.nan, magnitude)


def _signed_by(m: Lanes, magnitude: Operand, x: Operand, y: Operand) -> Operand:
    """Return |x|^y with its sign: that of x if y is odd. An infinite y is even."""
    truths, half = m.truths, m.mul(y, 0.5)
    is_whole = m.eq(m.floor(y), y)
    is_odd = truths.and_(is_whole, m.ne(m.floor(half), half))
    is_negative = truths.and_(m.lt(x, 0.0), m.gt(x, -math.inf))
    is_none = truths.and_(is_negative, truths.not_(is_whole))
    signed = m.select(is_odd, m.with_sign_of(x, magnitude), magnitude)
    return m.select(is_none, math.nan, signed)
