"""Elements picked, replaced and combined where indices say, and segments that they make.

PyTorch's functions, each of which gives another tensor. What they are made of are gathers and scatters, so
that each has gradients to any order, and the same bits for any number of threads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from compiler.errors import DTypeError, ShapeError
from compiler.ir.build import apply, cast, filled
from compiler.ir.dims import Extent, extent
from compiler.ir.node import Node, describe, make_node
from compiler.ir.op import Combine, Scatter, ScatterAdd
from compiler.ir.types import BOOL, INT64, TensorType
from tinytorch.axes import normalised_axis
from tinytorch.indexing import STATIC, check_classes, mask_of
from tinytorch.scattering import aligned_index, identity_of
from tinytorch.tensor import Tensor, as_tensor, as_tensors


def gather(x: Any, axis: int, indices: Any) -> Tensor:
    """`out[a, i, b] = x[a, indices[a, i, b], b]` (torch.gather).

    Indices have as many axes as x, and off the axis no more elements. Those that are known when the graph is
    built count from the end, and raise IndexRangeError then; others when the program runs.
    """
    return as_tensor(x).gather(axis, indices)


def index_select(x: Any, axis: int, indices: Any) -> Tensor:
    """The slices along an axis that indices name (torch.index_select): `take` with PyTorch's order."""
    return as_tensor(x).index_select(axis, indices)


def index_add(x: Any, axis: int, indices: Any, values: Any, *, alpha: Any = 1) -> Tensor:
    """x with `alpha` times values added to its slices along an axis (torch.index_add).

    Values have x's shape with the indices' in place of the axis, or broadcast to it. What is added to one
    slice is added in the order of the indices.
    """
    return as_tensor(x).index_add(axis, indices, values, alpha=alpha)


def index_copy(x: Any, axis: int, indices: Any, values: Any) -> Tensor:
    """x with values in place of its slices along an axis, the last of several (torch.index_copy)."""
    return as_tensor(x).index_copy(axis, indices, values)


def index_fill(x: Any, axis: int, indices: Any, value: Any) -> Tensor:
    """x with one value in its slices along an axis (torch.index_fill)."""
    return as_tensor(x).index_fill(axis, indices, value)


def scatter(x: Any, axis: int, indices: Any, values: Any) -> Tensor:
    """x with `x[a, indices[a, i, b], b]` set to `values[a, i, b]`, the last of several (torch.scatter).

    Indices have as many axes as x, and off the axis no more elements; of values as many are read, or one
    number is spread. For keys as NumPy has them there is `x.at[key].set(values)`.
    """
    return as_tensor(x).scatter(axis, indices, values)


def scatter_add(x: Any, axis: int, indices: Any, values: Any) -> Tensor:
    """x with `values[a, i, b]` added to `x[a, indices[a, i, b], b]` (torch.scatter_add)."""
    return as_tensor(x).scatter_add(axis, indices, values)


def scatter_reduce(
    x: Any, axis: int, indices: Any, values: Any, reduce: str, *, include_self: bool = True
) -> Tensor:
    """x with its elements combined with values where indices say (torch.scatter_reduce).

    `reduce` is sum, prod, mean, amax or amin; without `include_self` x counts only where no index falls.
    Equal winners share the gradient. A product has a gradient by values where indices are known when the
    graph is built and differ, else GradientError.
    """
    return as_tensor(x).scatter_reduce(axis, indices, values, reduce, include_self=include_self)


def put_along_axis(x: Any, indices: Any, values: Any, axis: int) -> Tensor:
    """x with values where `take_along_axis` reads (numpy.put_along_axis, which changes its argument).

    Indices and values broadcast against x off the axis.
    """
    x = as_tensor(x)
    place = normalised_axis(axis, x.ndim, x.node)
    index, (_, values) = Tensor(aligned_index(x.node, place, indices)), as_tensors(x, values)
    shape = [*x.shape]
    shape[place] = index.shape[place]
    return x.scatter(place, index.broadcast_to(shape), values.broadcast_to(shape))


def index_put(x: Any, indices: Sequence[Any], values: Any, *, accumulate: bool = False) -> Tensor:
    """x with values at `x[indices]`, set or added (torch.index_put): `x.at[tuple(indices)].set(values)`."""
    place = as_tensor(x).at[tuple(indices)]
    return place.add(values) if accumulate else place.set(values)


def slice_scatter(
    x: Any, values: Any, axis: int = 0, start: Any = None, end: Any = None, step: int = 1
) -> Tensor:
    """x with values in place of `x[start:end:step]` along an axis (torch.slice_scatter)."""
    x = as_tensor(x)
    place = normalised_axis(axis, x.ndim, x.node)
    return x.at[(*[slice(None)] * place, slice(start, end, step))].set(values)


def select_scatter(x: Any, values: Any, axis: int, index: Any) -> Tensor:
    """x with values in place of one slice along an axis (torch.select_scatter)."""
    x = as_tensor(x)
    place = normalised_axis(axis, x.ndim, x.node)
    return x.at[(*[slice(None)] * place, index)].set(values)


