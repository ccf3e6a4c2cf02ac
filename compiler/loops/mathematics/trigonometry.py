"""sin, cos and tan: |x| = q pi / 2 + r, |r| at most a little over pi / 4, then a polynomial in r or two.

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

from compiler.ir.types import FLOAT64, INT64
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


def tan(m: Lanes, x: Operand) -> Operand:
    """Return tan(x), one quotient of both polynomials: NaN of infinities, -0 of -0."""
    found = _reduce(m, m.abs(x))
    sine, cosine, is_odd = _wave(m, found)
    above, below = m.select(is_odd, cosine, sine), m.select(is_odd, m.neg(sine), cosine)
    n = m.integers
    sign = n.and_(m.bits(x), m.format.sign)
    return m.from_bits(n.xor(m.bits(m.div(above, below)), sign))


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
    """Multiply with 2 / pi modulo 4.

    x / (pi / 2) = 4 (fraction + whole). The first two bits of the fraction and the next one, by which it is
    rounded, are q; the others are r, signed.
    """
    q, r = _of_large_single(m, x) if m.format.width == 32 else _of_large_double(m, x)
    return _Reduced(m.select(m.lt(x, math.inf), m.cast(r), math.nan), m.integers.cast(q))


def _of_large_single(m: Lanes, x: Operand) -> tuple[Operand, Operand]:
    """Return q and r of a float32 m 2^e, from 64 bits of the fraction.

    Words of 2 / pi begin at each 32nd bit here; those from number (e + 30) / 32 on are needed.
    """
    n, wide = m.of(INT64), m.of(FLOAT64)
    bits = n.cast(m.bits(x))
    place = n.sub(n.lshr(bits, 23), 150 - 30)
    many = sum(word << 64 * number for number, word in enumerate(reversed(TWO_OVER_PI[:5])))
    words = [many >> (224 - 32 * number) & (1 << 64) - 1 for number in range(7)]
    chosen = _chosen(n, words, n.lshr(place, 5), 3)
    shift, mantissa = n.and_(place, 31), n.or_(n.and_(bits, (1 << 23) - 1), 1 << 23)
    products = [n.mul(mantissa, n.lshr(n.shl(word, shift), 32)) for word in chosen]
    fraction = _sum(n, n.shl(products[0], 32), products[1], n.lshr(products[2], 32))
    signed = wide.cast(n.shl(fraction, 2))
    return _rounded(n, fraction), wide.mul(signed, wide.coefficients["half_pi"][0] * 2.0**-64)


def _of_large_double(m: Lanes, x: Operand) -> tuple[Operand, Operand]:
    """Return q and r of a float64, from 128 bits of the fraction."""
    n = m.integers
    first, second = _fraction(n, m.bits(x))
    signed = n.or_(n.shl(first, 2), n.lshr(second, 62))
    rest = n.lshr(n.shl(second, 2), 1)
    top = n.and_(signed, -2048)
    low = m.fma(m.cast(rest), 2.0**-63, m.cast(n.sub(signed, top)))
    head, tail, _ = (part * 2.0**-64 for part in m.coefficients["half_pi"])
    high = m.cast(top)
    return _rounded(n, first), m.fma(high, head, m.fma(high, tail, m.mul(low, head)))


def _rounded(n: Lanes, fraction: Operand) -> Operand:
    """Return the whole number nearest to four times a fraction, modulo 4."""
    return n.lshr(n.add(fraction, 1 << 61), 62)


def _fraction(n: Lanes, bits: Operand) -> tuple[Operand, Operand]:
    """Return the first 128 bits behind the point of x / 2 pi, in two words, from the bits of x = m 2^e.

    Words of 2 / pi from number (e + 62) / 64 on are needed: those before make whole turns. They are moved to
    x's exponent and multiplied with m by halves.
    """
    place = n.sub(n.lshr(bits, 52), 1075 - 62)
    chosen = _chosen(n, TWO_OVER_PI, n.lshr(place, 6), 4)
    shift = n.and_(place, 63)
    back = n.sub(63, shift)
    moved = [
        n.or_(n.shl(word, shift), n.lshr(n.lshr(following, 1), back))
        for word, following in itertools.pairwise(chosen)
    ]
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


def _chosen(n: Lanes, table: Sequence[int], first: Operand, count: int) -> list[Operand]:
    """Return so many words of a table from a number on, by its binary digits, the highest first."""
    words = [n.operand(word) for word in table]
    for digit in reversed(range((len(table) - count).bit_length())):
        step = 1 << digit
        is_set = n.ne(n.and_(first, step), 0)
        left = min(len(words), step + count - 1)
        words = [
            n.select(is_set, words[k + step], words[k]) if k + step < len(words) else words[k]
            for k in range(left)
        ]
    return words
