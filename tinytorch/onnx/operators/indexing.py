"""Elements read and written where indices say. Negative ones count from the end, whoever knows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from compiler.ir.dims import Extent
from compiler.ir.op import Broadcast, Constant
from tinytorch.axes import normalised_axis
from tinytorch.elementwise import built_in
from tinytorch.onnx.calling.checks import of_rank
from tinytorch.onnx.calling.operator import Extents, Known, operator
from tinytorch.onnx.calling.values import Array, Unsupported, Value, dtype_name, known_of, tensor_of
from tinytorch.ops.elementwise import where
from tinytorch.ops.layout import arange, take
from tinytorch.ops.layout import transpose as permuted
from tinytorch.tensor import Tensor, as_tensor


def _from_end(i: Any, n: Any) -> Any:
    return where(i < 0, i + n, i)


_FROM_END: Final = built_in("from_end", _from_end, doc="An index; a negative one counts from the end.")


def places(indices: Tensor, extent: Extent) -> Tensor:
    """Indices that count from the start of an axis; those that are known are left to what checks them."""
    if isinstance(indices.node.op, Constant):
        return indices
    return _FROM_END(indices, extent)


# Gather


@operator("Gather", since=1)
def gather(data: Value, indices: Tensor, *, axis: int) -> Value:
    """Slices along an axis; of texts that are known, too."""
    if dtype_name(data) == "object":
        return np.take(known_of(data), known_of(indices), axis)
    x = tensor_of(data)
    place = normalised_axis(axis, x.ndim, x.node)
    return take(x, places(indices, x.shape[place]), place)


@operator("GatherElements", since=11)
def gather_elements(data: Tensor, indices: Tensor, *, axis: int) -> Tensor:
    """`out[a, i, b] = data[a, indices[a, i, b], b]`."""
    place = normalised_axis(axis, data.ndim, data.node)
    return data.gather(place, places(indices, data.shape[place]))


@operator("GatherND", since=11)
def gather_nd(data: Tensor, indices: Tensor, *, batch_dims: int = 0) -> Tensor:
    """Elements or slices by tuples of indices, which stand in the last axis."""
    return data[_key(data, indices, batch_dims)]


def _key(data: Tensor, indices: Tensor, batch: int = 0) -> tuple[Tensor, ...]:
    """The tuples of indices as one tensor for each axis, after those of the batch."""
    count = indices.shape[-1] if indices.ndim else None
    if not isinstance(count, int) or count > data.ndim - batch or not 0 <= batch < indices.ndim:
        raise Unsupported(f"indices have tuples of {count}, for {data.ndim} axes and {batch} of a batch")
    rank = indices.ndim - 1
    rows = [arange(data.shape[k]).reshape([-1 if j == k else 1 for j in range(rank)]) for k in range(batch)]
    parts = [indices[..., k] for k in range(count)]
    return (*rows, *(places(part, data.shape[batch + k]) for k, part in enumerate(parts)))


# Scatter

_COMBINED: Final[Mapping[str, Callable[[Any, Tensor], Tensor]]] = {
    "none": lambda place, values: place.set(values),
    "add": lambda place, values: place.add(values),
    "mul": lambda place, values: place.multiply(values),
    "max": lambda place, values: place.max(values),
    "min": lambda place, values: place.min(values),
}
_REDUCTIONS: Final = {"add": "sum", "mul": "prod", "max": "amax", "min": "amin"}


@operator("Scatter", since=9)
@operator("ScatterElements", since=11)
def scatter_elements(
    data: Tensor, indices: Tensor, updates: Tensor, *, axis: int, reduction: str = "none"
) -> Tensor:
    """The data with updates where indices say, in place of what is there or combined with it."""
    place = normalised_axis(axis, data.ndim, data.node)
    index = places(indices, data.shape[place])
    if reduction == "none":
        return data.scatter(place, index, updates)
    if reduction not in _REDUCTIONS:
        raise Unsupported(f"the reduction {reduction!r}")
    return data.scatter_reduce(place, index, updates, _REDUCTIONS[reduction])


@operator("ScatterND", since=11)
def scatter_nd(data: Tensor, indices: Tensor, updates: Tensor, *, reduction: str = "none") -> Tensor:
    """The data with updates at tuples of indices, which stand in the last axis."""
    if reduction not in _COMBINED:
        raise Unsupported(f"the reduction {reduction!r}")
    return _COMBINED[reduction](data.at[_key(data, indices)], updates)


@operator("TensorScatter", since=24)
def tensor_scatter(
    cache: Tensor, update: Tensor, first: Tensor | None = None, *, axis: int, mode: str
) -> Tensor:
    """A cache with an update written along an axis, from a place on that each row of the batch has."""
    place = normalised_axis(axis, cache.ndim, cache.node)
    steps = arange(of_rank(update, cache.ndim)[place])
    if mode not in ("linear", "circular") or not place:
        raise Unsupported(f"the mode {mode!r} along axis {place}")
    starts = arange(cache.shape[0]) * 0 if first is None else first.astype("int64")
    rows = starts.unsqueeze(1) + steps
    if mode == "circular":
        rows = rows % as_tensor(cache.shape[place])
    order = [0, place, *(k for k in range(1, cache.ndim) if k != place)]
    back = [order.index(k) for k in range(cache.ndim)]
    batch = arange(cache.shape[0]).unsqueeze(1)
    found = permuted(cache, order).at[(batch, rows)].set(permuted(update, order))
    return permuted(found, back)


# Masks and classes


@operator("OneHot", since=9)
def one_hot(indices: Tensor, depth: Extents, values: Tensor, *, axis: int) -> Tensor:
    """A new axis that is the second value at the class, and the first one elsewhere, or of no class."""
    if len(depth) != 1:
        raise Unsupported(f"the depth is one number, not {len(depth)}")
    (count,) = depth
    place = normalised_axis(axis, indices.ndim + 1, indices.node)
    classes = arange(count).reshape([-1 if k == place else 1 for k in range(indices.ndim + 1)])
    chosen = _FROM_END(indices.astype("int64"), count).unsqueeze(place) == classes
    return where(chosen, values[1], values[0])


@operator("Compress", since=9, limits="The condition has to be known before a call.")
def compress(data: Tensor, condition: Known, *, axis: int | None = None) -> Tensor:
    """The slices along an axis, or the elements, at which a condition holds."""
    x, place = (data.reshape([-1]), 0) if axis is None else (data, axis)
    return take(x, np.flatnonzero(condition), place)


@operator("NonZero", since=9, limits="The input has to be known before a call.")
def nonzero(x: Value) -> Tensor | Array:
    """The places of the elements that are not 0, a column each: of one number, repeated, all of them."""
    if isinstance(x, Tensor) and x.ndim == 1 and isinstance(x.node.op, Broadcast):
        (number,) = x.node.operands
        if not number.type.rank and np.all(known_of(Tensor(number))):
            return arange(x.shape[0]).unsqueeze(0)
    return np.array(np.nonzero(np.atleast_1d(known_of(x))), dtype=np.int64)
