"""Arguments at which float64 atoms are held to exact values: everywhere, and around whatever they branch at.

A sample has random bit patterns, numbers of every exponent, subnormal numbers, numbers where the atom is
neither constant nor linear, and the neighbours of every break point: where a reduction goes on to the next
power of two, where an argument is clamped, and where a result becomes subnormal, 0, infinite or constant.
"""

from __future__ import annotations

import math

import mpmath
import numpy as np

from compiler.loops.mathematics.coefficients import COEFFICIENTS

TABLE = COEFFICIENTS["float64"]
HALVES = np.arange(-2200, 2200) / 2
"""Where k = round(x / ln 2) becomes the next integer, and half way to it."""
EIGHTHS = np.concatenate(
    [
        np.outer([1.0, 2.0**12, 2.0**24, 2.0**60], np.arange(-400, 400)).ravel() * math.pi / 4,
        [2.0**20, 2.0**32, 6381956970095103 * 2.0**797, 5319372648326541 * 2.0**716],
    ]
)
"""Of turns, where the other polynomial is taken; where the reduction is another one; nearest to multiples."""
POWERS = np.ldexp([0.75, 1.0, 1.5], np.arange(-1074, 1024)[:, None]).ravel()
"""Where a logarithm takes the next exponent; 3/4 of the smallest number is the number itself."""


def _exponents(rate: float, *others: float) -> np.ndarray:
    """Break points of a function of exp(rate x), with the clamps and limits of that function."""
    return np.concatenate([HALVES * math.log(2) / rate, others, np.negative(others)])


def _tail(rate: float, limit: float) -> np.ndarray:
    """Break points of a function of exp(-rate x^2)."""
    root = np.sqrt(HALVES[HALVES >= 0] * math.log(2) / rate)
    return np.concatenate([root, -root, [limit, -limit]])


BREAKS = {
    "exp": _exponents(1, 745.1332191019412, 709.782712893384, 708.3964185322641, 746.0, 709.9),
    "expm1": _exponents(1, 709.782712893384, 709.9, 38.0, 36.7368005696771),
    "tanh": _exponents(2, 19.0, 19.061547465398498),
    "sech2": _exponents(2, 373.0, 354.89135644669196, 373.2597571323966),
    "sigmoid": _exponents(1, 745.1332191019412, 708.3964185322641, 36.7368005696771, 746.0),
    "softplus": _exponents(1, 745.1332191019412, 708.3964185322641, 36.7368005696771, 746.0),
    "erf": np.concatenate([_tail(1, TABLE["erf_limit"][0]), np.linspace(-6, 6, 401)]),
    "erfc": _tail(1, TABLE["erfc_limit"][0]),
    "normcdf": _tail(0.5, TABLE["normcdf_limit"][0]),
    "normpdf": _tail(0.5, TABLE["normcdf_limit"][0]),
    "log": POWERS,
    "log1p": np.concatenate([POWERS, POWERS - 1.0, -POWERS]),
    "sqrt": POWERS,
    "sin": EIGHTHS,
    "cos": EIGHTHS,
    "exp2": HALVES,
    "tan": EIGHTHS,
    "logit": np.concatenate([POWERS[POWERS < 1.0], 0.5 + np.ldexp(1.0, -np.arange(2, 50)), [0.25]]),
    "log2": POWERS,
    "log10": np.concatenate([POWERS, 10.0 ** np.arange(-300, 300)]),
    "asin": np.array([0.5403, 1.0, -0.5403, -1.0]),
    "acos": np.array([0.5403, 1.0, -0.5403, -1.0]),
    "atan": np.array([0.41421357, 2.4142135, -0.41421357, -2.4142135, 1.0]),
    "sinh": _exponents(1, 1.0, 710.4758600739439, 712.0),
    "cosh": _exponents(1, 710.4758600739439, 712.0),
    "asinh": np.concatenate([POWERS, -POWERS]),
    "acosh": 1.0 + POWERS,
    "atanh": np.concatenate([1.0 - POWERS[POWERS < 1.0], np.tanh(HALVES[np.abs(HALVES) < 36] / 2)]),
    "cbrt": np.concatenate([POWERS, -POWERS]),
    "erfinv": np.array([0.85, -0.85, 1.0, -1.0, 0.5, 1e-300]),
    "lgamma": np.concatenate([POWERS, [0.5, 1.0, 1.4616321449683622, 2.0, 3.0, 8.0]]),
    "digamma": np.concatenate([POWERS, [1.0, 1.4616321449683622, 6.0]]),
}

