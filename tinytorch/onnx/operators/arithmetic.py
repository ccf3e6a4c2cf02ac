"""Arithmetic. Operands have one dtype, which is that of the result; integers wrap around."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from tinytorch.elementwise import built_in
from tinytorch.onnx.calling.operator import operator
from tinytorch.onnx.calling.values import Value, Weight, tensor_of
from tinytorch.ops.elementwise import clip as held
from tinytorch.ops.elementwise import maximum, minimum
from tinytorch.ops.functions import floor_divide, fmod
from tinytorch.rounding import rounded_once
from tinytorch.tensor import Tensor


@operator("Add", since=7)
def add(a: Tensor, b: Tensor) -> Tensor:
    """a + b"""
    return a + b


@operator("Sub", since=7)
def subtract(a: Tensor, b: Tensor) -> Tensor:
    """a - b"""
    return a - b


@operator("Mul", since=7)
def multiply(a: Tensor, b: Tensor) -> Tensor:
    """a b"""
    return a * b


def _truncated(x: Any, y: Any) -> Any:
    return floor_divide(x - fmod(x, y), y)


quotient = built_in("quotient", _truncated, doc="The quotient of integers, rounded towards 0.")


@operator("Div", since=7)
def divide(a: Tensor, b: Tensor) -> Tensor:
    """a / b, of integers rounded towards 0."""
    return a / b if a.dtype.is_float else quotient(a, b)


@operator("Mod", since=10)
def modulo(a: Tensor, b: Tensor, *, fmod: int) -> Tensor:
    """What is left of a when it is divided by b, with the sign of b; of a where `fmod` is set."""
    return _left(a, b) if fmod else a % b


_left = fmod


@operator("Pow", since=7)
def power(base: Tensor, exponent: Value) -> Tensor:
    """Powers, in the dtype of the base. Of integers by floats they are computed in float64, and truncated."""
    by = _number(exponent, base.ndim)
    if by is None:
        by = tensor_of(exponent)
    is_float = by.dtype.is_float if isinstance(by, Tensor) else isinstance(by, float)
    found = base.astype("float64") ** by if is_float and not base.dtype.is_float else base**by
    return found.astype(base.dtype)


def _number(value: Value, rank: int) -> float | int | None:
    """The one number that a value is known to be, which a formula then knows."""
    array = value.array if isinstance(value, Weight) else value
    if not isinstance(array, np.ndarray) or array.size != 1 or array.ndim > rank:
        return None
    found = array.reshape(()).item()
    if not isinstance(found, int | float):
        return None
    is_whole = np.isfinite(found) and found == int(found) and abs(found) < 2**31
    return int(found) if is_whole and found >= 0 else float(found) if isinstance(found, float) else None


@operator("Max")
def largest(*inputs: Tensor) -> Tensor:
    """The largest of several, element by element; NaN where one is."""
    return reduce(maximum, inputs)


@operator("Min")
def smallest(*inputs: Tensor) -> Tensor:
    """The smallest of several, element by element; NaN where one is."""
    return reduce(minimum, inputs)


@operator("Sum")
def total(*inputs: Tensor) -> Tensor:
    """The sum of several, element by element."""
    return _sum(*inputs)


@operator("Mean")
def mean(*inputs: Tensor) -> Tensor:
    """The mean of several, element by element."""
    return _mean(*inputs)


@rounded_once
def _sum(*inputs: Tensor) -> Tensor:
    return reduce(add, inputs)


@rounded_once
def _mean(*inputs: Tensor) -> Tensor:
    return reduce(add, inputs) / len(inputs)


@operator("Clip", since=6)
def clip_6(x: Tensor, *, min: float, max: float) -> Tensor:
    """x between two numbers."""
    limit = float(np.finfo(np.float32).max)
    low, high = (None if min <= -limit else min), (None if max >= limit else max)
    return x if low is None and high is None else held(x, low, high)


@operator("Clip", since=11)
def clip(x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    """x between two values, of which the upper one wins."""
    return x if low is None and high is None else held(x, low, high)
