"""Powers: of integers, by small literal exponents as products and roots, and all others by log and exp."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Final, TypeVar

from compiler.ir.formula.atoms import ATOMS
from compiler.ir.types import FLOAT32, FLOAT64
from compiler.loops.language import Literal
from compiler.loops.mathematics.general_powers import general_power
from compiler.loops.mathematics.pairs import Pair, product, whole
from compiler.loops.mathematics.words import Lanes, Operand

Factor = TypeVar("Factor")

_LARGEST: Final = 64
"""The largest whole exponent by which factors are multiplied."""
_HALVES: Final = (-1.5, -0.5, 1.5, 2.5, 3.5)
"""Exponents of which a square root is taken, beside 0.5."""


def power(m: Lanes, base: Operand, exponent: Operand) -> Operand:
    """Return base^exponent."""
    if not m.dtype.is_float:
        return _of_integers(m, base, exponent)
    known = _known_power(m, base, float(exponent.value)) if isinstance(exponent, Literal) else None
    return general_power(m, base, exponent) if known is None else known


def instructions_of(exponent: float) -> int:
    """Return about how many instructions a power by a literal exponent takes."""
    if exponent == 0.5 or exponent in _HALVES:
        return ATOMS["sqrt"].instructions + int(2 * abs(exponent))
    if not abs(exponent) <= _LARGEST or exponent != math.floor(exponent):
        return ATOMS["pow"].instructions
    count = abs(int(exponent))
    products = max(1, count.bit_length() + count.bit_count() - 2)
    return (1 if count <= 6 else 3) * products + (4 if exponent < 0 else 0)


def _known_power(m: Lanes, base: Operand, exponent: float) -> Operand | None:
    """A power by a small literal exponent; None by any other."""
    if exponent == 0.5:
        return m.sqrt(base)
    if exponent in _HALVES:
        return _half_power(m, base, exponent)
    if not abs(exponent) <= _LARGEST or exponent != math.floor(exponent):
        return None
    return _whole_power(m, base, int(exponent))


def _whole_power(m: Lanes, base: Operand, count: int) -> Operand | None:
    """A power by a small whole exponent.

    A product of six factors is at most 3.5 units off, and one of twelve from exact cubes 3.6, as was measured
    with every float32. Of more factors float32 is multiplied in float64, and float64 in pairs.
    """
    if count == 0:
        return m.operand(1.0)
    if -3 <= count <= 6:
        return _multiplied(m.div(1.0, base) if count < 0 else base, abs(count), m.mul)
    if 0 < count <= 12 and m.machine.has_fma:
        return _from_third_and_fourth(m, base, count)
    if m.dtype is FLOAT32:
        wide = m.of(FLOAT64)
        found = _multiplied(wide.cast(base), abs(count), wide.mul)
        return m.cast(wide.div(1.0, found) if count < 0 else found)
    if not m.machine.has_fma:
        return None
    factor = _inverse(m, base) if count < 0 else Pair(base)
    return whole(m, _multiplied(factor, abs(count), lambda a, b: product(m, a, b)))


def _from_third_and_fourth(m: Lanes, x: Operand, count: int) -> Operand:
    """A power by 7 to 12, from x^3 and x^4 which lack nothing of x^2.

    x^2 is held where x^4 overflows for certain, and what it lacks of x^4 does not.
    """
    square = m.at_most(m.mul(x, x), 2.0 ** (m.format.bias // 2 + m.format.mantissa // 4))
    lacking = m.fma(x, x, m.neg(square))
    third = m.fma(x, square, m.mul(x, lacking))
    fourth = m.fma(square, square, m.mul(m.add(square, square), lacking))
    factors = [*[fourth] * (count // 4), *((), (x,), (square,), (third,))[count % 4]]
    return functools.reduce(m.mul, factors)


def _inverse(m: Lanes, x: Operand) -> Pair:
    """Return 1 / x as a pair."""
    near = m.div(1.0, x)
    return Pair(near, m.mul(m.fma(m.neg(near), x, 1.0), near))


def _multiplied(factor: Factor, count: int, times: Callable[[Factor, Factor], Factor]) -> Factor:
    """A product of equal factors, by squares: those are multiplied whose bits are set in their number."""
    total: Factor | None = None
    while count > 1:
        if count & 1:
            total = factor if total is None else times(total, factor)
        factor = times(factor, factor)
        count >>= 1
    return factor if total is None else times(total, factor)


def _half_power(m: Lanes, x: Operand, exponent: float) -> Operand:
    """A power by half a whole number: of -0 as of 0, of -inf as of inf, NaN of other negative numbers."""
    root, magnitude = m.sqrt(m.add(x, 0.0)), m.abs(x)
    if exponent > 0:
        limit = math.inf
        found = m.mul(magnitude, root)
        if exponent > 1.5:
            found = m.mul(found, magnitude if exponent == 2.5 else m.mul(x, x))
    else:
        limit = 0.0
        found = m.div(1.0, root)
        found = m.div(found, magnitude) if exponent == -1.5 else found
    return m.select(m.eq(x, -math.inf), limit, found)


def _of_integers(m: Lanes, base: Operand, exponent: Operand) -> Operand:
    """Square and multiply over the exponent's bits, modulo 2^n as integers are; of no literal any sign."""
    if isinstance(exponent, Literal) and exponent.value > 0:
        return _multiplied(base, int(exponent.value), m.mul)
    total, given = m.operand(1), base
    for bit in range(m.dtype.size * 8 - 1):
        is_set = m.ne(m.and_(m.lshr(exponent, bit), 1), 0)
        total = m.select(is_set, m.mul(total, base), total)
        base = m.mul(base, base)
    return total if isinstance(exponent, Literal) else _of_negative(m, given, exponent, total)


def _of_negative(m: Lanes, base: Operand, exponent: Operand, other: Operand) -> Operand:
    """Return `other` where the exponent is not negative, else 1 / base^-exponent, cut: 0 but for 1 and -1."""
    is_odd = m.ne(m.and_(exponent, 1), 0)
    of_minus_one = m.select(m.eq(base, -1), m.select(is_odd, -1, 1), 0)
    return m.select(m.lt(exponent, 0), m.select(m.eq(base, 1), 1, of_minus_one), other)
