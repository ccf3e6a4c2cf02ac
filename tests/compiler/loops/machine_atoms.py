"""The atoms of machines on NumPy arrays and scalars, exact: a float32 operation rounds to float32 once."""

import math
from fractions import Fraction

import numpy as np

from compiler.backends.reference.conversion import converted


def fma(x, y, z):
    """x * y + z, rounded once."""
    x, y, z = np.broadcast_arrays(x, y, z)
    return _fma_of_singles(x, y, z) if x.dtype == np.float32 else _fma_of_doubles(x, y, z)


def _fma_of_singles(x, y, z):
    """The product is exact in float64; the sum is rounded to odd there, so that it may be rounded again."""
    product, z = x.astype(np.float64) * y.astype(np.float64), z.astype(np.float64)
    total = np.asarray(product + z)
    other = total - product
    error = (product - (total - other)) + (z - other)
    bits = total.view(np.int64).copy()
    is_inexact = np.isfinite(total) & (error != 0) & (bits & 1 == 0)
    bits[is_inexact] += np.where((error > 0) == (total > 0), 1, -1)[is_inexact]
    return bits.view(np.float64).astype(np.float32)


def _fma_of_doubles(x, y, z):
    found = np.asarray(x * y + z)
    flat = found.reshape(-1)
    for k, numbers in enumerate(zip(x.flat, y.flat, z.flat, strict=True)):
        if all(map(math.isfinite, numbers)):
            a, b, c = map(Fraction, map(float, numbers))
            flat[k] = _rounded(a * b + c, flat[k])
    return found


def _rounded(exact, near):
    if exact == 0:
        return near
    try:
        return float(exact)
    except OverflowError:
        return math.copysign(math.inf, exact)


def _bitwise(of_numbers, of_truths):
    return lambda *x: of_truths(*x) if x[0].dtype == np.bool_ else of_numbers(*x)


def _quotient(x, y):
    """Integers are cut towards 0."""
    if x.dtype.kind == "f":
        return x / y
    is_below = (x % y != 0) & ((x < 0) != (y < 0))
    return (x // y + is_below).astype(x.dtype)


def _unsigned(x):
    return np.asarray(x).view({4: np.uint32, 8: np.uint64}[x.dtype.itemsize])


def _shifted(sign):
    def found(x, count):
        bits = _unsigned(x)
        count = np.asarray(count).astype(bits.dtype)
        return (bits << count if sign > 0 else bits >> count).view(x.dtype)

    return found


def _pattern(x):
    return np.asarray(x).view({4: np.int32, 8: np.int64}[x.dtype.itemsize])


def _float(x):
    return np.asarray(x).view({4: np.float32, 8: np.float64}[x.dtype.itemsize])


def _quiet(halves):
    """NumPy leaves a signalling NaN as it is; instructions make it quiet."""
    return np.where(np.isnan(halves), halves.view(np.uint16) | 0x200, halves.view(np.uint16)).view(np.float16)


def _scalef(where, x, k):
    whole = np.floor(k).clip(-5000, 5000)
    scaled = np.ldexp(x, np.where(np.isfinite(whole), whole, 0).astype(np.int32))
    return np.where(where, scaled, x.dtype.type(0))


def _getmant(x):
    mantissa, _ = np.frexp(np.abs(x))
    found = np.where(mantissa < 0.75, 2 * mantissa, mantissa)
    found = np.where((x == 0) | np.isinf(x), 1, found)
    return np.where((x < 0) | np.isnan(x), np.nan, found).astype(x.dtype)


def _getexp(x):
    _, exponent = np.frexp(np.abs(x))
    found = np.where(x == 0, -np.inf, exponent - 1)
    return np.where(np.isnan(x), np.nan, np.where(np.isinf(x), np.inf, found)).astype(x.dtype)


ATOMS = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": _quotient,
    "rem": lambda x, y: (x - _quotient(x, y) * y).astype(x.dtype), "neg": np.negative, "abs": np.abs,
    "floor": np.floor, "ceil": np.ceil, "round": np.rint, "sqrt": np.sqrt, "copysign": np.copysign,
    "fma": fma,
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal,
    "ne": np.not_equal, "uge": lambda x, y: ~(x < y), "ult": lambda x, y: _unsigned(x) < _unsigned(y),
    "isnan": np.isnan, "where": np.where, "and": _bitwise(np.bitwise_and, np.logical_and),
    "or": _bitwise(np.bitwise_or, np.logical_or), "xor": _bitwise(np.bitwise_xor, np.logical_xor),
    "not": _bitwise(np.invert, np.logical_not), "shl": _shifted(1), "lshr": _shifted(-1),
    "ashr": np.right_shift, "bits": _pattern,
    "from_bits": _float, "low": lambda x: x[: x.size // 2], "high": lambda x: x[x.size // 2 :],
    "evens": lambda x, y: np.concatenate([x[::2], y[::2]]),
    "odds": lambda x, y: np.concatenate([x[1::2], y[1::2]]),
    "zip_low": lambda x, y: np.stack([x, y], 1).reshape(-1)[: x.size],
    "zip_high": lambda x, y: np.stack([x, y], 1).reshape(-1)[x.size :],
    "lane": lambda number, x: x[int(number)], "any": np.any, "all": np.all, "scalef": _scalef,
    "getmant": _getmant, "getexp": _getexp,
    "half": lambda x: _quiet(x.astype(np.float16)).view(np.uint16).astype(np.int32),
    "from_half": lambda x: _quiet(x.astype(np.uint16).view(np.float16)).astype(np.float32),
}  # fmt: skip
"""Those of operands alone: `cast`, `splat`, `lanes` and `first` ask what value is wanted."""

WANTING = {
    "cast": lambda value, x: converted(np.asarray(x), value.dtype),
    "splat": lambda value, x: np.full(value.lanes, x),
    "lanes": lambda value, x: np.int64(x) + np.arange(value.lanes),
    "first": lambda value, x: np.arange(value.lanes) < x,
}
"""Those that ask for the value that is written."""
