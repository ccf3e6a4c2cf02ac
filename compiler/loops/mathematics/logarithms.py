"""log and log1p: x = 2^k (1 + f) with 1 + f in [3/4, 3/2), then k ln 2 + log(1 + f).

In float32 log(1 + f) = f + f^2 q(f); in float64, where q would be long, the odd series in s = f / (2 + f),
arranged so that f itself is added last (after P. T. P. Tang, "Table-driven implementation of the logarithm
function", ACM TOMS 16, 1990, and the usual reduction of log(1 + f) to 2 artanh(s)).
"""

from __future__ import annotations

from compiler.loops.mathematics.words import Lanes, Operand


def log_near_one(m: Lanes, f: Operand) -> Operand:
    """Return log(1 + f) for f in [-1/4, 1/2]; keeps the sign of a zero."""
    table = m.coefficients["log"]
    if m.format.width == 32:
        return m.fma(m.mul(f, f), m.horner(table, f), f)
    s = m.div(f, m.add(f, 2.0))
    z = m.mul(s, s)
    half_square = m.mul(m.mul(f, 0.5), f)
    inner = m.fma(z, m.horner(table, z), half_square)
    return m.add(f, m.fma(s, inner, m.neg(half_square)))


def add_exponent(m: Lanes, minus_k: Operand, y: Operand) -> Operand:
    """Return k ln 2 + y from -k, whose product with -ln 2 is -0 for k = 0, so that y = -0 stays -0."""
    return m.fma(minus_k, -m.coefficients["ln2"][0], y)


def exponent_field(m: Lanes, x: Operand) -> Operand:
    """Return k, in place in the exponent field, for a positive normal x = 2^k (1 + f)."""
    from_three_quarters = m.integers.sub(m.bits(x), m.format.bits(0.75))
    return m.integers.and_(from_three_quarters, m.format.exponent_mask)


def minus_exponent(m: Lanes, field: Operand) -> Operand:
    """Convert k, in place in the exponent field, to the number -k.

    64-bit integers convert slowly before AVX-512: there k + 2048, which is positive, becomes the mantissa
    of a number near 2^52.
    """
    n, width = m.integers, m.format.mantissa
    if m.format.width == 32:
        return m.mul(m.cast(n.sub(0, field)), 2.0**-width)
    positive = n.lshr(n.add(field, 1024 << width), width)
    number = m.from_bits(n.or_(positive, m.format.bits(2.0**width)))
    return m.sub(2.0**width + 1024.0, number)


def log(m: Lanes, x: Operand) -> Operand:
    """Return the natural logarithm: -inf at either zero, NaN below."""
    minus_k, mantissa = minus_exponent_and_mantissa(m, x)
    y = add_exponent(m, minus_k, log_near_one(m, m.sub(mantissa, 1.0)))
    return y if m.scales else at_the_edges(m, x, x, y)


def minus_exponent_and_mantissa(m: Lanes, x: Operand) -> tuple[Operand, Operand]:
    """Return -k and 1 + f of a number that is not negative.

    Where the machine scales, -k is infinite where the logarithm is, and NaN for NaN; below 0 1 + f is NaN.
    """
    if not m.scales:
        return _taken_apart(m, x)
    mantissa, exponent = m.getmant(x), m.getexp(x)
    # getexp counts from mantissas in [1, 2).
    k = m.select(m.lt(mantissa, 1.0), m.add(exponent, 1.0), exponent)
    return m.neg(k), mantissa


def _taken_apart(m: Lanes, x: Operand) -> tuple[Operand, Operand]:
    """Return -k and 1 + f by integers, from the bits; subnormals are first lifted into the normal range."""
    lift = m.format.mantissa + 2
    small = m.lt(x, m.format.smallest_normal)
    lifted = m.select(small, m.mul(x, 2.0**lift), x)
    field = exponent_field(m, lifted)
    mantissa = m.from_bits(m.integers.sub(m.bits(lifted), field))
    return m.add(minus_exponent(m, field), m.select(small, float(lift), 0.0)), mantissa


def at_the_edges(m: Lanes, of: Operand, x: Operand, y: Operand) -> Operand:
    """Replace y by -inf where `of` is 0, by NaN where it is negative, by x where x is +inf or NaN."""
    finite = m.select(m.lt(x, float("inf")), y, x)
    positive = m.select(m.eq(of, 0.0), float("-inf"), finite)
    return m.select(m.lt(of, 0.0), float("nan"), positive)


def log1p(m: Lanes, x: Operand) -> Operand:
    """Take k from 1 + x, but f = 2^-k x + (2^-k - 1) from x: the rounding of 1 + x does no harm.

    4 * 2^-k stands for 2^-k, which may be subnormal. -(1 - 2^-k) is -0 for k = 0, and keeps -0.
    """
    width = m.format.mantissa
    whole = m.add(x, 1.0)
    field = exponent_field(m, whole)
    four = m.from_bits(m.integers.sub((m.format.bias + 2) << width, field))
    f = m.fma(m.mul(x, four), 0.25, m.neg(m.fma(four, -0.25, 1.0)))
    y = add_exponent(m, minus_exponent(m, field), log_near_one(m, f))
    return at_the_edges(m, whole, x, y)


def log2(m: Lanes, x: Operand) -> Operand:
    """Return the logarithm to base 2, exact of powers of two: k + log(1 + f) / ln 2."""
    minus_k, mantissa = minus_exponent_and_mantissa(m, x)
    near = log_near_one(m, m.sub(mantissa, 1.0))
    y = m.fma(near, m.coefficients["log2_e"][0], m.neg(minus_k))
    return y if m.scales else at_the_edges(m, x, x, y)


def log10(m: Lanes, x: Operand) -> Operand:
    """Return the logarithm to base 10: k log10(2), in two positive parts, + log(1 + f) / ln 10."""
    minus_k, mantissa = minus_exponent_and_mantissa(m, x)
    high, low = m.coefficients["log10_2"]
    near = m.mul(log_near_one(m, m.sub(mantissa, 1.0)), m.coefficients["log10_e"][0])
    y = m.fma(minus_k, -high, m.fma(minus_k, -low, near))
    return y if m.scales else at_the_edges(m, x, x, y)


def logit(m: Lanes, x: Operand) -> Operand:
    """Return log(x / (1 - x)), from 1/4 on as log1p((2 x - 1) / (1 - x)): near 1/2, too, digits are kept."""
    is_low = m.lt(x, 0.25)
    below = m.sub(1.0, x)
    odds = m.div(m.select(is_low, x, m.sub(m.add(x, x), 1.0)), below)
    return m.select(is_low, log(m, m.select(is_low, odds, 1.0)), log1p(m, m.select(is_low, 0.0, odds)))
