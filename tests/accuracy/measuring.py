"""Samples of a dtype's whole range, and errors in units in the last place (ULP) and absolute."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import mpmath
import numpy as np

from tests.accuracy.references import FLOAT64, Reference, exact

Array = np.ndarray

STRIDE = 997
"""Every 997th float32 by bit pattern is taken, which reaches all exponents of both signs alike."""
DENSE = 200_000
"""Numbers taken at even distances in each of the two ranges where activations bend."""
EXACT_POINTS = 1500
"""Numbers of each kind that a sample has where mpmath is the judge."""
DIGITS = 60
NEAR = 20.0
"""Absolute errors are those where |x| is at most this: far out an activation is as large as x itself."""


@dataclass(frozen=True)
class Errors:
    """Of a sample: the largest error in ULP and its x, the one that 99.9 % stay below, the absolute one.

    `units` is the largest in units of one ULP of the result plus what one ULP of the argument changes, where
    the result is a normal number.
    """

    largest: float
    worst: float
    most: float
    absolute: float
    units: float


@cache
def sample(dtype: str) -> Array:
    """Numbers of both signs, sorted: of every exponent, and those of [-20, 20] and [-120, 120] at even steps.

    float64 has fewer, by chance: of every exponent, of [-20, 20] and of [-800, 800].
    """
    if dtype == "float32":
        bits = np.arange(0, 2**32, STRIDE, dtype=np.uint64).astype(np.uint32).view(np.float32)
        spread = [np.linspace(-reach, reach, DENSE + 1, dtype=np.float32) for reach in (20, 120)]
        return _finite(np.concatenate([bits, *spread]))
    generator = np.random.default_rng(0)
    signs = generator.choice([-1.0, 1.0], EXACT_POINTS)
    exponents = generator.integers(-1073, 1024, EXACT_POINTS)
    anywhere = np.ldexp(generator.uniform(0.5, 1, EXACT_POINTS), exponents)
    spread = [generator.uniform(-reach, reach, EXACT_POINTS) for reach in (20, 800)]
    return _finite(np.concatenate([anywhere * signs, *spread]))


def _finite(x: Array) -> Array:
    return np.unique(x[np.isfinite(x)])


def truth(reference: Reference, x: Array) -> tuple[Array, Array]:
    """The exact values at x as a sum of two float64 arrays: float64 judges float32, mpmath judges float64."""
    if x.dtype == np.float32:
        with np.errstate(all="ignore"):
            found = np.broadcast_to(np.asarray(reference(FLOAT64, x.astype(np.float64)), np.float64), x.shape)
        return found, np.zeros_like(found)
    return by_mpmath(reference, x)


def by_mpmath(reference: Reference, x: Array) -> tuple[Array, Array]:
    """The values by mpmath, at 60 digits, as a float64 and what it lacks."""
    arithmetic = exact(DIGITS)
    with mpmath.workdps(DIGITS):
        values = [mpmath.mpf(reference(arithmetic, mpmath.mpf(float(v)))) for v in x]
        high = [float(v) for v in values]
        low = [float(v - h) if math.isfinite(h) else 0.0 for v, h in zip(values, high, strict=True)]
    return np.array(high), np.array(low)


@dataclass(frozen=True)
class Truth:
    """The exact values at x as a sum of two float64 arrays, and what one ULP of x changes in them."""

    high: Array
    low: Array
    change: Array


def truth_and_change(reference: Reference, x: Array) -> Truth:
    """The exact values, and half of what they differ by between the neighbours of x."""
    limits = np.finfo(x.dtype)
    ends = [np.nextafter(x, side * limits.max) for side in (x.dtype.type(1), x.dtype.type(-1))]
    (above, more), (below, less) = (truth(reference, end) for end in ends)
    with np.errstate(all="ignore"):
        change = np.abs((above - below) + (more - less)) / 2
    return Truth(*truth(reference, x), np.where(np.isfinite(change), change, 0))


def errors(x: Array, found: Array, exact_values: Truth) -> Errors:
    """The errors of `found`, of x's dtype, against what is exact."""
    high = exact_values.high
    off = difference(found, high, exact_values.low)
    ulp = unit(high, found.dtype)
    ulps = off / ulp
    units = off / (ulp + exact_values.change)
    is_normal = np.abs(high) >= float(np.finfo(found.dtype).tiny)
    worst = int(np.argmax(ulps))
    near = np.abs(x) <= NEAR
    most = np.quantile(ulps, 0.999, method="higher")
    return Errors(
        float(ulps[worst]),
        float(x[worst]),
        float(most),
        float(off[near].max(initial=0)),
        float(units[is_normal].max(initial=0)),
    )


def difference(found: Array, high: Array, low: Array) -> Array:
    """|found - exact| in float64; infinite where only `found` is NaN or infinite."""
    limits = np.finfo(found.dtype)
    beyond = np.abs(high) >= float(limits.max) * (1 + float(limits.eps) / 4)
    with np.errstate(all="ignore"):
        off = np.abs((found.astype(np.float64) - high) - low)
    agree = np.isinf(found) & beyond & (np.sign(found) == np.sign(high))
    return np.where(agree, 0.0, np.where(np.isfinite(found), off, np.inf))


def unit(exact_values: Array, dtype: np.dtype) -> Array:
    """The distance between neighbours of a dtype at each value, subnormal numbers included."""
    limits = np.finfo(dtype)
    _, exponent = np.frexp(np.where(np.isfinite(exact_values), exact_values, limits.max))
    exponent = np.where(exact_values == 0, limits.minexp, exponent)
    return np.ldexp(1.0, np.maximum(exponent - limits.nmant - 1, limits.minexp - limits.nmant))
