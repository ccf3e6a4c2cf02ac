"""erf, erfc and the normal distribution function on arrays: libm's, one element at a time, in float64."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]

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
