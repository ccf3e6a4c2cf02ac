"""exp and what is made of it: expm1, sigmoid, softplus, sech2, tanh.

exp(x) = 2^k exp(r) with k = round(x / ln 2) and r = x - k ln 2 in [-ln 2 / 2, ln 2 / 2], ln 2 in two parts
whose first times k is exact (W. J. Cody and W. Waite, "Software Manual for the Elementary Functions",
1980). k is rounded by adding 1.5 * 2^(mantissa bits), which leaves it in the low bits as well: converting
to integer would be undefined on NaN.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from compiler.loops.mathematics.words import Lanes, Operand


@dataclass(frozen=True)
class Reduced:
    """An exponent taken apart: exp(rate * x) = 2^k exp(rate * r); `shifted` is k plus the rounding constant.

    The rate, a power of two of either sign, costs nothing: it is multiplied into constants. Where not `alive`
    the exponential is 0; None stands for everywhere alive. Rounding a number to 0 takes a processor twenty
    times as long as anything else, so the 0 is chosen; and x is harmless there, unless an instruction that
    takes a mask does the choosing.
    """

    k: Operand
    r: Operand
    shifted: Operand
    rate: float
    alive: Operand | None = None
    falls: bool = False
    """Whether k is at most 0."""


def reduce_exponent(
    m: Lanes,
    x: Operand,
    rate: float = 1.0,
    rest: Operand | None = None,
    *,
    alive: Operand | None = None,
    falls: bool = False,
) -> Reduced:
    """Reduce rate * (x + rest), rest being at most a rounding error of x."""
    table = m.coefficients
    rounding = 1.5 * 2.0**m.format.mantissa
    shifted = m.fma(x, rate * table["log2_e"][0], rounding)
    k = m.sub(shifted, rounding)
    high = m.fma(k, -table["ln2_high"][0] / rate, x)
    low = -table["ln2_low"][0] / rate
    r = m.fma(k, low, high) if rest is None else m.add(high, m.fma(k, low, rest))
    return Reduced(k, r, shifted, rate, alive, falls)


def growth(m: Lanes, reduced: Reduced) -> Operand:
    """Return exp(rate * r) - 1 for a reduced exponent."""
    series = [c * reduced.rate ** (i + 1) for i, c in enumerate(m.coefficients["exp"][1:])]
    return m.mul(reduced.r, m.horner(series, reduced.r))


def exponential(m: Lanes, reduced: Reduced, name: str = "exp", multiple: float = 1.0) -> Operand:
    """Return multiple * exp(rate * x) from its reduction, by the table `name`."""
    table = m.coefficients[name]
    series = [multiple * c * reduced.rate**i for i, c in enumerate(table)]
    return scale(m, m.horner(series, reduced.r), reduced)


def scale(m: Lanes, p: Operand, by: Reduced) -> Operand:
    """Return p * 2^k, rounded once, for |k| up to nearly twice the exponent range.

    Two steps, because 2^k alone may overflow or underflow where the product does not: only the second can
    round. One of them is a constant where k is at most 0.
    """
    if m.scales:
        return m.scalef(p, by.k, by.alive)
    whole = m.bits(by.shifted)
    if by.falls:
        lift = (m.format.bias + 1) // 2
        scaled = m.mul(m.mul(p, power_of_two(m, whole, lift)), 2.0**-lift)
    else:
        half = m.integers.lshr(whole, (1))
        scaled = m.mul(m.mul(p, power_of_two(m, half)), power_of_two(m, m.integers.sub(whole, half)))
    return scaled if by.alive is None else m.select(by.alive, scaled, 0.0)


def power_of_two(m: Lanes, n: Operand, more: int = 0) -> Operand:
    """Return 2^(k + more) from an integer whose low bits are k, for a sum in the range of normal numbers."""
    field = m.integers.shl(n, m.format.mantissa)
    return m.from_bits(m.integers.add(field, (m.format.bias + more) << m.format.mantissa))


def exp_limits(m: Lanes) -> tuple[float, float]:
    """Return a number whose exponential is certainly 0 in the dtype, and one whose is certainly infinite."""
    return (-104.0, 88.8) if m.format.width == 32 else (-746.0, 709.9)


def exp(m: Lanes, x: Operand) -> Operand:
    """Return e^x. The bounds put on x are beyond the last numbers that give 0 and infinity."""
    low, high = exp_limits(m)
    alive = m.not_below(x, low)
    return exponential(m, reduce_exponent(m, m.at_most(m.select(alive, x, 0.0), high), alive=alive))


def exp2(m: Lanes, x: Operand) -> Operand:
    """Return 2^x: k = round(x) is taken off without rounding, so that whole powers are exact."""
    low, high = (-151.0, 129.0) if m.format.width == 32 else (-1076.0, 1025.0)
    alive = m.not_below(x, low)
    held = m.at_most(m.select(alive, x, 0.0), high)
    rounding = 1.5 * 2.0**m.format.mantissa
    shifted = m.add(held, rounding)
    k = m.sub(shifted, rounding)
    reduced = Reduced(k, m.sub(held, k), shifted, 1.0, alive)
    return exponential(m, reduced, "exp2")


def decay(m: Lanes, x: Operand, rate: float = 1.0, multiple: float = 1.0) -> Operand:
    """Return multiple * exp(-rate |x|), both powers of two; it cannot overflow."""
    low, _ = exp_limits(m)
    alive, magnitude = within(m, x, (math.log(multiple) - low) / rate, keep=m.scales)
    return exponential(m, reduce_exponent(m, magnitude, -rate, alive=alive, falls=True), multiple=multiple)


def within(m: Lanes, x: Operand, limit: float, *, keep: bool = False) -> tuple[Operand, Operand]:
    """Return whether |x| is at most `limit` or NaN, and |x|: 0 where it is not, unless `keep`."""
    magnitude = m.abs(x)
    alive = m.not_below(limit, magnitude)
    return alive, magnitude if keep else m.select(alive, magnitude, 0.0)


def expm1(m: Lanes, x: Operand) -> Operand:
    """Return 2^k expm1(r) + (2^k - 1), accurate near 0, where k = 0.

    Evaluated as 2^(k-1) * (2 expm1(r)) - (1 - 2^k) to keep -0 and subnormals, and with 2^k - 1 held at the
    largest number, one unit below 2^k, where 2^k is infinite but the sum need not be.
    """
    low, high = (-18.0, 88.8) if m.format.width == 32 else (-38.0, 709.9)
    reduced = reduce_exponent(m, m.at_most(m.at_least(x, low), high))
    table = m.coefficients["expm1"]
    doubled = m.mul(reduced.r, m.horner([2.0 * c for c in table], reduced.r))
    field = m.format.mantissa
    exponent = m.integers.shl(m.bits(reduced.shifted), field)
    half = m.from_bits(m.integers.add(exponent, (m.format.bias - 1) << field))
    missing = m.at_least(m.fma(half, -2.0, 1.0), -m.format.largest)
    return m.fma(half, doubled, m.neg(missing))


def sigmoid(m: Lanes, x: Operand) -> Operand:
    """Return h = e/(1+e) below 0 and 1 - h from there on, e = exp(-|x|): small values keep their digits.

    1 - h is nearer than 1/(1+e), whose sum is rounded too. The same h serves sigmoid(-x), which a slope
    needs beside it: the code generator computes it once.
    """
    e = decay(m, x)
    low = m.div(e, m.add(e, 1.0))
    return m.select(m.has_sign(x), low, m.sub(1.0, low))


def softplus(m: Lanes, x: Operand) -> Operand:
    """Return max(x, 0) + log1p(exp(-|x|)), log1p(e)/e a polynomial on [0, 1]."""
    e = decay(m, x)
    slope = m.horner(m.coefficients["log1p_unit"], e)
    return m.fma(e, slope, m.select(m.gt(x, 0.0), x, 0.0))


def sech2(m: Lanes, x: Operand) -> Operand:
    """Return 1 - tanh(x)^2 = 4e/(1+e)^2 with e = exp(-2|x|); the subtraction would lose the tail.

    The square is 1 + e (2 + e): that of a rounded 1 + e would have twice its error.
    """
    four_e = decay(m, x, 2.0, 4.0)
    square = m.fma(four_e, m.fma(four_e, 0.0625, 0.5), 1.0)
    return m.div(four_e, square)


def tanh(m: Lanes, x: Operand) -> Operand:
    """Return -E/(2 + E), E = expm1(-2|x|), with the sign of x; a quotient of sums would lose more near 1."""
    rise = one_minus_exp(m, m.at_most(m.abs(x), saturation(m) / 2), -2.0)
    return m.with_sign_of(x, m.div(rise, m.sub(2.0, rise)))


def saturation(m: Lanes) -> float:
    """Return a number h for which 1 - exp(-h) rounds to 1."""
    return 18.0 if m.format.width == 32 else 38.0


def one_minus_exp(m: Lanes, a: Operand, rate: float) -> Operand:
    """Return 1 - exp(rate a), accurate near 0, for rate * a in [-saturation, 0], rate minus a power of two.

    That is (1 - 2^k) - 2^k expm1(r); 2^k is a normal number here.
    """
    reduced = reduce_exponent(m, a, rate)
    table = m.coefficients["expm1"]
    series = [-c * rate ** (i + 1) for i, c in enumerate(table)]
    fall = m.mul(reduced.r, m.polynomial(series, reduced.r))
    power = power_of_two(m, m.bits(reduced.shifted))
    return m.fma(power, fall, m.sub(1.0, power))
