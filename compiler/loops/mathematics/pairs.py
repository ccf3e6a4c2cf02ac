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
    exact = exact_product(m, a.high, b.high)
    low = exact.low
    assert low is not None
    if a is b and a.low is not None:
        return Pair(exact.high, m.fma(m.add(a.high, a.high), a.low, low))
    if b.low is not None:
        low = m.fma(a.high, b.low, low)
    if a.low is not None:
        low = m.fma(a.low, b.high, low)
    return Pair(exact.high, low)


def exact_product(m: Lanes, a: Operand, b: Operand) -> Pair:
    """Return a * b without any rounding, where no half is too large or too small."""
    high = m.mul(a, b)
    if m.machine.has_fma:
        return Pair(high, m.fma(a, b, m.neg(high)))
    (a_top, a_end), (b_top, b_end) = _halves(m, a), _halves(m, b)
    low = m.sub(m.mul(a_top, b_top), high)
    low = m.add(m.add(low, m.mul(a_top, b_end)), m.mul(a_end, b_top))
    return Pair(high, m.add(low, m.mul(a_end, b_end)))


def _halves(m: Lanes, a: Operand) -> tuple[Operand, Operand]:
    """Return two numbers of half as many digits whose sum is a."""
    moved = m.mul(a, 2.0 ** ((m.format.mantissa + 2) // 2) + 1.0)
    top = m.sub(moved, m.sub(moved, a))
    return top, m.sub(a, top)


def whole(m: Lanes, pair: Pair) -> Operand:
    """Return a pair as one number: `high` alone where `low` is none, as beside infinities; -0 of -0."""
    if pair.low is None:
        return pair.high
    is_number = m.lt(m.abs(pair.low), float("inf"))
    total = m.with_sign_of(pair.high, m.add(pair.high, pair.low))
    return m.select(is_number, total, pair.high)
