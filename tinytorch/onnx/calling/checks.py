"""What a file says, checked before it is used: each raises Unsupported with a sentence."""

from __future__ import annotations

import math
from typing import Any

from compiler.ir.dims import Extent
from tinytorch.onnx.calling.values import Array, Unsupported, Value, shape_of


def single(what: str, array: Array) -> Any:
    """The one number that an array holds."""
    if array.size != 1:
        raise Unsupported(f"{what} is one number, not an array of {list(array.shape)}")
    return array.reshape(()).item()


def whole(what: str, array: Array) -> int:
    """The one integer that an array holds."""
    found = single(what, array)
    if isinstance(found, float) and not math.isfinite(found):
        raise Unsupported(f"{what} is an integer, not {found}")
    return int(found)


def of_rank(value: Value, rank: int) -> tuple[Extent, ...]:
    """The extents of a value that has so many axes."""
    shape = shape_of(value)
    if len(shape) != rank:
        raise Unsupported(f"it has {len(shape)} axes, and {rank} are wanted")
    return shape
