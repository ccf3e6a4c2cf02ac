"""erf, log-gamma and their kin on arrays, in float64.

erf, erfc and the normal distribution function are libm's, one element at a time. The inverse of erf is M.
Giles's, "Approximating the erfinv function" (GPU Computing Gems, 2011), one polynomial for each piece of the
range of w = -log(1 - x^2). log-gamma is its Taylor series about 2 and Stirling's (math.lgamma loses half of
its digits beside 1 and 2); digamma is summed from its root to differences of Stirling's series, in which
nothing cancels; zeta is the sum of powers with Euler and Maclaurin's remainder.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any, Final, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]

_NEAR: Final = (
    -3.6444120640178196996e-21, -1.685059138182016589e-19, 1.2858480715256400167e-18,
    1.115787767802518096e-17, -1.333171662854620906e-16, 2.0972767875968561637e-17, 6.6376381343583238325e-15,
    -4.0545662729752068639e-14, -8.1519341976054721522e-14, 2.6335093153082322977e-12,
    -1.2975133253453532498e-11, -5.4154120542946279317e-11, 1.051212273321532285e-09,
    -4.1126339803469836976e-09, -2.9070369957882005086e-08, 4.2347877827932403518e-07,
    -1.3654692000834678645e-06, -1.3882523362786468719e-05, 0.0001867342080340571352,
    -0.00074070253416626697512, -0.0060336708714301490533, 0.24015818242558961693, 1.6536545626831027356,
)  # fmt: skip
_FAR: Final = (
    2.2137376921775787049e-09, 9.0756561938885390979e-08, -2.7517406297064545428e-07,
    1.8239629214389227755e-08, 1.5027403968909827627e-06, -4.013867526981545969e-06,
    2.9234449089955446044e-06, 1.2475304481671778723e-05, -4.7318229009055733981e-05,
    6.8284851459573175448e-05, 2.4031110387097893999e-05, -0.0003550375203628474796,
    0.00095328937973738049703, -0.0016882755560235047313, 0.0024914420961078508066,
    -0.0037512085075692412107, 0.005370914553590063617, 1.0052589676941592334, 3.0838856104922207635,
)  # fmt: skip
_FARTHEST: Final = (
    -2.7109920616438573243e-11, -2.5556418169965252055e-10, 1.5076572693500548083e-09,
    -3.7894654401267369937e-09, 7.6157012080783393804e-09, -1.4960026627149240478e-08,
    2.9147953450901080826e-08, -6.7711997758452339498e-08, 2.2900482228026654717e-07,
    -9.9298272942317002539e-07, 4.5260625972231537039e-06, -1.9681778105531670567e-05,
    7.5995277030017761139e-05, -0.00021503011930044477347, -0.00013871931833623122026, 1.0103004648645343977,
    4.8499064014085844221,
)  # fmt: skip

_ROOT: Final = (1.4616321449683622, 9.549995429965697e-17)
"""The positive root of digamma, and what that lacks."""

_DIGAMMA: Final = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12)
"""B(2k) / (2k), of the numbers of Bernoulli: the coefficients of x^-2k in log(x) - 1 / (2 x) - digamma(x)."""

_MACLAURIN: Final = (12, -720, 30240, -1209600, 47900160, -1307674368000 / 691, 74724249600)
"""(2k)! / B(2k)."""

_TERMS: Final = 12
"""How many terms a series is summed to before its remainder is taken."""


_erf = np.frompyfunc(math.erf, 1, 1)
_erfc = np.frompyfunc(math.erfc, 1, 1)


def erf(x: Array) -> Array:
    """The error function."""
    return np.asarray(_erf(x.astype(np.float64))).astype(x.dtype)


def erfc(x: Array) -> Array:
    """1 - erf(x), accurate where that cancels."""
    return np.asarray(_erfc(x.astype(np.float64))).astype(x.dtype)


def normcdf(x: Array) -> Array:
    """The standard normal distribution function, erfc(-x / sqrt(2)) / 2."""
    return (0.5 * np.asarray(_erfc(x.astype(np.float64) * -math.sqrt(0.5))).astype(np.float64)).astype(
        x.dtype
    )


@np.errstate(all="ignore")
def lgamma(x: Array) -> Array:
    """log |gamma(x)|; infinite at 0, at negative whole numbers and at both infinities."""
    wide = x.astype(np.float64)
    rest = wide - np.rint(wide)
    left = -np.log(np.abs(np.sin(np.pi * rest)) / np.pi) - _lgamma_above_zero(1 - wide)
    left = np.where((rest == 0) | (wide == -np.inf), np.inf, left)
    return np.where(wide <= 0, left, _lgamma_above_zero(np.abs(wide))).astype(x.dtype)


def _lgamma_above_zero(x: Array) -> Array:
    """Below 1/2 from x + 1, up to 8 by products and the series; beyond, Stirling's formula."""
    y, factor = np.where(x < 0.5, x + 1, x), np.ones_like(x)
    for _ in range(6):
        is_far = (y >= 2.5) & (x < 8)
        y = np.where(is_far, y - 1, y)
        factor = np.where(is_far, factor * y, factor)
    is_low = y < 1.5
    near = _horner(_of_two(), np.where(is_low, y - 1, y - 2))
    near = near - np.where(is_low, np.log(y), 0)
    near = near + np.where(x < 0.5, -np.log(x), np.log(factor))
    stirling = [c / (2 * k - 1) for k, c in enumerate(_DIGAMMA, 1)]
    series = _horner(stirling[::-1], 1 / (x * x)) / x
    return np.where(x < 8, near, (x - 0.5) * (np.log(x) - 1) + (np.log(2 * np.pi) - 1) / 2 + series)


