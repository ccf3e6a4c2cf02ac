"""Numbers of 150 digits, each step of which may be rounded at random."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from compiler.ir.bfloat16 import float_limits
from compiler.ir.formula.atoms import ATOMS, Rounding
from compiler.ir.formula.precise import FARTHEST, is_only_nearby, mpmath_context, table
from compiler.ir.op import Combine, Reducer, Scan
from compiler.ir.types import BOOL, DType

_UNIT: Final = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}


_EXTREMES: Final = {Combine.MAX: Reducer.MAX, Combine.MIN: Reducer.MIN}


class TooFarError(Exception):
    """The truth about an element cannot be told: it is made from too much, or from too large a number."""


class Arithmetic:
    """Atoms and reductions, each of whose results is rounded at random, or not at all."""

    def __init__(self, rounding: random.Random | None, *, flushes: bool) -> None:
        self.rounding, self.flushes = rounding, flushes
        self._atoms: dict[DType, Mapping[str, Callable[..., Any]]] = {}

    def rounded(self, value: Any, dtype: DType) -> Any:
        """A value as a step of this dtype may give it."""
        unit = _UNIT.get(dtype.value)
        if self.rounding is None or unit is None or isinstance(value, bool):
            return value
        if self.flushes and abs(value) < float_limits(dtype.numpy).tiny:
            return value * self.rounding.randrange(2)
        return value * (1 + unit * self.rounding.uniform(-1, 1))

    def atoms(self, dtype: DType) -> Mapping[str, Callable[..., Any]]:
        """The table by which a formula is evaluated."""
        if dtype not in self._atoms:
            self._atoms[dtype] = {
                name: self._atom(name, function, dtype) for name, function in table().items()
            }
        return self._atoms[dtype]

    def _atom(self, name: str, function: Callable[..., Any], dtype: DType) -> Callable[..., Any]:
        if ATOMS[name].rounding is Rounding.EXACT:
            return function

        def rounding(*arguments: Any) -> Any:
            if is_only_nearby(name) and FARTHEST < abs(arguments[0]) < mpmath_context().inf:
                raise TooFarError
            return self.rounded(function(*arguments), dtype)

        return rounding

    def reduced(self, reducer: Reducer, values: list[Any], dtype: DType) -> Any:
        """The values as one."""
        mp = mpmath_context()
        if reducer is Reducer.NONE:
            return values[0]
        if reducer.has_identity:
            total = mp.zero if reducer is Reducer.SUM else mp.one
            for value in values:
                total = self.rounded(total + value if reducer is Reducer.SUM else total * value, dtype)
            return total
        if not values:
            return mp.inf if reducer.prefers_less else -mp.inf
        best = 0
        for number, value in enumerate(values):
            is_better = value < values[best] if reducer.prefers_less else value > values[best]
            if is_better or (value != value and values[best] == values[best]):
                best = number
        return mp.mpf(best) if reducer.is_search else values[best]

    def combined(self, combine: Combine, values: list[Any], dtype: DType) -> Any:
        """An element, and the values that meet it in a scatter, as one."""
        if combine in _EXTREMES:
            return self.reduced(_EXTREMES[combine], values, dtype)
        total = values[0]
        for value in values[1:]:
            total = self.rounded(total + value if combine is Combine.ADD else total * value, dtype)
        return values[-1] if combine is Combine.SET else total

    def next_of(self, scan: Scan, values: list[Any], dtype: DType) -> Any:
        """The next value of a prefix reduction, from the one before it, if there is one, and its operands."""
        *before, value = values
        value = converted(value, dtype)
        if len(before) < scan.operands:
            return value
        match scan:
            case Scan.SUM:
                return self.rounded(before[0] + value, dtype)
            case Scan.PRODUCT:
                return self.rounded(before[0] * value, dtype)
            case Scan.RECURRENCE:
                return self.rounded(before[0] * before[1] + value, dtype)
            case Scan.MAX:
                return self.reduced(Reducer.MAX, [before[0], value], dtype)
            case Scan.MIN:
                return self.reduced(Reducer.MIN, [before[0], value], dtype)


def converted(value: Any, dtype: DType) -> Any:
    """A value converted to a dtype, but not rounded."""
    mp = mpmath_context()
    if dtype is BOOL:
        return bool(value != 0)
    if isinstance(value, bool):
        return mp.mpf(value)
    if dtype.is_integer and mp.isfinite(value):
        return _wrapped(mp.floor(value) if value > 0 else mp.ceil(value), dtype)
    return value


def _wrapped(value: Any, dtype: DType) -> Any:
    """A whole number as an int8, int16 or uint8 keeps it, modulo 2^8 or 2^16."""
    if not dtype.is_storage:
        return value
    limits = np.iinfo(dtype.numpy)
    count = int(limits.max) - int(limits.min) + 1
    return (value - int(limits.min)) % count + int(limits.min)
