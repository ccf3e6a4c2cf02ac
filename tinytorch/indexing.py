"""Indexing as NumPy means it, in layout ops: `x[1]`, `x[:, ::-1]`, `x[..., None]`, `x[index]`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from compiler.errors import ShapeError
from compiler.ir.dims import Dim, Extent, divide_exactly
from compiler.ir.node import Node, describe, make_node
from compiler.ir.numbers import whole_number
from compiler.ir.op import Gather, Reshape, Slice


def take_key(node: Node, key: Any) -> Node:
    """`node[key]`.

    Raises ShapeError for keys that have no static meaning (boolean masks, two index tensors).
    """
    items = _expanded(node, cast("tuple[Any, ...]", key) if isinstance(key, tuple) else (key,))
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
        quotient = _steps(extent, -step)
        if quotient is not None:
            return extent - 1, quotient, step
    first = _from_start(start or 0, extent)
    last = extent if stop is None else _from_start(stop, extent)
    size = _steps(last - first, step) if step > 0 else None
    if size is None or (isinstance(stop, int) and stop >= 0):
        raise ShapeError(
            f"slice {item} of the symbolic axis {axis} has a size that is no polynomial: {describe(node)}\n"
            "  fix: slice from the start to a place counted from the end (x[a:], x[a:-b], x[-a:]), or "
            "use a fixed size"
        )
    return first, size, step


def _steps(count: Extent, step: int) -> Extent | None:
    """The number of steps in so many elements, rounded up, where it is a polynomial."""
    quotients = (divide_exactly(count + rest, step) for rest in range(step))
    return next((found for found in quotients if found is not None), None)
