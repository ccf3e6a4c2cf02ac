"""asin, acos, atan and atan2: odd polynomials near 0, and the whole circle from there.

atan(a) = atan(b) + atan((a - b) / (1 + a b)) with b = 1, and with b infinite, makes |t| at most
tan(pi / 8); asin(a) = pi / 2 - 2 asin(sqrt((1 - a) / 2)) makes the argument at most 0.55 (W. J. Cody and W.
Waite, "Software Manual for the Elementary Functions", 1980). Parts of pi / 2 are added in two floats.
"""

from __future__ import annotations

import math
from typing import Final

from compiler.loops.mathematics.words import Lanes, Operand, Word

_EIGHTH: Final = 0.41421357
"""A float32 beside tan(pi / 8)."""
NEAR: Final = 0.5403
"""About sin of what is 1 less than pi / 2: beyond it 2 asin(sqrt((1 - a) / 2)) is below 1, as asin(a) is."""


def _odd(m: Lanes, name: str, t: Operand, more: Word = 0.0) -> Operand:
    """Return t + t^3 P(t^2) + more, t last but for what comes beside it."""
    z = m.mul(t, t)
    return m.fma(m.mul(z, t), m.horner(m.coefficients[name], z), t if more == 0.0 else m.add(t, more))


def _turned(m: Lanes, turns: float) -> tuple[float, float]:
    """Return a multiple of pi / 2, a power of two, in two parts."""
    high, low = m.coefficients["half_pi"][:2]
    return turns * high, turns * low


def atan(m: Lanes, x: Operand) -> Operand:
    """Return the arctangent, from -pi/2 to pi/2; -0 of -0."""
    a = m.abs(x)
    is_steep, is_middling = m.gt(a, 1.0 / _EIGHTH), m.gt(a, _EIGHTH)
    above = m.select(is_steep, -1.0, m.select(is_middling, m.sub(a, 1.0), a))
    below = m.select(is_steep, a, m.select(is_middling, m.add(a, 1.0), 1.0))
    taken = zip(_turned(m, 1.0), _turned(m, 0.5), strict=True)
    high, low = (m.select(is_steep, half, m.select(is_middling, quarter, 0.0)) for half, quarter in taken)
    return m.with_sign_of(x, _turned_back(m, high, low, m.div(above, below)))


def _turned_back(m: Lanes, high: Operand, low: Operand, t: Operand) -> Operand:
    """Return high + (low + atan(t)): what the reduction has taken from the angle, in two parts, is back."""
    z = m.mul(t, t)
    rest = m.fma(m.mul(z, t), m.horner(m.coefficients["atan"], z), low)
    return m.add(high, m.add(t, rest))


def asin(m: Lanes, x: Operand) -> Operand:
    """Return the arcsine, from -pi/2 to pi/2: NaN beyond 1, -0 of -0."""
    a = m.abs(x)
    is_near = m.le(a, NEAR)
    t = m.select(is_near, a, _half_chord(m, a))
    angle = _odd(m, "asin", t)
    high, low = _turned(m, 1.0)
    far = m.sub(high, m.fma(angle, 2.0, -low))
    return m.with_sign_of(x, m.select(is_near, angle, far))


def acos(m: Lanes, x: Operand) -> Operand:
    """Return the arccosine, from 0 to pi: NaN beyond 1, and 0 of 1."""
    a = m.abs(x)
    is_near = m.le(a, NEAR)
    t = m.select(is_near, a, _half_chord(m, a))
    angle = _odd(m, "asin", t)
    (half, half_low), (whole, whole_low) = _turned(m, 1.0), _turned(m, 2.0)
    signed = m.with_sign_of(x, angle)
    near = m.sub(half, m.sub(signed, half_low))
    double = m.mul(angle, 2.0)
    far = m.select(m.lt(x, 0.0), m.sub(whole, m.sub(double, whole_low)), double)
    return m.select(is_near, near, far)


def _half_chord(m: Lanes, a: Operand) -> Operand:
    """Return sqrt((1 - a) / 2), the sine of half the angle whose cosine is a."""
    return m.sqrt(m.mul(m.sub(1.0, a), 0.5))


def atan2(m: Lanes, y: Operand, x: Operand) -> Operand:
    """Return the angle of the point (x, y), from -pi to pi: signs of zeros count, and infinities do."""
    a, b = m.abs(x), m.abs(y)
    is_high = m.gt(b, a)
    large, small = m.select(is_high, b, a), m.select(is_high, a, b)
    are_infinite = m.eq(small, math.inf)
    large, small = (m.select(are_infinite, 1.0, part) for part in (large, small))
    scale = m.select(m.gt(large, 2.0 ** (m.format.bias - 3)), 0.25, 1.0)
    large, small = m.mul(large, scale), m.mul(small, scale)
    is_middling = m.gt(small, m.mul(large, _EIGHTH))
    above = m.select(is_middling, m.sub(small, large), small)
    below = m.select(is_middling, m.add(small, large), large)
    t = m.select(m.eq(large, 0.0), 0.0, m.div(above, below))
    quarter, quarter_low = (m.select(is_middling, part, 0.0) for part in _turned(m, 0.5))
    angle = _turned_back(m, quarter, quarter_low, t)
    (half, half_low), (whole, whole_low) = _turned(m, 1.0), _turned(m, 2.0)
    angle = m.select(is_high, m.sub(half, m.sub(angle, half_low)), angle)
    angle = m.select(m.has_sign(x), m.sub(whole, m.sub(angle, whole_low)), angle)
    is_nothing = m.truths.or_(m.is_nan(x), m.is_nan(y))
    return m.select(is_nothing, math.nan, m.with_sign_of(y, angle))
