"""sin and cos: |x| = q pi / 2 + r with |r| at most a little over pi / 4, then one of two polynomials in r.

Of ordinary numbers pi / 2 is subtracted in parts that have three times their digits together (W. J. Cody and
W. Waite, "Software Manual for the Elementary Functions", 1980): the first product leaves no rounding. The
reduction of large numbers is exact, in integers: x is multiplied with those bits of 2 / pi that say what q is
modulo 4, and r (M. Payne and R. Hanek, "Radian reduction for trigonometric functions", SIGNUM Newsletter 18,
1983). It runs only where a vector holds such a number, and chooses lane by lane.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

from compiler.ir.types import FLOAT64
from compiler.loops.mathematics.coefficients import TWO_OVER_PI
from compiler.loops.mathematics.words import Lanes, Operand

_HALF = (1 << 32) - 1
"""The lower half of a word."""


class _Reduced(NamedTuple):
    """q pi / 2 + r: the two lowest bits of `quadrant` are those of q."""

    r: Operand
    quadrant: Operand


def sin(m: Lanes, x: Operand) -> Operand:
    """Return sin(x): NaN of infinities, -0 of -0."""
    found = _reduce(m, m.abs(x))
    sine, cosine, is_odd = _wave(m, found)
    n = m.integers
    sign = n.and_(n.xor(m.bits(x), _sign_of(m, found.quadrant)), m.format.sign)
    return m.from_bits(n.xor(m.bits(m.select(is_odd, cosine, sine)), sign))


def cos(m: Lanes, x: Operand) -> Operand:
    """Return cos(x): NaN of infinities."""
    found = _reduce(m, m.abs(x))
    sine, cosine, is_odd = _wave(m, found)
    n = m.integers
    sign = n.and_(_sign_of(m, n.add(found.quadrant, 1)), m.format.sign)
    return m.from_bits(n.xor(m.bits(m.select(is_odd, sine, cosine)), sign))


def _wave(m: Lanes, of: _Reduced) -> tuple[Operand, Operand, Operand]:
    """Return sin(r), cos(r), and whether q is odd."""
    square = m.mul(of.r, of.r)
    sine = m.fma(m.mul(of.r, square), m.horner(m.coefficients["sin"], square), of.r)
    cosine = m.horner((1.0, -0.5, *m.coefficients["cos"]), square)
    return sine, cosine, m.integers.ne(m.integers.and_(of.quadrant, 1), 0)


def _sign_of(m: Lanes, quadrant: Operand) -> Operand:
    """Return the sign of a quadrant's half turn in place, above other bits."""
    return m.integers.shl(quadrant, m.format.width - 2)


def _reduce(m: Lanes, x: Operand) -> _Reduced:
    """Reduce x, which has no sign."""
    found = _of_ordinary(m, x)
    is_large = m.gt(x, _ordinary(m))

    def with_large() -> Sequence[Operand]:
        large = _of_large(m, x)
        pairs = zip((m, m.integers), large, found, strict=True)
        return [words.select(is_large, new, old) for words, new, old in pairs]

    return _Reduced(*m.if_any(is_large, found, with_large))


def _ordinary(m: Lanes) -> float:
    """Return the largest number whose q times the first parts of pi / 2 leaves no rounding."""
    if m.machine.has_fma:
        return 2.0**17 if m.format.width == 32 else 2.0**32
    return 2.0**13 if m.format.width == 32 else 2.0**20


def _of_ordinary(m: Lanes, x: Operand) -> _Reduced:
    """Subtract the nearest multiple of pi / 2: q is rounded by a constant that leaves it in the low bits."""
    rounding = 1.5 * 2.0**m.format.mantissa
    shifted = m.fma(x, m.coefficients["two_over_pi"][0], rounding)
    q, r = m.sub(shifted, rounding), x
    for part in m.coefficients["half_pi" if m.machine.has_fma else "half_pi_short"]:
        r = m.fma(q, -part, r)
    return _Reduced(r, m.bits(shifted))


