"""Layouts: one function for each. Extents that depend on symbols are computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from string import ascii_letters
from typing import Any, Final

import numpy as np

from compiler.ir.dims import Extent, Shape, product
from compiler.ir.node import Node
from compiler.ir.op import (
    Broadcast,
    Combine,
    Concatenate,
    Diagonal,
    Fold,
    Gather,
    Insert,
    Layout,
    Pad,
    Reshape,
    Scatter,
    ScatterAdd,
    Slice,
    Transpose,
    Window,
)
from compiler.ir.windows import WindowedAxis
from tinytorch.onnx.exporting.context import Context
from tinytorch.onnx.exporting.values import Value, numpy

_LEAST: Final = np.iinfo(np.int64).min
"""As an end: everything down to the first element."""


def _reshape(context: Context, node: Node, x: Value) -> Value:
    return context.moves.reshaped(x, node.operands[0].type.shape, node.type.shape)


def _transpose(context: Context, node: Node, x: Value) -> Value:
    op: Any = node.op
    return context.moves.transposed(x, op.order)


def _broadcast(context: Context, node: Node, x: Value) -> Value:
    op: Any = node.op
    first = min(op.axes, default=len(op.shape))
    x = context.moves.unsqueezed(x, [k - first for k in range(first, len(op.shape)) if k not in op.axes])
    return context.moves.expanded(x, op.shape)


def _diagonal(context: Context, node: Node, x: Value) -> Value:
    """Both axes made one, of which every (n + 1)-th element is taken; Einsum's of n that is not known."""
    op = node.op
    assert isinstance(op, Diagonal)
    shape = node.operands[0].type.shape
    rest: list[int] = [axis for axis in range(len(shape)) if axis not in (op.first, op.second)]
    extent: Extent = shape[op.first]
    if not isinstance(extent, int):
        letters = [*ascii_letters[: len(shape)]]
        letters[op.second] = letters[op.first]
        kept = [*(letters[axis] for axis in rest), letters[op.first]]
        return context.writer.node("Einsum", x, equation=f"{''.join(letters)}->{''.join(kept)}")
    x = context.moves.transposed(x, [*rest, op.first, op.second])
    kept_shape: Shape = tuple(shape[axis] for axis in rest)
    flat = (*kept_shape, extent * extent)
    x = context.moves.reshaped(x, (*kept_shape, extent, extent), flat)
    return sliced(context, x, flat, (0,) * len(flat), (*kept_shape, extent), (*[1] * len(rest), extent + 1))


def _slice(context: Context, node: Node, x: Value) -> Value:
    op: Any = node.op
    shape = node.operands[0].type.shape
    return sliced(context, x, shape, op.starts, op.sizes, op.steps)


def sliced(
    context: Context, x: Value, shape: Shape, starts: Shape, sizes: Shape, steps: Sequence[int]
) -> Value:
    """`size` elements from `start` on along each axis, of which those that are whole are not named."""
    axes = [
        k for k, row in enumerate(zip(starts, sizes, steps, shape, strict=True)) if row[:3] != (0, row[3], 1)
    ]
    if not axes:
        return x
    ends = [_end(context, starts[k], sizes[k], steps[k]) for k in axes]
    w = context.writer
    stops = (
        w.integers(*(end for end in ends if isinstance(end, int)))
        if all(isinstance(end, int) for end in ends)
        else w.node("Concat", *(w.integers(end) if isinstance(end, int) else end for end in ends), axis=0)
    )
    return w.node(
        "Slice", x, context.extents.shape(tuple(starts[k] for k in axes)), stops, w.integers(*axes),
        w.integers(*(steps[k] for k in axes)),
    )  # fmt: skip


