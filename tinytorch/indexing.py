"""Indices into an axis: tensors, lists, arrays, and masks that are known when the graph is built.

What is known then - lists, arrays, constants - is checked then, and counts from the end where it is negative.
What only a call knows is checked by the call, and nothing of it counts from the end.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from compiler.errors import DTypeError, IndexRangeError, ShapeError
from compiler.ir.build import apply, cast, constant_node
from compiler.ir.dims import Dim, Extent
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.node import Node, describe, make_node
from compiler.ir.op import Constant, Gather, Size
from compiler.ir.types import BOOL, promote
from tinytorch.arithmetic import as_node
from tinytorch.handle import Handle
from tinytorch.values import checked_array

_FROM_END = parse_formula("from_end(i, n) = where(i + n >= 0, where(i < 0, i + n, i), i)")
STATIC = "use tt.where(mask, x, value), tt.masked_fill(x, mask, value), or tt.where(mask, x, 0) in a sum"
"""What to do with a mask that only a call knows."""


def take(node: Node, index: Node, axis: int) -> Node:
    """Gather along an axis. Raises ShapeError where the index is not an integer tensor."""
    if not index.type.dtype.is_integer:
        raise ShapeError(f"an index is an int32 or int64 tensor: {describe(index)}; for a mask use tt.where")
    return make_node(Gather(axis), [node, index])


def is_index(item: Any) -> bool:
    """Whether an item of a key is a tensor, a list or an array."""
    return isinstance(item, Handle | list | range | np.ndarray)


def mask_of(item: Any) -> np.ndarray[Any, Any] | None:
    """An item of a key as the mask that it is, whose elements are known; None for indices.

    Raises ShapeError for a mask that only a call knows: how many elements it selects is no extent.
    """
    if isinstance(item, Handle):
        if item.dtype is not BOOL:
            return None
        known = _constant(item.node)
        if known is None:
            raise ShapeError(
                f"how many elements a mask selects is not known before a call: {describe(item.node)}\n"
                f"  fix: {STATIC}"
            )
        return known
    array = checked_array(item)
    return array if array.dtype.kind == "b" else None


def picked_by(mask: np.ndarray[Any, Any], node: Node, axis: int) -> list[np.ndarray[Any, Any]]:
    """The indices, an array for each of its axes, at which a mask of axes from `axis` on is true.

    Raises ShapeError where the mask's shape is not that of the axes.
    """
    extents = node.type.shape[axis : axis + mask.ndim]
    if mask.ndim == 0:
        raise ShapeError(f"one bool is no mask of {describe(node)}; use tt.where(condition, x, y)")
    if mask.shape != extents:
        raise ShapeError(
            f"a mask of {list(mask.shape)} is not of axes {list(range(axis, axis + mask.ndim))} of "
            f"{describe(node)}, which have {list(extents)}"
        )
    return list(np.nonzero(mask))


def fitting(target: Node, values: Node) -> Node:
    """Values in the dtype of what they are written to. Raises DTypeError where it cannot hold them."""
    dtype = target.type.dtype
    if promote([dtype, values.type.dtype]) is not dtype:
        raise DTypeError(
            f"{describe(target)} cannot hold {describe(values)}\n"
            f"  fix: cast one: values.astype({str(dtype)!r}), or x.astype({str(values.type.dtype)!r})"
        )
    return cast(values, dtype)


def index_node(indices: Any, node: Node, axis: int) -> Node:
    """The node of indices into an axis, a tensor's or of array-likes; what is known counts from the end.

    Raises IndexRangeError for an index that is known and outside the axis.
    """
    is_array = not isinstance(indices, Handle | Dim)
    index = as_node(_integers(indices) if is_array else indices)
    extent, known = node.type.shape[axis], _known(index)
    if known is None or not known.size:
        return index
    if isinstance(extent, int):
        _check(known, -extent, extent, index, f"axis {axis} of {describe(node)}")
    if not (known < 0).any():
        return index
    if isinstance(extent, int):
        return constant_node(np.where(known < 0, known + extent, known), index.type.dtype)
    return apply(_FROM_END, index, Size(extent), dtype=index.type.dtype)


def check_classes(classes: Node, count: Extent) -> None:
    """Raises IndexRangeError for a class that is known and not in `0 .. count - 1`."""
    known = _known(classes)
    if known is not None and known.size:
        most = count if isinstance(count, int) else int(known.max()) + 1
        _check(known, 0, most, classes, f"{count} classes")


def _integers(indices: Any) -> Any:
    """Index arrays of any integer dtype as int64 or int32; an empty list, which has no dtype, too."""
    array = checked_array(indices)
    is_empty_list = not array.size and not isinstance(indices, np.ndarray)
    if not is_empty_list and (array.dtype.kind not in "iu" or array.dtype in (np.int32, np.int64)):
        return array
    is_huge = array.dtype == np.uint64  # what is out of the range of int64 stays out of any axis
    return (np.minimum(array, np.iinfo(np.int64).max) if is_huge else array).astype(np.int64)


def _known(index: Node) -> np.ndarray[Any, Any] | None:
    """The integers of a constant."""
    return _constant(index) if index.type.dtype.is_integer else None


def _constant(node: Node) -> np.ndarray[Any, Any] | None:
    op = node.op
    return op.buffer.array if isinstance(op, Constant) and op.buffer.is_bound else None


def _check(known: np.ndarray[Any, Any], least: int, end: int, index: Node, what: str) -> None:
    outside = np.argwhere((known < least) | (known >= end))
    if not len(outside):
        return
    place = tuple(map(int, outside[0]))
    at = f" at {list(place)}" if place else ""
    room = f"pass indices from {least} to {end - 1}" if end > least else "select from one that has elements"
    raise IndexRangeError(
        f"index {int(known[place])}{at} is outside {what}\n  {describe(index)}\n  fix: {room}"
    )