def _of_large(m: Lanes, x: Operand) -> _Reduced:
    """Multiply with 2 / pi modulo 4, to 126 bits behind the point; x is a float64 then, whatever it was.

    x / (pi / 2) = 4 (fraction + whole). The first two bits of the fraction and the next one, by which it is
    rounded, are q; the others are r, signed, in two words.
    """
    wide = m.of(FLOAT64)
    n, wider = wide.integers, wide.cast(x)
    first, second = _fraction(n, wide.bits(wider), (m.format.bias + 10) // 64)
    quadrant = n.lshr(n.add(first, 1 << 61), 62)
    signed = n.or_(n.shl(first, 2), n.lshr(second, 62))
    rest = n.lshr(n.shl(second, 2), 1)
    top = n.and_(signed, -2048)
    low = wide.fma(wide.cast(rest), 2.0**-63, wide.cast(n.sub(signed, top)))
    head, tail, _ = (part * 2.0**-64 for part in wide.coefficients["half_pi"])
    high = wide.cast(top)
    r = wide.fma(high, head, wide.fma(high, tail, wide.mul(low, head)))
    finite = wide.select(wide.lt(wider, math.inf), r, math.nan)
    return _Reduced(m.cast(finite), m.integers.cast(quadrant))


def _fraction(n: Lanes, bits: Operand, last: int) -> tuple[Operand, Operand]:
    """Return the first 128 bits behind the point of x / 2 pi, in two words, from the bits of x = m 2^e.

    Words of 2 / pi from number (e + 62) / 64 on are needed, of which the largest is `last`: those before make
    whole turns. They are moved to x's exponent and multiplied with m by halves.
    """
    place = n.sub(n.lshr(bits, 52), 1075 - 62)
    moved = _window(n, n.lshr(place, 6), n.and_(place, 63), last)
    parts = [half for word in moved for half in (n.lshr(word, 32), n.and_(word, _HALF))]
    mantissa = n.or_(n.and_(bits, (1 << 52) - 1), 1 << 52)
    low, high = n.and_(mantissa, _HALF), n.lshr(mantissa, 32)
    of_low = [n.mul(low, part) for part in parts[:5]]
    of_high = [n.mul(high, part) for part in parts[1:]]
    fourth = _sum(n, *_lows(n, of_low[3], of_high[3]), *_highs(n, of_low[4], of_high[4]))
    third = _sum(n, *_lows(n, of_low[2], of_high[2]), *_highs(n, of_low[3], of_high[3], fourth))
    top = n.shl(n.add(of_low[0], of_high[0]), 32)
    first = _sum(n, top, of_low[1], of_high[1], *_highs(n, of_low[2], of_high[2], third))
    return first, n.or_(n.shl(third, 32), n.and_(fourth, _HALF))


def _sum(n: Lanes, first: Operand, *others: Operand) -> Operand:
    """Return a sum of several."""
    for other in others:
        first = n.add(first, other)
    return first


def _lows(n: Lanes, *words: Operand) -> list[Operand]:
    """Return the lower halves of words."""
    return [n.and_(word, _HALF) for word in words]


def _highs(n: Lanes, *words: Operand) -> list[Operand]:
    """Return the upper halves of words."""
    return [n.lshr(word, 32) for word in words]


def _window(n: Lanes, number: Operand, shift: Operand, last: int) -> list[Operand]:
    """Return three words of 2 / pi from a place on: so many words, at most `last`, and so many bits.

    Words are chosen by the binary digits of their number, the highest first.
    """
    words = [n.operand(word) for word in TWO_OVER_PI[: last + 4]]
    for digit in reversed(range(last.bit_length())):
        step = 1 << digit
        is_set = n.ne(n.and_(number, step), 0)
        count = min(len(words), step + 3)
        words = [
            n.select(is_set, words[k + step], words[k]) if k + step < len(words) else words[k]
            for k in range(count)
        ]
    back = n.sub(63, shift)
    return [
        n.or_(n.shl(word, shift), n.lshr(n.lshr(following, 1), back))
        for word, following in itertools.pairwise(words)
    ]