def _end(context: Context, start: Extent, size: Extent, step: int) -> int | Value:
    """Where a slice ends; one that goes down to the first element has no end that is a place."""
    if size == 0:
        return start if isinstance(start, int) else context.extents.row(start)
    end = start + (size - 1) * step + (1 if step > 0 else -1)
    if isinstance(end, int):
        return _LEAST if end < 0 and step < 0 else end
    row: Any = context.extents.row(end)
    return row if step > 0 else numpy.where(row < 0, _LEAST, row)


def _pad(context: Context, node: Node, x: Value) -> Value:
    op: Any = node.op
    shape = node.operands[0].type.shape
    x, shape = spread(context, x, shape, op.interior, op.value)
    return padded(context, x, op.low, op.high, op.value)


def padded(context: Context, x: Value, low: Shape, high: Shape, value: float) -> Value:
    """With elements before and behind those of each axis."""
    if not any((*low, *high)):
        return x
    fill = context.writer.constant(value, x.dtype)
    return context.writer.node("Pad", x, context.extents.shape((*low, *high)), fill, mode="constant")


def spread(
    context: Context, x: Value, shape: Shape, interior: Sequence[int], value: float
) -> tuple[Value, Shape]:
    """With elements between those of some axes: behind each of them, and not behind the last one."""
    for axis, between in enumerate(interior):
        extent = shape[axis]
        if not between or extent == 0:
            continue
        apart = (*shape[: axis + 1], 1, *shape[axis + 1 :])
        zeros = (0,) * len(apart)
        filled = (*apart[: axis + 1], between + 1, *apart[axis + 2 :])
        merged = (*shape[:axis], extent * (between + 1), *shape[axis + 1 :])
        x = context.moves.unsqueezed(x, [axis + 1])
        x = padded(context, x, zeros, (*zeros[: axis + 1], between, *zeros[axis + 2 :]), value)
        x = context.moves.reshaped(x, filled, merged)
        shape = (*shape[:axis], extent * (between + 1) - between, *shape[axis + 1 :])
        x = sliced(context, x, merged, (0,) * len(shape), shape, (1,) * len(shape))
    return x, shape


def _concatenate(context: Context, node: Node, *items: Value) -> Value:
    op: Any = node.op
    return items[0] if len(items) == 1 else context.writer.node("Concat", *items, axis=op.axis)


def _gather(context: Context, node: Node, x: Value, index: Value) -> Value:
    op: Any = node.op
    return context.writer.node("GatherElements" if op.batched else "Gather", x, index, axis=op.axis)


def _scatter_add(context: Context, node: Node, index: Value, data: Value) -> Value:
    op: Any = node.op
    target = context.moves.filled(0, data.dtype, node.type.shape)
    return scattered(context, target, node.operands[0].type.shape, index, node.operands[1].type.shape, data,
                     op.axis, "add", is_batched=op.batched)  # fmt: skip


_COMBINED: Final[Mapping[Combine, str | None]] = {
    Combine.SET: None,
    Combine.ADD: "add",
    Combine.MULTIPLY: "mul",
    Combine.MAX: "max",
    Combine.MIN: "min",
}


def _scatter(context: Context, node: Node, target: Value, index: Value, data: Value) -> Value:
    op: Any = node.op
    before, indices, values = (item.type for item in node.operands)
    flat = op.merged(before).shape
    target = context.moves.reshaped(target, before.shape, flat)
    found = scattered(context, target, indices.shape, index, values.shape, data, op.axis,
                      _COMBINED[op.combine], is_batched=op.batched)  # fmt: skip
    return context.moves.reshaped(found, flat, before.shape)


def scattered(
    context: Context, target: Value, index_shape: Shape, index: Value, shape: Shape, data: Value, axis: int,
    reduction: str | None, *, is_batched: bool,
) -> Value:  # fmt: skip
    """ScatterElements, for which plain indices are repeated over the axes around them."""
    if not is_batched:
        count, width = product(index_shape), len(index_shape)
        behind = shape[axis + width :]
        merged = (*shape[:axis], count, *behind)
        index = context.moves.reshaped(index, index_shape, (count, *(1 for _ in behind)))
        index = context.moves.expanded(index, merged)
        data = context.moves.reshaped(data, shape, merged)
    return context.writer.node("ScatterElements", target, index, data, axis=axis, reduction=reduction)


