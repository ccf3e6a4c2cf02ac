"""The adjoints of the layout ops: each names its own."""

from __future__ import annotations

from compiler.autodiff.placing import to_operand
from compiler.autodiff.update_rules import insert_adjoint, scatter_adjoint
from compiler.ir.dims import Shape
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.node import Node, Origin, make_node
from compiler.ir.op import (
    Access,
    Broadcast,
    Concatenate,
    Diagonal,
    Fold,
    Gather,
    Index,
    Insert,
    MapReduce,
    Pad,
    Reshape,
    Scatter,
    ScatterAdd,
    Slice,
    Transpose,
    Window,
)  # fmt: skip


def layout_adjoint(node: Node, operand: int, cotangent: Node, origin: Origin) -> Node | None:
    """The adjoint that each layout op names, as one or two ops."""
    op, target = node.op, node.operands[operand]
    shape = target.type.shape
    match op:
        case Reshape():
            return make_node(Reshape(shape), [cotangent], origin=origin)
        case Transpose():
            inverse = tuple(op.order.index(axis) for axis in range(len(op.order)))
            return make_node(Transpose(inverse), [cotangent], origin=origin)
        case Broadcast():
            wanted = tuple(
                None if shape[k] == 1 and op.shape[axis] != 1 else axis for k, axis in enumerate(op.axes)
            )
            return to_operand(cotangent, tuple(range(len(op.shape))), wanted, op.shape, target, origin)
        case Diagonal():
            return _diagonal(op, cotangent, target, origin)
        case Slice():
            return _slice(op, cotangent, shape, origin)
        case Window():
            extents = tuple(shape[axis] for axis in op.axes)
            return make_node(Fold(op.axes, extents, op.steps, op.dilations), [cotangent], origin=origin)
        case Fold():
            found = list(op.over(shape))
            positions, taps = tuple(item.positions for item in found), tuple(item.taps for item in found)
            window = Window(op.axes, positions, taps, op.steps, op.dilations)
            return make_node(window, [cotangent], origin=origin)
        case Pad():
            steps = tuple(interior + 1 for interior in op.interior)
            return make_node(Slice(op.low, shape, steps), [cotangent], origin=origin)
        case Concatenate():
            return _concatenate(node, op, operand, cotangent, origin)
        case Gather() if operand == 0:
            scatter = ScatterAdd(op.axis, shape[op.axis], op.batched)
            return make_node(scatter, [node.operands[1], cotangent], origin=origin)
        case ScatterAdd() if operand == 1:
            return make_node(Gather(op.axis, op.batched), [cotangent, node.operands[0]], origin=origin)
        case Scatter():
            return scatter_adjoint(op, operand, node, cotangent, origin)
        case Insert():
            return insert_adjoint(op, operand, node, cotangent, origin)
        case _:
            return None


ON_DIAGONAL = parse_formula("on_diagonal(g, i, j) = where(i == j, g, 0.0)")


def _diagonal(op: Diagonal, cotangent: Node, target: Node, origin: Origin) -> Node:
    rank = target.type.rank
    rest = [axis for axis in range(rank) if axis not in (op.first, op.second)]
    arguments = (Access((*rest, op.first)), Index(op.first), Index(op.second))
    spread = MapReduce(ON_DIAGONAL, arguments, target.type.shape, tuple(range(rank)), target.type.dtype)
    return make_node(spread, [cotangent], origin=origin)


def _slice(op: Slice, cotangent: Node, shape: Shape, origin: Origin) -> Node:
    flipped = [step < 0 for step in op.steps]
    if any(flipped):
        sizes = cotangent.type.shape
        starts = tuple(n - 1 if flip else 0 for n, flip in zip(sizes, flipped, strict=True))
        flip = Slice(starts, sizes, tuple(-1 if flip else 1 for flip in flipped))
        cotangent = make_node(flip, [cotangent], origin=origin)
    rows = zip(op.starts, op.sizes, op.steps, strict=True)
    low = tuple(
        0 if size == 0 else start + (size - 1) * step if step < 0 else start for start, size, step in rows
    )
    steps = tuple(map(abs, op.steps))
    rows = zip(shape, low, op.sizes, steps, strict=True)
    high = tuple(n if size == 0 else n - start - ((size - 1) * step + 1) for n, start, size, step in rows)
    interior = tuple(0 if size == 0 else step - 1 for size, step in zip(op.sizes, steps, strict=True))
    return make_node(Pad(low, high, interior), [cotangent], origin=origin)


def _concatenate(node: Node, op: Concatenate, operand: int, cotangent: Node, origin: Origin) -> Node:
    before = sum(
        (item.type.shape[op.axis] for item in node.operands[1:operand]), node.operands[0].type.shape[op.axis]
    )
    sizes = node.operands[operand].type.shape
    starts = tuple(before if operand and axis == op.axis else 0 for axis in range(len(sizes)))
    return make_node(Slice(starts, sizes, (1,) * len(sizes)), [cotangent], origin=origin)
