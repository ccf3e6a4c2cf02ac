"""erf, erfc and the normal distribution, with full relative accuracy in the tails.

erfc(a) = exp(-a^2) P(a)/Q(a) for a >= 0, all coefficients positive (after W. J. Cody, "Rational Chebyshev
approximations for the error function", Mathematics of Computation 23, 1969), and the other side by symmetry. a^2
is formed exactly in two parts: its rounding error would come out multiplied by a^2.
"""

from __future__ import annotations

from compiler.backends.llvm.coefficients import COEFFICIENTS
from compiler.backends.llvm.exponentials import Reduced, exponential, growth, one_minus_exp, reduce_exponent, scale
from compiler.backends.llvm.lanes import Lanes, Value


def square(m: Lanes, a: Value) -> tuple[Value, Value]:
    """Return a^2 and the error of its rounding; without FMA from the upper half of a's digits (Dekker, 1971)."""
    whole = m.mul(a, a)
    if m.instructions.fma:
        return whole, m.fma(a, a, m.neg(whole))
    dropped = (m.format.mantissa + 2) // 2
    high = m.from_bits(m.builder.and_(m.bits(a), m.integer(-(1 << dropped))))
    beside = m.mul(m.sub(a, high), m.add(a, high))
    return whole, m.add(m.sub(m.mul(high, high), whole), beside)


def gaussian(m: Lanes, a: Value, rate: float) -> Reduced:
    """Reduce exp(-rate a^2), rate a power of two."""
    whole, rest = square(m, a)
    return reduce_exponent(m, whole, -rate, rest)


def bounded_magnitude(m: Lanes, x: Value, limit: float) -> Value:
    return m.at_most(m.unary("fabs", x), limit)


def erf(m: Lanes, x: Value) -> Value:
    """Return 1 - exp(-h(|x|)) with the sign of x, where h(a) = -log(1 - erf(a)) = a H(a), a smooth function."""
    table = COEFFICIENTS[m.format.name]
    a = bounded_magnitude(m, x, table["erf_limit"][0])
    exponent = m.mul(a, m.horner(table["erf"], a))
    return m.with_sign_of(x, one_minus_exp(m, exponent, -1.0))


def upper_tail(m: Lanes, name: str, x: Value, rate: float) -> Value:
    """Return exp(-rate a^2) P(a)/Q(a) for a = |x|, scaled last so that a subnormal result is rounded once."""
    table = COEFFICIENTS[m.format.name]
    a = bounded_magnitude(m, x, table[f"{name}_limit"][0])
    reduced = gaussian(m, a, rate)
    square = m.mul(a, a)
    fourth = m.mul(square, square)
    top = m.from_zero(table[f"{name}_top"], a, square, fourth)
    bottom = m.from_zero(table[f"{name}_bottom"], a, square, fourth)
    return scale(m, m.div(m.fma(top, growth(m, reduced), top), bottom), reduced)


def erfc(m: Lanes, x: Value) -> Value:
    tail = upper_tail(m, "erfc", x, 1.0)
    return m.select(m.compare("<", x, 0.0), m.sub(2.0, tail), tail)


def normcdf(m: Lanes, x: Value) -> Value:
    """Return the standard normal distribution function, erfc(-x / sqrt 2) / 2, fitted in x itself."""
    tail = upper_tail(m, "normcdf", x, 0.5)
    return m.select(m.compare(">", x, 0.0), m.sub(1.0, tail), tail)


def normpdf(m: Lanes, x: Value) -> Value:
    """Return exp(-x^2 / 2) / sqrt(2 pi), the factor inside the polynomial."""
    table = COEFFICIENTS[m.format.name]
    reduced = gaussian(m, bounded_magnitude(m, x, table["normcdf_limit"][0]), 0.5)
    return exponential(m, reduced, "normpdf")