def _insert(context: Context, node: Node, target: Value, values: Value) -> Value:
    op: Any = node.op
    given, inner = (item.type.shape for item in node.operands)
    return _inserted(context, target, given, values, inner, op.starts, op.steps)


def _inserted(
    context: Context, target: Value, given: Shape, values: Value, inner: Shape, starts: Shape,
    steps: Sequence[int],
) -> Value:  # fmt: skip
    """At places of the flat target; an axis that is whole adds nothing but its own places."""
    places: Any = context.writer.constant(0, np.dtype(np.int64))
    rank = len(given)
    for axis, (start, step) in enumerate(zip(starts, steps, strict=True)):
        stride: Extent = product(given[axis + 1 :])
        line: Any = context.extents.count(inner[axis])
        line = line * context.extents.row(stride * step) + context.extents.row(start * stride)
        places = places + context.moves.unsqueezed(line, list(range(1, rank - axis)))
    size, count = product(given), product(inner)
    flat = context.moves.reshaped(target, given, (size,))
    index = context.moves.reshaped(places, inner, (count,))
    data = context.moves.reshaped(values, inner, (count,))
    found = context.writer.node("ScatterElements", flat, index, data, axis=0)
    return context.moves.reshaped(found, (size,), given)


def _window(context: Context, node: Node, x: Value) -> Value:
    """An axis after the other: its elements at a matrix of places, whose second axis then goes last."""
    op: Any = node.op
    given = node.operands[0].type.shape
    rank = len(given)
    for item in op.over(given):
        x = context.writer.node("Gather", x, places_of(context, item), axis=item.axis)
        x = context.moves.transposed(x, [*(k for k in range(rank + 1) if k != item.axis + 1), item.axis + 1])
        rank += 1
    return x


def places_of(context: Context, item: WindowedAxis) -> Value:
    """Of each window the places of its taps."""
    positions: Any = context.extents.count(item.positions)
    taps: Any = context.extents.count(item.taps)
    starts = positions * item.step if item.step > 1 else positions
    apart = taps * item.dilation if item.dilation > 1 else taps
    column: Any = context.moves.unsqueezed(starts, [1])
    return column + apart


def _fold(context: Context, node: Node, x: Value) -> Value:
    """An axis after the other, the last one first: windows are added at the places they were taken from."""
    op: Any = node.op
    given = node.operands[0].type.shape
    items = list(op.over(given))
    for item in reversed(items):
        rank = len(given)
        x = context.moves.transposed(x, [*range(item.axis + 1), rank - 1, *range(item.axis + 1, rank - 1)])
        inner = (*given[: item.axis + 1], item.taps, *given[item.axis + 1 : rank - 1])
        shape = (*inner[: item.axis], item.extent, *inner[item.axis + 2 :])
        zeros = context.moves.filled(0, x.dtype, shape)
        x = scattered(context, zeros, (item.positions, item.taps), places_of(context, item), inner, x,
                      item.axis, "add", is_batched=False)  # fmt: skip
        given = shape
    return x


_LAYOUTS: Final[Mapping[type[Layout], Callable[..., Value]]] = {
    Reshape: _reshape,
    Transpose: _transpose,
    Broadcast: _broadcast,
    Diagonal: _diagonal,
    Slice: _slice,
    Pad: _pad,
    Concatenate: _concatenate,
    Gather: _gather,
    ScatterAdd: _scatter_add,
    Scatter: _scatter,
    Insert: _insert,
    Window: _window,
    Fold: _fold,
}
"""By kind."""


def write_layout(context: Context, node: Node, *operands: Value) -> Value:
    """The nodes of a layout op."""
    kind: Any = type(node.op)
    return _LAYOUTS[kind](context, node, *operands)
