"""Numbers of twice the digits: a float, and what it lacks in another one.

Products are exact in a pair, by a fused multiply-add or by halves of the factors (T. J. Dekker, "A
floating-point technique for extending the available precision", Numerische Mathematik 18, 1971).
"""

from __future__ import annotations

from typing import NamedTuple

from compiler.loops.mathematics.words import Lanes, Operand


class Pair(NamedTuple):
    """high + low, |low| about a unit in the last place of `high`; without `low` the number is `high`."""

    high: Operand
    low: Operand | None = None


def product(m: Lanes, a: Pair, b: Pair) -> Pair:
    """Return a * b, to nearly all digits of a pair."""
    high, low = exact_product(m, a.high, b.high)
    if a is b and a.low is not None:
        return Pair(high, m.fma(m.add(a.high, a.high), a.low, low))
    if b.low is not None:
        low = m.fma(a.high, b.low, low)
    if a.low is not None:
        low = m.fma(a.low, b.high, low)
    return Pair(high, low)


def exact_product(m: Lanes, a: Operand, b: Operand) -> tuple[Operand, Operand]:
    """Return a b and its rounding error, without FMA from halves of the factors' digits."""
    high = m.mul(a, b)
    if m.machine.has_fma:
        return high, m.fma(a, b, m.neg(high))
    a_high, b_high = _upper_half(m, a), _upper_half(m, b)
    a_low, b_low = m.sub(a, a_high), m.sub(b, b_high)
    low = m.sub(m.mul(a_high, b_high), high)
    for x, y in ((a_high, b_low), (a_low, b_high), (a_low, b_low)):
        low = m.add(low, m.mul(x, y))
    return high, low


def _upper_half(m: Lanes, a: Operand) -> Operand:
    """Return a with the lower half of its digits set to 0."""
    dropped = (m.format.mantissa + 2) // 2
    return m.from_bits(m.integers.and_(m.bits(a), -(1 << dropped)))


def whole(m: Lanes, pair: Pair) -> Operand:
    """Return a pair as one number: `high` alone where `low` is none, as beside infinities; -0 of -0."""
    if pair.low is None:
        return pair.high
    is_number = m.lt(m.abs(pair.low), float("inf"))
    total = m.with_sign_of(pair.high, m.add(pair.high, pair.low))
    return m.select(is_number, total, pair.high)