@cache
def _of_two() -> tuple[float, ...]:
    """Taylor's coefficients of log(gamma(2 + t)), the highest first: 1 - gamma, (-1)^k (zeta(k) - 1) / k."""
    orders = np.arange(2.0, 30.0)
    further = (-1) ** orders * _zeta_above_zero(orders, np.asarray(2.0)) / orders
    return (*further[::-1].tolist(), 1 - float(np.euler_gamma), 0.0)


def _horner(coefficients: Sequence[float], x: Array) -> Array:
    """A polynomial whose highest coefficient comes first."""
    total = np.full_like(x, coefficients[0])
    for item in coefficients[1:]:
        total = total * x + item
    return total


@np.errstate(all="ignore")
def erfinv(x: Array) -> Array:
    """The number whose erf is x; NaN beyond 1."""
    wide = x.astype(np.float64)
    w = -np.log((1 - wide) * (1 + wide))
    root = np.sqrt(w)
    far = np.where(w < 16, _horner(_FAR, root - 3.25), _horner(_FARTHEST, root - 5))
    found = wide * np.where(w < 6.25, _horner(_NEAR, w - 3.125), far)
    return np.where(np.abs(wide) == 1, wide * np.inf, found).astype(x.dtype)


def _difference(series: Sequence[float], step: Array, a: float) -> Array:
    """What a series in a^-2, a^-4, ... changes by when a grows by a step, however short."""
    growth = np.log1p(step / a)
    powers = range(2, 2 * len(series) + 2, 2)
    changes = (c * a**-n * np.expm1(-n * growth) for c, n in zip(series, powers, strict=True))
    return sum(changes, np.zeros_like(step))


@np.errstate(all="ignore")
def digamma(x: Array) -> Array:
    """The slope of log |gamma|: -inf at 0, inf at -0, NaN at negative whole numbers."""
    wide = x.astype(np.float64)
    rest = wide - np.rint(wide)
    reflected = _digamma_above_zero(1 - wide) - np.pi / np.tan(np.pi * rest)
    found = np.where(wide < 0, np.where(rest == 0, np.nan, reflected), _digamma_above_zero(wide))
    return np.where(wide == 0, -np.copysign(np.inf, wide), found).astype(x.dtype)


def _digamma_above_zero(x: Array) -> Array:
    """From the root on to the left of 10, from x + 1 to the left of 1."""
    y = np.where(x < 1, x + 1, x)
    (root, less), far = _ROOT, _ROOT[0] + _TERMS
    from_root = (y - root) - less
    total = sum((1 / ((y + k) * (root + k)) for k in range(_TERMS)), np.zeros_like(y))
    near = from_root * (total + 1 / (2 * (y + _TERMS) * far))
    near = near + np.log1p(from_root / far) - _difference(_DIGAMMA, from_root, far)
    near = np.where(x < 1, near - 1 / x, near)
    square = 1 / (x * x)
    return np.where(x < 10, near, np.log(x) - 0.5 / x - square * _horner(_DIGAMMA[::-1], square))


@np.errstate(all="ignore")
def zeta(s: Array, q: Array) -> Array:
    """The sum of (q + k)^-s; infinite where a term is, NaN for s < 1 and left of 0 for broken s."""
    dtype = np.result_type(s, q)
    wide = (np.float64(item) if isinstance(item, int) else item.astype(np.float64) for item in (s, q))
    power, place = np.broadcast_arrays(*wide)
    rest = place - np.rint(place)
    sign = np.where(power == 2 * np.floor(power / 2), 1, -1)
    left = rest**-power + _zeta_above_zero(power, 1 + rest)
    left = left + sign * (_zeta_above_zero(power, 1 - rest) - _zeta_above_zero(power, 1 - place))
    left = np.where(rest == 0, np.inf, np.where(power == np.floor(power), left, np.nan))
    found = np.where(place < 0, left, _zeta_above_zero(power, np.abs(place)))
    return np.where(power < 1, np.nan, np.where(power == 1, np.inf, found)).astype(dtype)


def _zeta_above_zero(s: Array, q: Array) -> Array:
    a = q + _TERMS
    square, series = 1 / (a * a), np.ones_like(a)
    for j in reversed(range(1, len(_MACLAURIN))):
        ratio = _MACLAURIN[j - 1] / _MACLAURIN[j]
        series = 1 + (s + 2 * j - 1) * (s + 2 * j) * ratio * square * series
    tail = a ** (1 - s) * (1 / (s - 1) + (0.5 + s / (12 * a) * series) / a)
    inner = sum(((q + k) ** -s for k in reversed(range(1, _TERMS))), np.zeros_like(a))
    return (inner + tail) + q**-s
