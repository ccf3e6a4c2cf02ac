"""Indexing as NumPy means it, in layout ops: `x[1]`, `x[:, ::-1]`, `x[..., None]`, `x[index]`.

What is known when the graph is built - lists, arrays, constants - is checked then, and counts from the end
where it is negative. What only a call knows is checked by the call, and nothing of it counts from the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from compiler.errors import IndexRangeError, ShapeError
from compiler.ir.build import apply, constant_node
from compiler.ir.dims import Dim, Extent, divide_exactly
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.node import Node, describe, make_node
from compiler.ir.numbers import whole_number
from compiler.ir.op import Constant, Gather, Reshape, Size, Slice
from tinytorch.arithmetic import as_node
from tinytorch.handle import Handle
from tinytorch.values import checked_array

_FROM_END = parse_formula("from_end(i, n) = where(i + n >= 0, where(i < 0, i + n, i), i)")


def take_key(node: Node, key: Any) -> Node:
    """`node[key]`.

    Raises ShapeError for keys that have no static meaning (boolean masks, two index tensors).
    """
    items = _expanded(node, cast("tuple[Any, ...]", key) if isinstance(key, tuple) else (key,))
    items = _with_index_nodes(node, items)
    arrays = [item for item in items if isinstance(item, Node)]
    if len(arrays) > 1:
        raise ShapeError(f"one index tensor at a time: {describe(node)}; use tt.take or tt.take_along_axis")
    sliced = _slice(node, [item for item in items if item is not None])
    shape: list[Extent] = []
    place, axis, gathered = 0, 0, None
    for item in items:
        if item is None:
            shape.append(1)
        elif isinstance(item, Node):
            gathered, place = item, len(shape)
            shape.append(sliced.type.shape[axis])
            axis += 1
        else:
            shape += [] if _is_place(item) else [sliced.type.shape[axis]]
            axis += 1
    if tuple(shape) != sliced.type.shape:
        sliced = make_node(Reshape(tuple(shape)), [sliced])
    return sliced if gathered is None else take(sliced, gathered, place)


def take(node: Node, index: Node, axis: int) -> Node:
    """Gather along an axis. Raises ShapeError where the index is not an integer tensor."""
    if not index.type.dtype.is_integer:
        raise ShapeError(f"an index is an int32 or int64 tensor: {describe(index)}; for a mask use tt.where")
    return make_node(Gather(axis), [node, index])


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
    op = index.op
    if not isinstance(op, Constant) or not op.buffer.is_bound or not op.type.dtype.is_integer:
        return None
    return op.buffer.array


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


def _with_index_nodes(node: Node, items: Sequence[Any]) -> list[Any]:
    """The items with a node for each tensor, list or array."""
    found: list[Any] = []
    axis = 0
    for item in items:
        is_array = isinstance(item, Handle | list | range | np.ndarray)
        found.append(index_node(item, node, axis) if is_array else item)
        axis += item is not None
    return found


def _is_place(item: Any) -> bool:
    return isinstance(item, Dim) or whole_number(item) is not None


def _expanded(node: Node, key: Sequence[Any]) -> list[Any]:
    """One item for each axis of the operand, besides the None that make new ones."""
    rank = node.type.rank
    used = sum(item is not None and item is not Ellipsis for item in key)
    if sum(item is Ellipsis for item in key) > 1 or used > rank:
        raise ShapeError(f"too many indices for {rank} axes: {describe(node)}")
    rest = [slice(None)] * (rank - used)
    if not any(item is Ellipsis for item in key):
        return [*key, *rest]
    place = next(k for k, item in enumerate(key) if item is Ellipsis)
    return [*key[:place], *rest, *key[place + 1 :]]


def _slice(node: Node, items: Sequence[Any]) -> Node:
    rows = [_row(node, axis, item) for axis, item in enumerate(items)]
    starts, sizes, steps = (tuple(column) for column in zip(*rows, strict=True)) if rows else ((), (), ())
    is_whole = all(start == 0 and step == 1 for start, step in zip(starts, steps, strict=True))
    if is_whole and sizes == node.type.shape:
        return node
    return make_node(Slice(starts, sizes, steps), [node])


def _row(node: Node, axis: int, item: Any) -> tuple[Extent, Extent, int]:
    """Start, size and step of one axis."""
    extent = node.type.shape[axis]
    if isinstance(item, Node):
        return 0, extent, 1
    if _is_place(item):
        return _position(node, axis, _bound(node, axis, item), extent), 1, 1
    if not isinstance(item, slice):
        raise ShapeError(f"{item!r} is no index of axis {axis} of {describe(node)}")
    if isinstance(extent, int):
        try:
            start, stop, step = cast("slice[Any, Any, Any]", item).indices(extent)
        except (TypeError, ValueError) as error:
            raise ShapeError(f"{error}: {item!r} of axis {axis} of {describe(node)}") from None
        return start, len(range(start, stop, step)), step
    return _symbolic_row(node, axis, cast("slice[Any, Any, Any]", item), extent)


def _bound(node: Node, axis: int, item: Any) -> Extent:
    """A place on an axis as an int, negative where it counts from the end, or as another extent."""
    if not isinstance(item, Dim):
        place = whole_number(item)
        if place is None:
            raise ShapeError(f"{item!r} is no place on axis {axis} of {describe(node)}")
        return place
    gap = item - node.type.shape[axis]
    if isinstance(gap, int) and gap < 0:
        return gap
    return item if isinstance(gap, Dim) else node.type.shape[axis]


def _position(node: Node, axis: int, position: Extent, extent: Extent) -> Extent:
    is_outside = position == extent
    if isinstance(extent, int) and isinstance(position, int):
        is_outside = not -extent <= position < extent
    if is_outside:
        raise ShapeError(f"index {position} is outside axis {axis} of {describe(node)}")
    return _from_start(position, extent)


def _from_start(place: Extent, extent: Extent) -> Extent:
    return extent + place if isinstance(place, int) and place < 0 else place


def _symbolic_row(node: Node, axis: int, item: slice, extent: Dim) -> tuple[Extent, Extent, int]:
    """Slices of a symbolic axis whose size is a polynomial: from a start to a place counted from the end."""
    step = 1 if item.step is None else _bound(node, axis, item.step)
    start, stop = (None if place is None else _bound(node, axis, place) for place in (item.start, item.stop))
    if isinstance(step, Dim):
        raise ShapeError(f"the step of {item} is an int: {describe(node)}")
    if step < 0 and start is None and stop is None:
        quotient = steps_in(extent, -step)
        if quotient is not None:
            return extent - 1, quotient, step
    first = _from_start(start or 0, extent)
    last = extent if stop is None else _from_start(stop, extent)
    size = steps_in(last - first, step) if step > 0 else None
    if size is None or (isinstance(stop, int) and stop >= 0):
        raise ShapeError(
            f"slice {item} of the symbolic axis {axis} has a size that is no polynomial: {describe(node)}\n"
            "  fix: slice from the start to a place counted from the end (x[a:], x[a:-b], x[-a:]), or "
            "use a fixed size"
        )
    return first, size, step


def steps_in(count: Extent, step: int) -> Extent | None:
    """The number of steps in so many elements, rounded up, where it is a polynomial."""
    quotients = (divide_exactly(count + rest, step) for rest in range(step))
    return next((found for found in quotients if found is not None), None)
