"""Layouts that are carried on: what is made of a value that lies transposed lies as it does.

    %t = transpose(%y, order=[0, 3, 1, 2])                 %a[i,j,k,l] = mul(%y[i,j,k,l], %s[l])
    %a[i,j,k,l] = mul(%t[i,j,k,l], %s[j])           ->     %0 = pad(%a, ..)
    %b = pad(%a, ..)                                       %b = transpose(%0, order=[0, 3, 1, 2])

All of it is exact: the same elements in the same places, of which memory has them in another order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from compiler.ir.node import Node, Origin, make_node
from compiler.ir.op import (
    Access,
    Argument,
    Index,
    Layout,
    MapReduce,
    Pad,
    Reducer,
    Slice,
    Trait,
    Transpose,
    Window,
)  # fmt: skip
from compiler.rewrite.accesses import Axes, through_view
from compiler.rewrite.reading import absorb_view
from compiler.rewrite.sweep import origin_of


class Carrying:
    """Views of values that lie otherwise, and what becomes of their readers. Results stay as they are."""

    def __init__(self, results: Iterable[Node], maker: str) -> None:
        self._shown: set[Node] = set()
        self._results = set(results)
        self._maker = maker

    def note(self, node: Node) -> Node:
        """The node, whose readers lie as what it is a transpose of."""
        if isinstance(node.op, Transpose):
            self._shown.update(node.operands)
        return node

    def _is_noted(self, node: Node) -> bool:
        """By what it shows, since a node that takes another's place may get its name."""
        return isinstance(node.op, Transpose) and node.operands[0] in self._shown

    def carried(self, old: Node, node: Node) -> Node:
        """What takes the place of a node with new operands: itself, unless it reads a view that was noted."""
        if old in self._results or not any(map(self._is_noted, node.operands)):
            return node
        origin = origin_of(old, self._maker, "lies as what it reads")
        op = node.op
        if isinstance(op, MapReduce):
            return self._map(node, op, origin) if op.reducer is Reducer.NONE else _reduction(node, origin)
        inner = node.operands[0].op
        moved = _moved_layout(op, inner, node.operands[0].type.rank) if isinstance(inner, Transpose) else None
        if moved is None:
            return node
        below, order = moved
        base = node.operands[0].operands[0]
        return self._viewed(base if below is None else make_node(below, [base], origin=origin), order, origin)

    def _viewed(self, value: Node, order: Sequence[int], origin: Origin) -> Node:
        if list(order) == sorted(order):
            return value
        return self.note(make_node(Transpose(tuple(order)), [value], origin=origin))

    def _map(self, node: Node, op: MapReduce, origin: Origin) -> Node:
        """The map over loops in the order in which most of what it reads whole lies."""
        loops = len(op.extents)
        if not op.has(Trait.ELEMENTWISE) or None in op.output or len(op.output) != loops:
            return node
        votes: dict[Axes, int] = {}
        for operand, access in zip(node.operands, op.accesses, strict=True):
            axes = self._lies(operand, access.axes)
            if len(axes) == loops and None not in axes:
                votes[axes] = votes.get(axes, 0) + self._is_noted(operand)
        order = max(votes, key=lambda axes: votes[axes], default=op.output)
        if not votes.get(order) or order == op.output:
            return node
        place: dict[int, int | None] = {loop: at for at, loop in enumerate(order) if loop is not None}
        operands = [item.operands[0] if self._is_noted(item) else item for item in node.operands]
        pairs = zip(node.operands, op.accesses, strict=True)
        given = iter([self._lies(operand, access.axes) for operand, access in pairs])
        arguments = [
            _placed(Access(next(given)) if isinstance(x, Access) else x, place) for x in op.arguments
        ]
        extents = tuple(op.extents[loop] for loop in order if loop is not None)
        new = MapReduce(op.formula, tuple(arguments), extents, tuple(range(loops)), op.dtype)
        back = [at for loop in op.output if loop is not None and (at := place[loop]) is not None]
        return self._viewed(make_node(new, operands, origin=origin), back, origin)

    def _lies(self, operand: Node, axes: Axes) -> Axes:
        """The loops that walk the axes of an operand, or of what a view shows."""
        noted = self._is_noted(operand)
        found = through_view(operand.op, operand.operands[0].type, axes) if noted else None
        return axes if found is None else found


def _placed(argument: Argument, place: dict[int, int | None]) -> Argument:
    match argument:
        case Access():
            return Access(tuple(None if axis is None else place[axis] for axis in argument.axes))
        case Index():
            at = place[argument.loop]
            assert at is not None
            return Index(at)
        case _:
            return argument


def _reduction(node: Node, origin: Origin) -> Node:
    """A reduction that reads what views show; of products those whose factors have all loops.

    Others go by where their operands lie.
    """
    op = node.op
    while isinstance(op, MapReduce) and all(
        set(item.axes) >= set(range(len(op.extents))) for item in op.accesses
    ):
        found = absorb_view(node, op, origin)
        if found is None:
            break
        node, op = found, found.op
    return node


def _moved_layout(op: object, inner: Transpose, rank: int) -> tuple[Layout | None, tuple[int, ...]] | None:
    """A layout op of a transpose as one of what is transposed, and the order of its own transpose."""
    order = inner.order
    back = [order.index(axis) for axis in range(rank)]
    match op:
        case Transpose():
            return None, tuple(order[axis] for axis in op.order)
        case Pad():
            low, high = (tuple(sides[axis] for axis in back) for sides in (op.low, op.high))
            return replace(op, low=low, high=high, interior=tuple(op.interior[axis] for axis in back)), order
        case Slice():
            starts, sizes = (tuple(items[axis] for axis in back) for items in (op.starts, op.sizes))
            return Slice(starts, sizes, tuple(op.steps[axis] for axis in back)), order
        case Window():
            moved = replace(op, axes=tuple(order[axis] for axis in op.axes))
            return moved, (*order, *range(rank, rank + len(op.axes)))
        case _:
            return None
