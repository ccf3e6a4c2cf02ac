"""sinh, cosh and the inverse hyperbolic functions, by the exponential and by log(1 + t).

Half an exponential is computed as such: exp(a) may be infinite where exp(a) / 2 is not.
"""

from __future__ import annotations

import math

from compiler.loops.mathematics.exponentials import exponential, reduce_exponent
from compiler.loops.mathematics.logarithms import log1p
from compiler.loops.mathematics.words import Lanes, Operand


def _half_exp(m: Lanes, a: Operand) -> Operand:
    """Return exp(a) / 2 for a that is not negative."""
    beyond = 89.6 if m.format.width == 32 else 712.0
    return exponential(m, reduce_exponent(m, m.at_most(a, beyond)), multiple=0.5)


def sinh(m: Lanes, x: Operand) -> Operand:
    """Return exp(a) / 2 - exp(-a) / 2 for a = |x| from 1 on, an odd polynomial below; -0 of -0."""
    a = m.abs(x)
    half, square = _half_exp(m, a), m.mul(x, x)
    rise = m.fma(m.mul(square, a), m.horner(m.coefficients["sinh"], square), a)
    far = m.sub(half, m.div(0.25, half))
    return m.with_sign_of(x, m.select(m.lt(a, 1.0), rise, far))


def cosh(m: Lanes, x: Operand) -> Operand:
    """Return exp(a) / 2 + exp(-a) / 2 for a = |x|."""
    half = _half_exp(m, m.abs(x))
    return m.add(half, m.div(0.25, half))


def asinh(m: Lanes, x: Operand) -> Operand:
    """Return log1p(a + a^2 / (1 + sqrt(1 + a^2))) for a = |x|; of large ones log(2 a). -0 of -0."""
    a = m.abs(x)
    is_large = m.gt(a, 2.0 ** (m.format.mantissa + 3))
    held = m.select(is_large, 1.0, a)
    square = m.mul(held, held)
    curved = m.add(m.sqrt(m.add(square, 1.0)), 1.0)
    t = m.add(held, m.div(square, curved))
    return m.with_sign_of(x, _log1p_or_log_of_double(m, is_large, a, t))


def acosh(m: Lanes, x: Operand) -> Operand:
    """Return log1p(t + sqrt(t (t + 2))) for t = x - 1; of large x log(2 x). NaN below 1."""
    is_large = m.gt(x, 2.0 ** (m.format.mantissa + 3))
    t = m.sub(m.select(is_large, 1.0, x), 1.0)
    t = m.add(t, m.sqrt(m.mul(t, m.add(t, 2.0))))
    found = _log1p_or_log_of_double(m, is_large, x, t)
    return m.select(m.lt(x, 1.0), math.nan, found)


def _log1p_or_log_of_double(m: Lanes, is_large: Operand, a: Operand, t: Operand) -> Operand:
    """Return log(2 a) where `is_large`, so that 1 is nothing beside a, else log1p(t)."""
    found = log1p(m, m.select(is_large, a, t))
    return m.add(found, m.select(is_large, m.coefficients["ln2"][0], 0.0))


def atanh(m: Lanes, x: Operand) -> Operand:
    """Return log1p(2 a / (1 - a)) / 2 for a = |x|: infinite at 1, NaN beyond, -0 of -0."""
    a = m.abs(x)
    return m.with_sign_of(x, m.mul(log1p(m, m.div(m.add(a, a), m.sub(1.0, a))), 0.5))
