"""Values cut into rows along an axis, and rows put together: arrays where they are known, else tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from compiler.ir.dims import Dim
from tinytorch.axes import normalised_axis
from tinytorch.onnx.calling.values import Array, Unsupported, Value, Weight, shape_of, tensor_of
from tinytorch.ops.joining import stack
from tinytorch.ops.layout import concatenate


def as_array(value: Value) -> Array | None:
    """What is known as it is; None of a tensor, of a sequence and of nothing."""
    if isinstance(value, Weight):
        return value.array
    return value if isinstance(value, np.ndarray) else None


def place_in(axis: int, rank: int) -> int:
    """An axis counted from the front. Raises Unsupported where there is none."""
    if not -rank <= axis < rank:
        raise Unsupported(f"there is no axis {axis} of {rank}")
    return axis % rank


def rows_of(value: Value, axis: int) -> list[Value]:
    """The slices along an axis, without it. Raises Unsupported if their number is symbolic."""
    shape = shape_of(value)
    place = place_in(axis, len(shape))
    count = shape[place]
    if isinstance(count, Dim):
        fix = f"load(..., dims={{{str(count)!r}: 10}})"
        raise Unsupported(f"the extent {count} of axis {axis} has to be a number\n  fix: {fix}")
    return [piece_of(value, place, row, row + 1, keep=False) for row in range(count)]


def piece_of(value: Value, axis: int, start: int, stop: int, *, keep: bool = True) -> Value:
    """Some slices along an axis; one of them without the axis unless it is kept."""
    array = as_array(value)
    if array is not None:
        return np.asarray(np.take(array, range(start, stop) if keep else start, axis))  # a number is an array
    tensor = tensor_of(value)
    chosen = (slice(None),) * axis
    return tensor[(*chosen, slice(start, stop) if keep else start)]


def stacked(rows: Sequence[Value], axis: int) -> Value:
    """Rows beside each other along a new axis."""
    arrays = _all_known(rows)
    return np.stack(arrays, axis) if arrays else stack([tensor_of(row) for row in rows], axis)


def joined(rows: Sequence[Value], axis: int) -> Value:
    """Rows one behind the other along an axis that they have."""
    arrays = _all_known(rows)
    if arrays:
        return np.concatenate(arrays, place_in(axis, arrays[0].ndim))
    tensors = [tensor_of(row) for row in rows]
    return concatenate(tensors, normalised_axis(axis, tensors[0].ndim, tensors[0].node))


def _all_known(rows: Sequence[Value]) -> list[Array]:
    """The rows as arrays if they are few and all known; else none: they are computed in the graph."""
    arrays = [as_array(row) for row in rows]
    return [] if any(item is None for item in arrays) else cast("list[Array]", arrays)