# Masks that are known


def masked_select(x: Any, mask: Any) -> Tensor:
    """The elements of x at which a mask holds, with one axis (torch.masked_select).

    How many they are is an extent, so the mask is known when the graph is built: an array, a list, a
    constant. Of another it raises ShapeError, and offers what has a static shape.
    """
    rows, found, _ = _spread(as_tensor(x), mask)
    return rows[found]


def masked_scatter(x: Any, mask: Any, values: Any) -> Tensor:
    """x with the first of `values`, in row-major order, where a mask holds (torch.masked_scatter).

    The mask is known when the graph is built, as in `masked_select`; x and the mask broadcast.
    """
    x, values = as_tensors(x, values)
    rows, found, shape = _spread(x, mask)
    return rows.at[found].set(values.flatten()[: int(found.sum())]).reshape(shape)


def _spread(x: Tensor, mask: Any) -> tuple[Tensor, np.ndarray[Any, Any], tuple[int, ...]]:
    """x and a mask repeated to the shape that they have together, each as one row; and the shape."""
    found = _mask(mask)
    shape = np.broadcast_shapes(_known_shape(x), found.shape)
    return x.broadcast_to(shape).reshape([math.prod(shape)]), np.broadcast_to(found, shape).reshape(-1), shape


def _mask(mask: Any) -> np.ndarray[Any, Any]:
    found = mask_of(mask)
    if found is None:
        raise DTypeError(f"a mask is of bools, not {mask!r}\n  fix: {STATIC}")
    return found


def _known_shape(x: Tensor) -> tuple[int, ...]:
    shape = tuple(n for n in x.shape if isinstance(n, int))
    if len(shape) < x.ndim:
        raise ShapeError(f"a mask is of axes of known extents: {describe(x.node)}\n  fix: {STATIC}")
    return shape


# Segments


def segment_sum(x: Any, segment_ids: Any, num_segments: Extent | str) -> Tensor:
    """The sums of the elements of each segment, along the first axis: 0 of none (jax.ops.segment_sum).

    `segment_ids` says for each element, or each element of leading axes, to which of `num_segments` segments
    it belongs, in any order; one that is no such number raises IndexRangeError. The result has `num_segments`
    in place of the axes of the ids. Bools are counted.
    """
    x, ids, count = _segments(x, segment_ids, num_segments)
    data = cast(x.node, INT64) if x.dtype is BOOL else x.node
    return Tensor(make_node(ScatterAdd(0, count), [ids, data]))


def segment_mean(x: Any, segment_ids: Any, num_segments: Extent | str) -> Tensor:
    """The mean of each segment, 0 of none; `segment_ids` as in `segment_sum`."""
    x, ids, count = _segments(x, segment_ids, num_segments)
    if not x.dtype.is_float:
        raise DTypeError(f"a mean is of floats: {describe(x.node)}\n  fix: x.astype('float32')")
    total = segment_sum(x, Tensor(ids), count)
    ones = make_node(ScatterAdd(0, count), [ids, filled(1, TensorType(x.dtype, ids.type.shape))])
    counts = Tensor(ones).reshape([count, *[1] * (total.ndim - 1)])
    return total / Tensor(apply("maximum", counts.node, 1))


def segment_max(x: Any, segment_ids: Any, num_segments: Extent | str) -> Tensor:
    """The largest of each segment; of none -infinity, or the least integer (jax.ops.segment_max)."""
    return _combined(x, segment_ids, num_segments, Combine.MAX)


def segment_min(x: Any, segment_ids: Any, num_segments: Extent | str) -> Tensor:
    """The smallest of each segment; of none infinity, or the largest integer (jax.ops.segment_min)."""
    return _combined(x, segment_ids, num_segments, Combine.MIN)


def segment_prod(x: Any, segment_ids: Any, num_segments: Extent | str) -> Tensor:
    """The product of each segment, 1 of none (jax.ops.segment_prod).

    It has a gradient where each segment is known when the graph is built to have one element at most.
    """
    return _combined(x, segment_ids, num_segments, Combine.MULTIPLY)


def _combined(x: Any, segment_ids: Any, num_segments: Extent | str, combine: Combine) -> Tensor:
    x, ids, count = _segments(x, segment_ids, num_segments)
    start = filled(identity_of(combine, x.dtype), TensorType(x.dtype, (count, *x.shape[ids.type.rank :])))
    return Tensor(make_node(Scatter(0, combine), [start, ids, x.node]))


def _segments(x: Any, segment_ids: Any, num_segments: Extent | str) -> tuple[Tensor, Node, Extent]:
    x, ids, count = as_tensor(x), as_tensor(segment_ids), extent(num_segments)
    if not ids.dtype.is_integer:
        raise DTypeError(f"segment_ids are int32 or int64, not {describe(ids.node)}")
    if ids.ndim == 0 or x.shape[: ids.ndim] != ids.shape:
        raise ShapeError(
            f"segment_ids have the first axes of what they divide: {describe(ids.node)}\n  {describe(x.node)}"
        )
    check_classes(ids.node, count)
    return x, ids.node, count