REACH = {
    "exp": 746, "expm1": 710, "tanh": 20, "sech2": 374, "sigmoid": 746, "softplus": 746, "erf": 6.2,
    "erfc": 27.4, "normcdf": 38.8, "normpdf": 38.8, "log": 3, "log1p": 3, "sqrt": 3, "sin": 400, "cos": 400,
    "exp2": 1075, "tan": 400, "logit": 1, "log2": 3, "log10": 3, "asin": 1, "acos": 1, "atan": 9, "sinh": 711,
    "cosh": 711, "asinh": 9, "acosh": 9,
    "atanh": 1, "cbrt": 3, "erfinv": 1, "lgamma": 9, "digamma": 9,
}  # fmt: skip
"""The largest |x| at which something other than a limit happens; for the logarithms, a few."""

DOMAIN = {
    "log": 0.0, "sqrt": 0.0, "log1p": -1.0, "log2": 0.0, "log10": 0.0, "acosh": 1.0, "logit": 0.0,
    "lgamma": 0.0, "digamma": 0.0,
}  # fmt: skip
"""What all arguments are above."""

WITHIN_ONE = ("logit", "asin", "acos", "atanh", "erfinv")
"""What has arguments of a magnitude below 1, and as many near 1."""

FAR = {
    "exp": 2000, "expm1": 2000, "tanh": 100, "sech2": 2000, "sigmoid": 2000, "erf": 30, "erfc": 45,
    "normcdf": 45, "normpdf": 100, "exp2": 3000, "sinh": 2000, "cosh": 2000,
}  # fmt: skip
"""Where mpmath's argument is held, which would take long: the value is a limit to more digits than count."""


def points(atom: str, count: int, seed: int = 0) -> np.ndarray:
    """About `count` finite arguments of an atom, sorted, each once."""
    rng, each, reach = np.random.default_rng(seed), count // 6, REACH[atom]
    signs = rng.choice([-1.0, 1.0], each)
    breaks = rng.choice(BREAKS[atom], each)
    parts = [
        rng.integers(0, 2**64, each, dtype=np.uint64).view(np.float64),
        signs * np.ldexp(rng.uniform(0.5, 1.0, each), rng.integers(-1074, 1025, each)),
        (signs * rng.integers(1, 2**52, each, dtype=np.uint64).view(np.float64))[::4],
        rng.uniform(-reach, reach, each),
        signs * np.exp(rng.uniform(-40.0, math.log(reach), each)),
        (breaks.view(np.int64) + rng.integers(-40, 41, each)).view(np.float64),
        breaks * (1.0 + signs * np.ldexp(1.0, -rng.integers(2, 50, each))),
    ]
    x = np.concatenate(parts)
    if atom in WITHIN_ONE:
        x = np.concatenate([x, signs * (1.0 - np.exp(-rng.uniform(0.0, 36.0, each)))])
    if atom in DOMAIN:
        x = np.concatenate([x, np.abs(x), 1.0 + signs * np.ldexp(1.0, -rng.integers(1, 53, each))])
        x = x[x > DOMAIN[atom]]
    if atom in WITHIN_ONE:
        x = x[np.abs(x) < 1.0]
    return np.unique(x[np.isfinite(x)])


def held(atom: str, x: float) -> mpmath.mpf:
    """An argument as mpmath's, at most as large as `FAR` says."""
    far = FAR.get(atom, math.inf)
    return mpmath.mpf(max(min(x, far), -far))


def in_units(exact: mpmath.mpf) -> tuple[int, float, float]:
    """e, a and b with `exact` = 2^e (a + b), 2^e being the unit in the last place of float64 there.

    a is infinite where the nearest float64 is.
    """
    exponent = max((mpmath.frexp(exact)[1] if exact else -1074) - 53, -1074)
    if exponent > 971:
        return 971, math.copysign(math.inf, exact), 0.0
    number = mpmath.ldexp(exact, -exponent)
    return exponent, float(number), float(number - float(number))


def units_off(y: np.ndarray, exact: list[tuple[int, float, float]]) -> np.ndarray:
    """|y - exact| in units in the last place; infinite for NaN, and for infinities that are wrong."""
    exponents, high, low = (np.array(column) for column in zip(*exact, strict=True))
    with np.errstate(all="ignore"):
        off = np.abs((np.ldexp(y, -exponents) - high) - low)
    overflows = np.isinf(high) | ((exponents == 971) & (np.abs(high) >= 2.0**53 - 0.5))
    agrees = np.isinf(y) & overflows & (np.sign(y) == np.sign(high))
    return np.where(agrees, 0.0, np.where(np.isfinite(off), off, np.inf))
