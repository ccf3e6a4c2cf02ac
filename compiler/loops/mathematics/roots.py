"""The cube root, and the root of a sum of two squares."""

from __future__ import annotations

import math

from compiler.loops.mathematics.logarithms import minus_exponent_and_mantissa
from compiler.loops.mathematics.pairs import exact_product
from compiler.loops.mathematics.words import Lanes, Operand


def cbrt(m: Lanes, x: Operand) -> Operand:
    """Return the real cube root: x = 2^(3 q + r) f with r from -1 to 1 and f in [3/4, 3/2).

    A polynomial for f^(1/3), then Newton's steps, the last with what y^2 lacks.
    """
    a = m.abs(x)
    is_ordinary = m.truths.and_(m.gt(a, 0.0), m.lt(a, math.inf))
    minus_k, f = minus_exponent_and_mantissa(m, m.select(is_ordinary, a, 1.0))
    q = m.round(m.mul(minus_k, -1.0 / 3.0))
    r = m.neg(m.fma(q, 3.0, minus_k))
    is_low, is_high = m.lt(r, -0.5), m.gt(r, 0.5)
    radicand = m.mul(f, m.select(is_low, 0.5, m.select(is_high, 2.0, 1.0)))
    factor = m.select(is_low, 0.5 ** (1 / 3), m.select(is_high, 2.0 ** (1 / 3), 1.0))
    y = m.mul(m.horner(m.coefficients["cbrt"], f), factor)
    if m.format.width == 64:
        y = _nearer(m, y, radicand)
    y = m.mul(_nearer(m, y, radicand), _whole_power_of_two(m, q))
    return m.with_sign_of(x, m.select(is_ordinary, y, a))


def _nearer(m: Lanes, y: Operand, of: Operand) -> Operand:
    """Return y - (y^3 - of) / (3 y^2)."""
    square, lost = exact_product(m, y, y)
    off = m.fma(y, lost, _difference(m, y, square, of))
    return m.sub(y, m.div(off, m.mul(square, 3.0)))


def _difference(m: Lanes, y: Operand, square: Operand, of: Operand) -> Operand:
    """Return y * square - of, whose terms are nearly equal."""
    if m.machine.has_fma:
        return m.fma(y, square, m.neg(of))
    high, low = exact_product(m, y, square)
    return m.add(m.sub(high, of), low)


def _whole_power_of_two(m: Lanes, q: Operand) -> Operand:
    """Return 2^q for a small whole number q."""
    rounding = 1.5 * 2.0**m.format.mantissa
    field = m.integers.shl(m.bits(m.add(q, rounding)), m.format.mantissa)
    return m.from_bits(m.integers.add(field, m.format.bias << m.format.mantissa))


def hypot(m: Lanes, x: Operand, y: Operand) -> Operand:
    """Return sqrt(x^2 + y^2), where a square overflows or is lost too; infinite beside any infinity."""
    a, b = m.abs(x), m.abs(y)
    found = _scaled_hypot(m, a, b, *((2.0**60, 2.0**90) if m.format.width == 32 else (2.0**500, 2.0**600)))
    is_infinite = m.truths.or_(m.eq(a, math.inf), m.eq(b, math.inf))
    return m.select(is_infinite, math.inf, found)


def _scaled_hypot(m: Lanes, a: Operand, b: Operand, huge: float, far: float) -> Operand:
    """Return the root of numbers that are brought into the middle of the range first, by a power of two.

    What is more than `huge`, or less than its inverse, is divided or multiplied by `far`.
    """
    is_second = m.gt(b, a)
    large, small = m.select(is_second, b, a), m.select(is_second, a, b)
    is_huge, is_tiny = m.gt(large, huge), m.lt(large, 1 / huge)
    scale = m.select(is_huge, 1 / far, m.select(is_tiny, far, 1.0))
    back = m.select(is_huge, far, m.select(is_tiny, 1 / far, 1.0))
    large, small = m.mul(large, scale), m.mul(small, scale)
    return m.mul(m.sqrt(m.fma(large, large, m.mul(small, small))), back)
