"""Shorter forms of layout ops. All of them are exact: the same elements in the same places."""

from __future__ import annotations

from dataclasses import replace

from compiler.ir.dims import Extent
from compiler.ir.node import Node, Origin, make_node
from compiler.ir.op import Broadcast, Concatenate, Layout, Pad, Reshape, Slice, Transpose, Window
from compiler.rewrite.accesses import without_units


def shorter_layout(node: Node, origin: Origin) -> tuple[Node, str] | None:
    """What a layout op may be replaced by, with the rule in words; None where it is as short as it can be."""
    match node.op:
        case Reshape():
            return _reshape(node.op, node.operands[0], origin)
        case Transpose():
            return _transpose(node.op, node.operands[0], origin)
        case Broadcast():
            return _broadcast(node.op, node.operands[0], origin)
        case Slice():
            return _slice(node.op, node.operands[0], origin)
        case Window():
            return _window(node.op, node.operands[0], origin)
        case Pad() if _is_zero(*node.op.low, *node.op.high, *node.op.interior):
            return node.operands[0], "padding by nothing"
        case Concatenate():
            return _concatenate(node.op, node, origin)
        case _:
            return None


def _made(op: Layout, operand: Node, origin: Origin) -> Node:
    return make_node(op, [operand], origin=origin)


def _is_zero(*extents: Extent) -> bool:
    return all(extent == 0 for extent in extents)


def _reshape(op: Reshape, operand: Node, origin: Origin) -> tuple[Node, str] | None:
    if op.shape == operand.type.shape:
        return operand, "reshape to the same shape"
    if isinstance(operand.op, Reshape):
        return _made(op, operand.operands[0], origin), "reshape of a reshape"
    return None


def _transpose(op: Transpose, operand: Node, origin: Origin) -> tuple[Node, str] | None:
    inner = operand.op
    if op.order == tuple(range(len(op.order))):
        return operand, "transpose to the same order"
    if isinstance(inner, Transpose):
        order = tuple(inner.order[axis] for axis in op.order)
        return _made(Transpose(order), operand.operands[0], origin), "transpose of a transpose"
    long = [axis for axis in op.order if operand.type.shape[axis] != 1]
    if long == sorted(long):
        shape = tuple(operand.type.shape[axis] for axis in op.order)
        return _made(Reshape(shape), operand, origin), "transpose of unit axes"
    return None


def _broadcast(op: Broadcast, operand: Node, origin: Origin) -> tuple[Node, str] | None:
    inner = operand.op
    if op.shape == operand.type.shape:
        return operand, "broadcast to the same shape"
    if without_units(op.shape) == without_units(operand.type.shape):
        return _made(Reshape(op.shape), operand, origin), "broadcast along unit axes"
    if isinstance(inner, Broadcast):
        axes = tuple(op.axes[axis] for axis in inner.axes)
        return _made(Broadcast(op.shape, axes), operand.operands[0], origin), "broadcast of a broadcast"
    below = operand.operands[0] if isinstance(inner, Reshape) else operand
    if below is not operand and below.type.shape == without_units(operand.type.shape):
        axes = tuple(axis for axis, n in zip(op.axes, operand.type.shape, strict=True) if n != 1)
        return _made(Broadcast(op.shape, axes), below, origin), "broadcast of added unit axes"
    return None


def _slice(op: Slice, operand: Node, origin: Origin) -> tuple[Node, str] | None:
    inner, shape = operand.op, operand.type.shape
    if op.sizes == shape and _is_zero(*op.starts) and all(step == 1 for step in op.steps):
        return operand, "slice of everything"
    if isinstance(inner, Window):
        return _slice_of_window(op, inner, operand, origin)
    if not isinstance(inner, Slice):
        return None
    rows = zip(inner.starts, op.starts, inner.steps, strict=True)
    starts = tuple(start + first * step for start, first, step in rows)
    steps = tuple(ours * theirs for ours, theirs in zip(op.steps, inner.steps, strict=True))
    return _made(Slice(starts, op.sizes, steps), operand.operands[0], origin), "slice of a slice"


def _window(op: Window, operand: Node, origin: Origin) -> tuple[Node, str] | None:
    inner, rank = operand.op, operand.type.rank
    if isinstance(inner, Transpose):
        moved = replace(op, axes=tuple(inner.order[axis] for axis in op.axes))
        order = (*inner.order, *range(rank, rank + len(op.axes)))
        seen = _made(moved, operand.operands[0], origin)
        return _made(Transpose(order), seen, origin), "window of a transpose"
    if all(taps == 1 for taps in op.taps):
        sizes, steps = list(operand.type.shape), [1] * rank
        for item in op.over(operand.type.shape):
            sizes[item.axis], steps[item.axis] = item.positions, item.step
        picked = _made(Slice((0,) * rank, tuple(sizes), tuple(steps)), operand, origin)
        return _made(Reshape((*sizes, *op.taps)), picked, origin), "windows of one element"
    return None


def _slice_of_window(op: Slice, inner: Window, operand: Node, origin: Origin) -> tuple[Node, str] | None:
    """A slice of positions and taps as windows over a slice; where it is known that some of each are left."""
    (whole,) = operand.operands
    rank = whole.type.rank
    starts, sizes, steps = list(op.starts[:rank]), list(op.sizes[:rank]), list(op.steps[:rank])
    fields: list[tuple[Extent, Extent, int, int]] = []
    for place, item in enumerate(inner.over(whole.type.shape)):
        at, tap = item.axis, rank + place
        rows = [(op.starts[k], op.sizes[k], op.steps[k]) for k in (at, tap)]
        (first, positions, apart), (near, taps, between) = rows
        if rows == [(0, item.positions, 1), (0, item.taps, 1)]:
            starts[at], sizes[at], steps[at] = 0, item.extent, 1
            fields.append((positions, taps, item.step, item.dilation))
            continue
        if not (_is_some(positions) and _is_some(taps) and apart > 0 and between > 0):
            return None
        step, dilation = item.step * apart, item.dilation * between
        starts[at], steps[at] = first * item.step + near * item.dilation, 1
        sizes[at] = (positions - 1) * step + (taps - 1) * dilation + 1
        fields.append((positions, taps, step, dilation))
    part = _made(Slice(tuple(starts), tuple(sizes), tuple(steps)), whole, origin)
    positions, taps, step, dilation = zip(*fields, strict=True)
    return _made(Window(inner.axes, positions, taps, step, dilation), part, origin), "slice of windows"


def _is_some(size: Extent) -> bool:
    return isinstance(size, int) and size > 0


def _concatenate(op: Concatenate, node: Node, origin: Origin) -> tuple[Node, str] | None:
    kept = [operand for operand in node.operands if operand.type.shape[op.axis] != 0]
    if len(node.operands) == 1 or len(kept) == 1:
        return (kept or node.operands)[0], "concatenation of one"
    if not kept or len(kept) == len(node.operands):
        return None
    return make_node(op, kept, origin=origin), "concatenation with nothing"
