"""Slices and places of axes: where each begins, how many elements it has, and how far they are apart."""

from __future__ import annotations

from typing import Any, TypeAlias, cast

from compiler.errors import ShapeError
from compiler.ir.dims import Dim, Extent, divide_exactly
from compiler.ir.node import Node, describe
from compiler.ir.numbers import whole_number

Row: TypeAlias = tuple[Extent, Extent, int]
"""Start, size and step along one axis."""


def is_place(item: Any) -> bool:
    """Whether an item of a key is one place of an axis: an int or an extent."""
    return isinstance(item, Dim) or whole_number(item) is not None


def row_of(node: Node, axis: int, item: Any) -> Row:
    """What a place or a slice selects of an axis. Raises ShapeError for what is neither, or outside."""
    extent = node.type.shape[axis]
    if is_place(item):
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


def _symbolic_row(node: Node, axis: int, item: slice, extent: Dim) -> Row:
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
