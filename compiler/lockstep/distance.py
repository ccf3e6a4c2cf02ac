"""How far apart two arrays are: absolute, relative, and in units of the last place."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from compiler.backends.contract import Array
from compiler.ir.numbers import is_floating
from compiler.ir.plain import plain


@dataclass(frozen=True, slots=True)
class Distance:
    """The largest differences between two arrays of one shape and dtype, each wherever it is.

    Equal values, infinities and NaN are 0 apart; NaN and anything else infinitely far, and so are an infinity
    and anything else.
    """

    absolute: float = 0.0
    relative: float = 0.0
    """Of an element, as a share of the larger magnitude of the two."""
    ulps: float = 0.0
    """How many floating-point numbers lie between, counted from one to the other; NaN for other dtypes."""
    scaled: float = 0.0
    """The absolute one as a share of the array's largest finite magnitude (1 if that is 0)."""
    place: tuple[int, ...] | None = None
    """Where the absolute difference is largest; None where there is none."""

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        place = None if self.place is None else list(self.place)
        return {item.name: plain(getattr(self, item.name)) for item in fields(self)} | {"place": place}


def distance(found: Array, expected: Array) -> Distance:
    """How far `found` is from `expected`; shapes and dtypes are the same."""
    is_float = is_floating(expected.dtype)
    if expected.size == 0:
        return Distance(ulps=0.0 if is_float else math.nan)
    left, right = (array.astype(np.float64) for array in (found, expected))
    with np.errstate(all="ignore"):
        same = np.asarray(found == expected) | (np.isnan(left) & np.isnan(right))
        is_far = ~same & ~(np.isfinite(left) & np.isfinite(right))
        apart = np.where(same, 0.0, np.where(is_far, np.inf, _gap(found, expected)))
        larger = np.maximum(np.abs(left), np.abs(right))
        relative = np.where(same, 0.0, np.where(is_far, np.inf, apart / larger))
    absolute = float(apart.max())
    place = tuple(map(int, np.unravel_index(int(apart.argmax()), apart.shape))) if absolute > 0 else None
    steps = np.where(same, 0.0, np.where(is_far, np.inf, _steps(found, expected))) if is_float else None
    return Distance(
        absolute,
        float(relative.max()),
        math.nan if steps is None else float(steps.max()),
        absolute / (_magnitude(right) or 1.0),
        place,
    )


def _gap(left: Array, right: Array) -> Array:
    """Absolute differences, in float64; of integers to its digits, however large they are."""
    if left.dtype.kind != "i":
        return np.abs(left.astype(np.float64) - right.astype(np.float64))
    low, high = np.minimum(left, right), np.maximum(left, right)
    return (high.astype(np.uint64) - low.astype(np.uint64)).astype(np.float64)


def _magnitude(array: Array) -> float:
    finite = np.abs(array[np.isfinite(array)])
    return float(finite.max()) if finite.size else 0.0


def _steps(left: Array, right: Array) -> Array:
    """How many numbers of their dtype lie between elements: zeros of both signs are one."""
    ordered = [_ordered(array) for array in (left, right)]
    return np.abs(ordered[0] - ordered[1]) if left.dtype.itemsize < 8 else _far(*ordered)


def _ordered(array: Array) -> Array:
    """Integers in the order of the floating-point numbers whose bits they are made from."""
    kind = np.dtype(f"i{array.dtype.itemsize}")
    bits = np.ascontiguousarray(array).view(kind).astype(np.int64).reshape(array.shape)
    least = np.int64(np.iinfo(kind).min)
    return np.where(bits < 0, least - bits, bits)


def _far(left: Array, right: Array) -> Array:
    """A difference that may not fit into 64 bits, as floating-point numbers."""
    is_near = (left >= 0) == (right >= 0)
    exact = np.abs(np.where(is_near, left, 0) - np.where(is_near, right, 0)).astype(np.float64)
    return np.where(is_near, exact, np.abs(left.astype(np.float64)) + np.abs(right.astype(np.float64)))
