"""The atoms on NumPy arrays, each in its stable form. Arguments have the atom's dtype already."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import numpy as np

from compiler.backends.reference.random_bits import random32, random64
from compiler.backends.reference.special import digamma, erf, erfc, erfinv, lgamma, normcdf, zeta
from compiler.ir.formula.atoms import of_every_atom

Array: TypeAlias = np.ndarray[Any, Any]


def _sigmoid(x: Array) -> Array:
    """exp(-|x|) never overflows; both branches divide by the same number."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, x.dtype.type(1), small) / (1 + small)


def _softplus(x: Array) -> Array:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _sech2(x: Array) -> Array:
    """4 q / (1 + q)^2 with q = exp(-2|x|), which neither overflows nor cancels."""
    q = np.exp(-2 * np.abs(x))
    return 4 * q / ((1 + q) * (1 + q))


def _normpdf(x: Array) -> Array:
    return np.exp(-0.5 * x * x) * x.dtype.type(1 / math.sqrt(2 * math.pi))


def logit(x: Array) -> Array:
    """log(x / (1 - x)), from 1/4 on by log1p, which does not lose the digits near 1/2."""
    below, above = np.log(x / (1 - x)), np.log1p((2 * x - 1) / (1 - x))
    return np.where(x < 0.25, below, above)


def _zmul(x: Array, y: Array) -> Array:
    return np.where(x == 0, x.dtype.type(0), x * y)


def power(x: Array, y: Array) -> Array:
    """x to the power y; of integers by negative ones 1 / x^-y, cut: 0 but for 1 and -1 (PyTorch's)."""
    if x.dtype.kind == "f" or not np.any(y < 0):
        return np.power(x, y)
    units = np.where(x == 1, x, np.where(x == -1, 1 - 2 * (y & 1), 0))
    return np.where(y < 0, units, np.power(x, np.maximum(y, 0))).astype(x.dtype)


def _whole(function: Callable[..., Any]) -> Callable[..., Any]:
    """A rounding function that leaves integers as they are."""

    def whole(x: Array) -> Array:
        return function(x) if x.dtype.kind == "f" else x

    return whole


ATOMS_IN_NUMPY: Final[Mapping[str, Callable[..., Any]]] = of_every_atom({
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "neg": np.negative,
    "pow": power,
    "zmul": _zmul, "stop": np.asarray, "abs": np.abs, "sign": np.sign, "floor": _whole(np.floor),
    "ceil": _whole(np.ceil),
    "round": _whole(np.rint), "maximum": np.maximum, "minimum": np.minimum, "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater, "ge": np.greater_equal, "eq": np.equal, "ne": np.not_equal, "isnan": np.isnan,
    "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor, "not": np.invert,
    "lshift": np.left_shift, "rshift": np.right_shift, "random32": random32, "random64": random64,
    "where": np.where,
    "sqrt": np.sqrt, "exp": np.exp, "expm1": np.expm1, "log": np.log, "log1p": np.log1p, "sin": np.sin,
    "cos": np.cos, "tanh": np.tanh, "sech2": _sech2, "sigmoid": _sigmoid, "softplus": _softplus, "erf": erf,
    "erfc": erfc, "normcdf": normcdf, "normpdf": _normpdf, "logit": logit, "exp2": np.exp2, "tan": np.tan,
    "log2": np.log2, "log10": np.log10,
    "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "atan2": np.arctan2, "sinh": np.sinh,
    "cosh": np.cosh, "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh, "cbrt": np.cbrt,
    "hypot": np.hypot, "copysign": np.copysign, "fmod": np.fmod, "floordiv": np.floor_divide,
    "erfinv": erfinv, "lgamma": lgamma, "digamma": digamma, "zeta": zeta,
}, "the oracle")  # fmt: skip
"""What an atom makes of arrays that have its dtype already."""
