"""Windows over axes, from sizes, steps and dilations as users write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from compiler.errors import ArgumentError, ShapeError
from compiler.ir.dims import Extent, divide_down, extent
from compiler.ir.node import Node, describe, make_node
from compiler.ir.op import Fold, Window
from tinytorch.axes import Axis, counted, items_of, normalised_axes, normalised_axis


def window(node: Node, axis: Axis, size: Any, step: Any, dilation: Any) -> Node:
    """The node's windows along axes. Raises ShapeError where none fits, or nobody can tell how many do."""
    axes = _axes(axis, node.type.rank, node)
    sizes = tuple(map(extent, _each("a size", size, axes)))
    steps, dilations = (_spaces(what, item, axes) for what, item in (("step", step), ("dilation", dilation)))
    rows = zip(axes, sizes, steps, dilations, strict=True)
    positions = tuple(_positions(node, *row) for row in rows)
    return make_node(Window(axes, positions, sizes, steps, dilations), [node]) if axes else node


def fold(node: Node, size: Any, axis: Axis, step: Any, dilation: Any) -> Node:
    """The windows that a node holds, added into axes of `size` elements. Raises ShapeError."""
    count = node.type.rank // 2 if axis is None else len(items_of(axis))
    axes = _axes(axis, node.type.rank - count, node)
    sizes = tuple(map(extent, _each("a size", size, axes)))
    steps, dilations = (_spaces(what, item, axes) for what, item in (("step", step), ("dilation", dilation)))
    return make_node(Fold(axes, sizes, steps, dilations), [node]) if axes else node


def _axes(axis: Axis, rank: int, node: Node) -> tuple[int, ...]:
    """Axes in the order in which they are given."""
    _ = normalised_axes(axis, rank, node)
    return (
        tuple(range(rank)) if axis is None else tuple(normalised_axis(k, rank, node) for k in items_of(axis))
    )


def _each(what: str, value: Any, axes: Sequence[int]) -> list[Any]:
    """One item for each axis: as many as were given, or one for all."""
    given = items_of(value)
    if len(given) == 1 and (not isinstance(value, Sequence) or len(axes) == 1):
        return given * len(axes)
    if len(given) != len(axes):
        raise ArgumentError(f"{what} for each of {len(axes)} axes, not {value!r}")
    return given


def _spaces(what: str, value: Any, axes: Sequence[int]) -> tuple[int, ...]:
    found = tuple(counted(f"a {what}", item) for item in _each(f"a {what}", value, axes))
    if any(item < 1 for item in found):
        raise ArgumentError(f"a {what} is 1 or more, not {value!r}")
    return found


def _positions(node: Node, axis: int, size: Extent, step: int, dilation: int) -> Extent:
    whole = node.type.shape[axis]
    reach = (size - 1) * dilation + 1
    room = whole - reach
    if (isinstance(room, int) and room < 0) or size == 0:
        raise ShapeError(
            f"no window of {size} elements, {dilation} apart, lies in axis {axis} of {describe(node)}"
        )
    found = divide_down(room, step)
    if found is None:
        fix = f"\n  fix: slice it to {step}*m+{reach} elements, or declare it so long"
        raise ShapeError(
            f"how many windows of {size} elements, {step} apart, axis {axis} has is no polynomial: "
            f"{describe(node)}{fix}"
        )
    return found[0] + 1
