"""log |gamma|, digamma, and Hurwitz's zeta function, of which the higher polygammas are multiples.

Between 1/2 and 8 log-gamma is a quotient of polynomials with its roots 1 and 2 as factors, digamma one with
its positive root; beyond, both have Stirling's series (NIST's Digital Library of Mathematical Functions,
5.11), and to the left of 0 they are reflected (5.5). zeta(s, q) is summed to q + N, and from there by the
formula of Euler and Maclaurin (25.11.28). What is left of 0 is computed only where a vector holds such a
number. There log-gamma and digamma cross 0 between any two poles, so that their errors are absolute.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from compiler.loops.language import Literal
from compiler.loops.mathematics.logarithms import log
from compiler.loops.mathematics.powers import power
from compiler.loops.mathematics.words import Lanes, Operand

_STIRLING: Final = 8.0
"""From here on log-gamma has its series."""
_BERNOULLI: Final = (12, -720, 30240, -1209600, 47900160, -1307674368000 / 691, 74724249600)
"""(2j)! / B(2j) from j = 1 on, of the numbers of Bernoulli."""


def quotient(m: Lanes, name: str, x: Operand) -> Operand:
    """Return a fitted quotient of polynomials."""
    top, bottom = (m.horner(m.coefficients[f"{name}_{part}"], x) for part in ("top", "bottom"))
    return m.div(top, bottom)


class _HalfTurn(NamedTuple):
    """What is left of a number without the nearest whole one, and sine and cosine of pi times it."""

    rest: Operand
    sine: Operand
    cosine: Operand


def _half_turn(m: Lanes, x: Operand) -> _HalfTurn:
    """Reduce x to an eighth of a turn. The sine is without its sign; both are exact where they are 0."""
    rest = m.sub(x, m.round(x))
    near = m.abs(rest)
    is_steep = m.gt(near, 0.25)
    t = m.mul(m.select(is_steep, m.sub(0.5, near), near), math.pi)
    square = m.mul(t, t)
    sine = m.fma(m.mul(t, square), m.horner(m.coefficients["sin"], square), t)
    cosine = m.horner((1.0, -0.5, *m.coefficients["cos"]), square)
    return _HalfTurn(rest, m.select(is_steep, cosine, sine), m.select(is_steep, sine, cosine))


def lgamma(m: Lanes, x: Operand) -> Operand:
    """Return log |gamma(x)|: infinite at 0, -1, -2, ... and at both infinities."""
    found = _lgamma_above_zero(m, m.abs(x))
    is_left = m.lt(x, 0.0)

    def with_left() -> Sequence[Operand]:
        """log(pi / |sin(pi x)|) - log(gamma(1 - x)), of parts that do not overflow near 0."""
        turned = _half_turn(m, x)
        rise = log(m, m.mul(turned.sine, 1.0 / math.pi))
        left = m.neg(m.add(rise, _lgamma_above_zero(m, m.sub(1.0, x))))
        left = m.select(m.eq(x, -math.inf), math.inf, left)
        return [m.select(is_left, left, found)]

    return m.if_any(is_left, [found], with_left)[0]


def _lgamma_above_zero(m: Lanes, x: Operand) -> Operand:
    """Return log(gamma(x)) for x >= 0 by three quotients and one logarithm; below 1/2 from x + 1."""
    table = m.coefficients
    is_small, is_large = m.lt(x, 0.5), m.ge(x, _STIRLING)
    logarithm = log(m, x)
    y = m.select(is_small, m.add(x, 1.0), x)
    near = m.mul(m.mul(m.sub(y, 1.0), m.sub(y, 2.0)), quotient(m, "lgamma_near", m.sub(y, 0.5)))
    near = m.select(is_small, m.sub(near, logarithm), near)
    middle = quotient(m, "lgamma_middle", m.sub(x, 3.0))
    inverse = m.div(1.0, x)
    series = m.mul(inverse, m.horner(table["lgamma_far"], m.mul(inverse, inverse)))
    rest = m.add(series, (math.log(2 * math.pi) - 1) / 2)
    far = m.fma(m.sub(x, 0.5), m.sub(logarithm, 1.0), rest)
    return m.select(is_large, far, m.select(m.lt(x, 3.0), near, middle))


def digamma(m: Lanes, x: Operand) -> Operand:
    """Return the slope of log-gamma: -inf at 0, inf at -0, NaN at the other poles and at -inf."""
    found = _digamma_above_zero(m, m.abs(x))
    is_left = m.has_sign(x)

    def with_left() -> Sequence[Operand]:
        """digamma(1 - x) - pi / tan(pi x)."""
        turned = _half_turn(m, x)
        steep = m.with_sign_of(turned.rest, m.div(m.mul(turned.cosine, math.pi), turned.sine))
        left = m.sub(_digamma_above_zero(m, m.sub(1.0, x)), steep)
        is_pole = m.eq(turned.rest, 0.0)
        left = m.select(is_pole, m.select(m.eq(x, 0.0), math.inf, math.nan), left)
        return [m.select(is_left, left, found)]

    return m.if_any(is_left, [found], with_left)[0]


def _digamma_above_zero(m: Lanes, x: Operand) -> Operand:
    """Return digamma(x) for x >= 0; below 1 from x + 1."""
    table = m.coefficients
    (limit,), (root, lacking) = table["digamma_limit"], table["digamma_root"]
    is_small = m.lt(x, 1.0)
    inverse = m.div(1.0, x)
    y = m.select(is_small, m.add(x, 1.0), x)
    from_root = m.sub(m.sub(y, root), lacking)
    near = m.mul(from_root, quotient(m, "digamma_near", m.sub(y, 1.0)))
    near = m.select(is_small, m.sub(near, inverse), near)
    square = m.mul(inverse, inverse)
    rest = m.fma(square, m.horner(table["digamma_far"], square), m.mul(inverse, 0.5))
    return m.select(m.lt(x, limit), near, m.sub(log(m, x), rest))


def zeta(m: Lanes, s: Operand, q: Operand) -> Operand:
    """Return the sum of (q + k)^-s over k = 0, 1, 2, ... for s > 1; NaN for s < 1, infinite at s = 1.

    It is infinite where a term is. To the left of 0 it is a number for whole s alone.
    """
    found = _zeta_above_zero(m, s, m.abs(q))
    is_left = m.lt(q, 0.0)

    def with_left() -> Sequence[Operand]:
        return [m.select(is_left, _zeta_below_zero(m, s, q), found)]

    (found,) = m.if_any(is_left, [found], with_left)
    if isinstance(s, Literal) and s.value > 1:
        return found
    found = m.select(m.eq(s, 1.0), math.inf, found)
    return m.select(m.lt(s, 1.0), math.nan, found)


def _shift(m: Lanes) -> tuple[int, int]:
    """Return how many terms are added, and how many numbers of Bernoulli are used for the rest."""
    return (4, 3) if m.format.width == 32 else (9, 7)


def _moved(m: Lanes, sign: float, s: Operand, by: float) -> Operand:
    """Return sign * s + by, a literal of a literal."""
    if isinstance(s, Literal):
        return m.operand(sign * float(s.value) + by)
    return m.add(m.mul(s, sign), by)


def _zeta_above_zero(m: Lanes, s: Operand, q: Operand) -> Operand:
    """Return the sum for q >= 0: the first term and the tail, which may be the largest, are added last."""
    count, further = _shift(m)
    falling = _moved(m, -1.0, s, 0.0)
    a = m.add(q, float(count))
    inverse = m.div(1.0, a)
    square = m.mul(inverse, inverse)
    last = power(m, a, _moved(m, -1.0, s, 1.0))  # a^(1 - s)
    series = m.operand(1.0)
    for j in reversed(range(1, further)):
        pair = m.mul(_moved(m, 1.0, s, 2.0 * j - 1), _moved(m, 1.0, s, 2.0 * j))
        ratio = _BERNOULLI[j - 1] / _BERNOULLI[j]
        series = m.fma(m.mul(m.mul(pair, ratio), square), series, 1.0)
    inner = m.fma(m.mul(m.mul(s, 1.0 / 12), inverse), series, 0.5)
    tail = m.mul(last, m.fma(inverse, inner, m.div(1.0, _moved(m, 1.0, s, -1.0))))
    total = power(m, m.add(q, float(count - 1)), falling)
    for k in reversed(range(1, count - 1)):
        total = m.add(total, power(m, m.add(q, float(k)), falling))
    return m.add(m.add(total, tail), power(m, q, falling))


def _zeta_below_zero(m: Lanes, s: Operand, q: Operand) -> Operand:
    """Take the terms of 1 - q from the sum over all whole numbers, which is that of what is left of q."""
    rest = m.sub(q, m.round(q))
    below, above = (_zeta_above_zero(m, s, m.add(m.mul(rest, side), 1.0)) for side in (1.0, -1.0))
    beyond = m.sub(above, _zeta_above_zero(m, s, m.sub(1.0, q)))
    at_rest = power(m, rest, _moved(m, -1.0, s, 0.0))
    half = m.mul(s, 0.5)
    is_even = m.eq(m.floor(half), half)
    found = m.add(m.add(at_rest, below), m.select(is_even, beyond, m.neg(beyond)))
    found = m.select(m.eq(m.floor(s), s), found, math.nan)
    return m.select(m.eq(rest, 0.0), math.inf, found)
