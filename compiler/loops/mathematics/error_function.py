"""erf, erfc and the normal distribution, with full relative accuracy in the tails.

erfc(a) = exp(-a^2) P(a)/Q(a) for a >= 0, all coefficients positive (after W. J. Cody, "Rational Chebyshev
approximations for the error function", Mathematics of Computation 23, 1969), and the other side by
symmetry. a^2 is formed exactly in two parts: its rounding error would come out multiplied by a^2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compiler.ir.types import FLOAT64
from compiler.loops.mathematics.exponentials import (
    Reduced,
    exponential,
    growth,
    one_minus_exp,
    reduce_exponent,
    scale,
    within,
)
from compiler.loops.mathematics.pairs import exact_product
from compiler.loops.mathematics.words import Lanes, Operand

_ALL_BUT_THE_HIGHEST = -1
"""All coefficients of a polynomial but the last, as a bound of a slice."""


def gaussian(m: Lanes, a: Operand, rate: float, alive: Operand) -> Reduced:
    """Reduce exp(-rate a^2), rate a power of two."""
    whole, rest = exact_product(m, a, a)
    return reduce_exponent(m, whole, -rate, rest, alive=alive, falls=True)


def erf(m: Lanes, x: Operand) -> Operand:
    """Return 1 - exp(-h(|x|)) with the sign of x; h(a) = -log(1 - erf(a)) = a H(a) is smooth."""
    table = m.coefficients
    a = m.at_most(m.abs(x), table["erf_limit"][0])
    exponent = m.mul(a, m.polynomial(table["erf"], a))
    return m.with_sign_of(x, one_minus_exp(m, exponent, -1.0))


def upper_tail(m: Lanes, name: str, x: Operand, rate: float) -> Operand:
    """Return exp(-rate a^2) P(a)/Q(a) for a = |x|, scaled last, so that a subnormal is rounded once.

    float64 knows what every step of a polynomial loses; knowing it of the last two alone would save a third
    of the time and leave errors of 4.5 units. float32 without FMA takes the way through float64.
    """
    if m.format.width == 64:
        return ratio_tail(m, name, x, rate, _ALL_BUT_THE_HIGHEST)
    if m.machine.has_fma:
        return ratio_tail(m, name, x, rate, 1)
    double = m.of(FLOAT64)
    return m.cast(ratio_tail(double, name, double.cast(x), rate, 1))


def ratio_tail(m: Lanes, name: str, x: Operand, rate: float, careful: int) -> Operand:
    """Return the tail in one format, P and Q with what their last `careful` steps lose."""
    table = m.coefficients
    alive, a = within(m, x, table[f"{name}_limit"][0])
    reduced = gaussian(m, a, rate, alive)
    square_of_a = m.mul(a, a)
    powers = a, square_of_a, m.mul(square_of_a, square_of_a)
    p, q = (Sum.of_polynomial(m, table[f"{name}_{part}"], careful, *powers) for part in ("top", "bottom"))
    change = m.fma(p.value, growth(m, reduced), p.lost)
    numerator = m.add(p.value, change)
    raised = Sum(numerator, m.sub(change, m.sub(numerator, p.value)))
    return scale(m, quotient(m, raised, q), reduced)


@dataclass(frozen=True)
class Sum:
    """A rounded sum and what its rounding lost, as far as cheaply known."""

    value: Operand
    lost: Operand

    @classmethod
    def of_product(cls, m: Lanes, a: Operand, b: Operand, c: float) -> Sum:
        """Return a * b + c; what is lost comes out right where the product is the larger part."""
        if m.machine.has_fma:
            value = m.fma(a, b, c)
            return cls(value, m.sub(c, m.fma(m.neg(a), b, value)))
        whole, rest = exact_product(m, a, b)
        value = m.add(whole, c)
        return cls(value, m.add(m.sub(c, m.sub(value, whole)), rest))

    @classmethod
    def of_polynomial(cls, m: Lanes, coefficients: Sequence[float], careful: int, *powers: Operand) -> Sum:
        """Return a polynomial given x, x^2 and x^4, knowing what its last `careful` steps lose.

        Far out the highest terms lead, so that the rounding of every step reaches the result.
        """
        *outer, last = coefficients[:careful]
        total = cls.of_product(m, powers[0], m.grouped(coefficients[careful:], *powers), last)
        for coefficient in reversed(outer):
            step = cls.of_product(m, powers[0], total.value, coefficient)
            total = cls(step.value, m.fma(powers[0], total.lost, step.lost))
        return total


def quotient(m: Lanes, p: Sum, q: Sum) -> Operand:
    """Return p/q, corrected by the remainder, which is exact but for what the sums have lost."""
    inverse = m.div(1.0, q.value)
    guess = m.mul(p.value, inverse)
    if m.machine.has_fma:
        remainder = m.fma(m.neg(guess), q.value, p.value)
    else:
        whole, rest = exact_product(m, guess, q.value)
        remainder = m.sub(m.sub(p.value, whole), rest)
    remainder = m.fma(m.neg(guess), q.lost, m.add(remainder, p.lost))
    return m.fma(remainder, inverse, guess)


def erfc(m: Lanes, x: Operand) -> Operand:
    """Return 1 - erf(x): the tail to the right of 0, 2 minus the tail to the left."""
    tail = upper_tail(m, "erfc", x, 1.0)
    return m.select(m.lt(x, 0.0), m.sub(2.0, tail), tail)


def normcdf(m: Lanes, x: Operand) -> Operand:
    """Return the standard normal distribution function, erfc(-x / sqrt 2) / 2, fitted in x itself."""
    tail = upper_tail(m, "normcdf", x, 0.5)
    return m.select(m.gt(x, 0.0), m.sub(1.0, tail), tail)


def normpdf(m: Lanes, x: Operand) -> Operand:
    """Return exp(-x^2 / 2) / sqrt(2 pi), the factor inside the polynomial."""
    table = m.coefficients
    alive, a = within(m, x, table["normcdf_limit"][0])
    reduced = gaussian(m, a, 0.5, alive)
    return exponential(m, reduced, "normpdf")
