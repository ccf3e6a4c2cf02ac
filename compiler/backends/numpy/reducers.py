"""Reducers in NumPy: the function, its reduction, and what a reduction of nothing gives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from compiler.backends.numpy.blocks import argmax_over, argmin_over
from compiler.ir.op import Reducer
from compiler.ir.types import BOOL, DType

UFUNCS: Final[Mapping[Reducer, Any]] = {
    Reducer.SUM: np.add,
    Reducer.PROD: np.multiply,
    Reducer.MAX: np.maximum,
    Reducer.MIN: np.minimum,
}

REDUCES: Final[Mapping[Reducer, Any]] = {reducer: function.reduce for reducer, function in UFUNCS.items()}
"""Bound once, so that equal calls name one object."""

SEARCHES: Final[Mapping[Reducer, Any]] = {Reducer.ARGMAX: argmax_over, Reducer.ARGMIN: argmin_over}


def identity(reducer: Reducer, dtype: DType) -> Any:
    """What a reduction of nothing gives; for max and min the lowest and highest value there is."""
    if reducer.has_identity:
        return dtype.numpy.type(reducer is Reducer.PROD)
    is_max = reducer is Reducer.MAX
    if dtype is BOOL:
        return not is_max
    if dtype.is_float:
        return -math.inf if is_max else math.inf
    limits = np.iinfo(dtype.value)
    return limits.min if is_max else limits.max
