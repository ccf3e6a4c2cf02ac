"""log and log1p: x = 2^k (1 + f) with 1 + f in [3/4, 3/2), then k ln 2 + log(1 + f).

In float32 log(1 + f) = f + f^2 q(f); in float64, where q would be long, the odd series in s = f / (2 + f),
arranged so that f itself is added last (after P. T. P. Tang, "Table-driven implementation of the logarithm
function", ACM TOMS 16, 1990, and the usual reduction of log(1 + f) to 2 artanh(s)).
"""

from __future__ import annotations

from compiler.backends.llvm.coefficients import COEFFICIENTS
from compiler.backends.llvm.jit.untyped import Value
from compiler.backends.llvm.lanes import Lanes

MANTISSA_FROM_THREE_QUARTERS = 3  # getmant's interval [3/4, 3/2)
MANTISSA_NAN_BELOW_ZERO = 3 << 2  # its sign control: NaN for negative numbers, +1 for both zeros


def log_near_one(m: Lanes, f: Value) -> Value:
    """Return log(1 + f) for f in [-1/4, 1/2]; keeps the sign of a zero."""
    table = COEFFICIENTS[m.format.name]["log"]
    if m.format.width == 32:
        return m.fma(m.mul(f, f), m.horner(table, f), f)
    s = m.div(f, m.add(f, 2.0))
    z = m.mul(s, s)
    half_square = m.mul(m.mul(f, 0.5), f)
    inner = m.fma(z, m.horner(table, z), half_square)
    return m.add(f, m.fma(s, inner, m.neg(half_square)))


def add_exponent(m: Lanes, minus_k: Value, y: Value) -> Value:
    """Return k ln 2 + y from -k, whose product with -ln 2 is -0 for k = 0, so that y = -0 stays -0."""
    return m.fma(minus_k, -COEFFICIENTS[m.format.name]["ln2"][0], y)


def exponent_field(m: Lanes, x: Value) -> Value:
    """Return k, in place in the exponent field, for a positive normal x = 2^k (1 + f)."""
    from_three_quarters = m.builder.sub(m.bits(x), m.integer(m.format.bits(0.75)))
    return m.builder.and_(from_three_quarters, m.integer(m.format.exponent_mask))


def minus_exponent(m: Lanes, field: Value) -> Value:
    """Convert k, in place in the exponent field, to the number -k.

    64-bit integers convert slowly before AVX-512: there k + 2048, which is positive, becomes the mantissa
    of a number near 2^52.
    """
    b, width = m.builder, m.format.mantissa
    if m.format.width == 32:
        return m.mul(b.sitofp(b.sub(m.integer(0), field), m.float_type), 2.0**-width)
    positive = b.lshr(b.add(field, m.integer(1024 << width)), m.integer(width))
    number = m.from_bits(b.or_(positive, m.integer(m.format.bits(2.0**width))))
    return m.sub(2.0**width + 1024.0, number)


def log(m: Lanes, x: Value) -> Value:
    """Return the natural logarithm: -inf at either zero, NaN below."""
    mantissa = m.x86("getmant", [x], MANTISSA_FROM_THREE_QUARTERS | MANTISSA_NAN_BELOW_ZERO)
    exponent = m.x86("getexp", [x])
    if mantissa is None or exponent is None:
        return _log_of_bits(m, x)
    # getexp counts from mantissas in [1, 2); it is infinite where the logarithm is, and NaN for NaN.
    k = m.select(m.compare("<", mantissa, 1.0), m.add(exponent, 1.0), exponent)
    return add_exponent(m, m.neg(k), log_near_one(m, m.sub(mantissa, 1.0)))


def _log_of_bits(m: Lanes, x: Value) -> Value:
    """Compute log with integer arithmetic on the bits; subnormals are first lifted into the normal range."""
    lift = m.format.mantissa + 2
    small = m.compare("<", x, m.format.smallest_normal)
    lifted = m.select(small, m.mul(x, 2.0**lift), x)
    field = exponent_field(m, lifted)
    mantissa = m.from_bits(m.builder.sub(m.bits(lifted), field))
    minus_k = m.add(minus_exponent(m, field), m.select(small, float(lift), 0.0))
    y = add_exponent(m, minus_k, log_near_one(m, m.sub(mantissa, 1.0)))
    return at_the_edges(m, x, x, y)


def at_the_edges(m: Lanes, of: Value, x: Value, y: Value) -> Value:
    """Replace y by -inf where `of` is 0, by NaN where it is negative, by x where x is +inf or NaN."""
    finite = m.select(m.compare("<", x, float("inf")), y, x)
    positive = m.select(m.compare("==", of, 0.0), float("-inf"), finite)
    return m.select(m.compare("<", of, 0.0), float("nan"), positive)


def log1p(m: Lanes, x: Value) -> Value:
    """Take k from 1 + x, but f = 2^-k x + (2^-k - 1) from x: the rounding of 1 + x does no harm.

    4 * 2^-k stands for 2^-k, which may be subnormal. -(1 - 2^-k) is -0 for k = 0, and keeps -0.
    """
    b, width = m.builder, m.format.mantissa
    whole = m.add(x, 1.0)
    field = exponent_field(m, whole)
    four = m.from_bits(b.sub(m.integer((m.format.bias + 2) << width), field))
    f = m.fma(m.mul(x, four), 0.25, m.neg(m.fma(four, -0.25, 1.0)))
    y = add_exponent(m, minus_exponent(m, field), log_near_one(m, f))
    return at_the_edges(m, whole, x, y)
