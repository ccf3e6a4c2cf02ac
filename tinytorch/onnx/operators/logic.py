"""Comparisons, conditions and bits."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from tinytorch.elementwise import built_in
from tinytorch.onnx.calling.operator import operator
from tinytorch.onnx.calling.values import Array, Unsupported, Value, dtype_name, known_of, tensor_of
from tinytorch.ops.elementwise import where as chosen
from tinytorch.tensor import Tensor


@operator("And", since=7)
@operator("BitwiseAnd", since=18)
def both(a: Tensor, b: Tensor) -> Tensor:
    """Whether both conditions hold; of integers, the bits that both have."""
    return a & b


@operator("Or", since=7)
@operator("BitwiseOr", since=18)
def either(a: Tensor, b: Tensor) -> Tensor:
    """Whether one of two conditions holds; of integers, the bits that one of them has."""
    return a | b


@operator("Xor", since=7)
@operator("BitwiseXor", since=18)
def one_alone(a: Tensor, b: Tensor) -> Tensor:
    """Whether exactly one of two conditions holds; of integers, the bits that exactly one has."""
    return a ^ b


@operator("Not")
@operator("BitwiseNot", since=18)
def negation(x: Tensor) -> Tensor:
    """Whether a condition does not hold; of integers, the bits that it has not."""
    return ~x


@operator("Equal", since=7)
def equal(a: Value, b: Value) -> Tensor | Array:
    """Whether two values are the same; texts that are known, too."""
    if dtype_name(a) == dtype_name(b) == "object":
        return np.asarray(known_of(a) == known_of(b))
    return tensor_of(a) == tensor_of(b)


@operator("Less", since=7)
def less(a: Tensor, b: Tensor) -> Tensor:
    """a < b"""
    return a < b


@operator("Greater", since=7)
def greater(a: Tensor, b: Tensor) -> Tensor:
    """a > b"""
    return a > b


@operator("LessOrEqual", since=12)
def less_or_equal(a: Tensor, b: Tensor) -> Tensor:
    """a <= b"""
    return a <= b


@operator("GreaterOrEqual", since=12)
def greater_or_equal(a: Tensor, b: Tensor) -> Tensor:
    """a >= b"""
    return a >= b


@operator("Where", since=9)
def where(condition: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """a where the condition holds, and b elsewhere."""
    return chosen(condition, a, b)


def _to_the_left(x: Any, y: Any, *, bits: int = 0) -> Any:
    is_inside = (y >= 0) & (y < bits)
    return chosen(is_inside, x << chosen(is_inside, y, 0), 0)


def _to_the_right(x: Any, y: Any, *, bits: int = 0) -> Any:
    is_inside = (y >= 0) & (y < bits)
    return chosen(is_inside, x >> chosen(is_inside, y, 0), chosen(x < 0, -1, 0))


_SHIFTS: Final = {
    "LEFT": built_in("shift_left", _to_the_left, doc="The bits of an integer moved up; 0 beyond its width."),
    "RIGHT": built_in("shift_right", _to_the_right, doc="The bits moved down; beyond the width, the sign."),
}


@operator("BitShift", since=11)
def shift(x: Tensor, y: Tensor, *, direction: str) -> Tensor:
    """The bits of x moved by y places; a signed one keeps its sign to the right."""
    if direction not in _SHIFTS:
        raise Unsupported(f"the direction {direction!r} is neither LEFT nor RIGHT")
    return _SHIFTS[direction](x, y, bits=8 * x.dtype.size)
