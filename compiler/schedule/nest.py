"""The loop nest of a kernel: how the loops of its members lie on common loops.

    rows x columns: every member is a map over all loops or over the rows alone, or a reduction

A reduction whose value is read inside the kernel reduces exactly the columns, so a kernel over rows (softmax, layer
norm) keeps one row at a time. Other reductions trail: nobody inside reads them, and they may reduce any loops.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from compiler.ir.dims import Extent, Shape
from compiler.ir.node import Node, describe
from compiler.ir.op import MapReduce, Reducer, Trait
from compiler.rewrite.refusal import Reason, Refusal


@dataclass(frozen=True, slots=True)
class Nest:
    """Common loops. Loops below `rows` are row loops; `placement` gives for each loop of a member the common one."""

    loops: Shape
    rows: int
    placement: Mapping[Node, tuple[int, ...]]

    @property
    def columns(self) -> tuple[int, ...]:
        """The loops that are reduced inside a row; empty for a kernel of maps."""
        return tuple(range(self.rows, len(self.loops)))

    def axes_of(self, node: Node) -> tuple[int | None, ...]:
        """For each axis of a member's value its common loop; None for a unit axis."""
        op, place = _op(node), self.placement[node]
        return tuple(None if axis is None else place[axis] for axis in op.output)

    def accesses_of(self, node: Node) -> list[tuple[int | None, ...]]:
        """For each operand of a member, and each of its axes, the common loop; None for a unit axis."""
        op, place = _op(node), self.placement[node]
        return [tuple(None if axis is None else place[axis] for axis in item.axes) for item in op.accesses]

    def is_trailing(self, node: Node) -> bool:
        """Whether a member reduces something other than exactly the columns."""
        op = _op(node)
        return op.reducer is not Reducer.NONE and {self.placement[node][k] for k in op.reduced} != set(self.columns)


def nest_of(members: Sequence[Node]) -> Nest | Refusal:
    """The nest of members in topological order, or why they have none."""
    for node in members:
        if not isinstance(node.op, MapReduce):
            reason = Reason.OPAQUE if node.op.has(Trait.OPAQUE) else Reason.MOVES_ELEMENTS
            return Refusal(reason, (node,), f"{describe(node)} is no map and no reduction")
        if node.op.has(Trait.CONTRACTION) and len(members) > 1:
            return Refusal(Reason.OTHER_LOOPS, (node,), f"{describe(node)} is a contraction, which runs alone")
    anchor = max(members, key=lambda node: len(_op(node).extents))
    placed = _place(members, anchor)
    if isinstance(placed, Refusal):
        return placed
    return _with_rows(members, _op(anchor).extents, placed)


def _op(node: Node) -> MapReduce:
    assert isinstance(node.op, MapReduce)
    return node.op


@dataclass(frozen=True, slots=True)
class _Edge:
    """A value passed between members: for each of its axes the loop of the maker and of the reader."""

    maker: Node
    reader: Node
    axes: tuple[tuple[int | None, int | None], ...]


def _edges(members: Sequence[Node]) -> Iterator[_Edge]:
    inside = set(members)
    for reader in members:
        for operand, access in zip(reader.operands, _op(reader).accesses, strict=True):
            if operand in inside:
                yield _Edge(operand, reader, tuple(zip(_op(operand).output, access.axes, strict=True)))


def _place(members: Sequence[Node], anchor: Node) -> dict[Node, dict[int, int]] | Refusal:
    """Carries the anchor's loops along the edges, in both directions, to all members."""
    edges: dict[Node, list[_Edge]] = {node: [] for node in members}
    for edge in _edges(members):
        edges[edge.maker].append(edge)
        edges[edge.reader].append(edge)
    placed: dict[Node, dict[int, int]] = {node: {} for node in members}
    extents = _op(anchor).extents
    placed[anchor] = {loop: loop for loop in range(len(extents))}
    for start in [anchor, *members]:
        if start is not anchor and not placed[start]:
            _settle_alone(start, extents, placed)
        pending = [start]
        while pending:
            node = pending.pop()
            for edge in edges[node]:
                refusal = _carry(edge, placed, pending)
                if refusal is not None:
                    return refusal
    for node in members:
        _settle_reduced(node, extents, placed[node])
        refusal = _check(node, extents, placed[node])
        if refusal is not None:
            return refusal
    return placed


def _carry(edge: _Edge, placed: dict[Node, dict[int, int]], pending: list[Node]) -> Refusal | None:
    for made, read in edge.axes:
        if made is None or read is None:
            continue
        known = placed[edge.maker].get(made), placed[edge.reader].get(read)
        if known[0] is None and known[1] is not None:
            placed[edge.maker][made] = known[1]
            pending.append(edge.maker)
        elif known[1] is None and known[0] is not None:
            placed[edge.reader][read] = known[0]
            pending.append(edge.reader)
        elif known[0] != known[1]:
            sentence = f"{describe(edge.reader)} reads {describe(edge.maker)} at other places than it is made"
            return Refusal(Reason.OTHER_LOOPS, (edge.maker, edge.reader), sentence)
    return None


def _settle_alone(node: Node, extents: Shape, placed: dict[Node, dict[int, int]]) -> None:
    """A member that exchanges nothing with the others lies on the same loops if its extents are the same."""
    if _op(node).extents == extents[: len(_op(node).extents)]:
        placed[node] = {loop: loop for loop in range(len(_op(node).extents))}


def _settle_reduced(node: Node, extents: Shape, place: dict[int, int]) -> None:
    """Reduced loops of an operand from outside lie on the loops that are left, if those are the same in order."""
    missing = [loop for loop in range(len(_op(node).extents)) if loop not in place]
    free = [loop for loop in range(len(extents)) if loop not in place.values()]
    if [_op(node).extents[loop] for loop in missing] == [extents[loop] for loop in free]:
        place.update(zip(missing, free, strict=True))


def _check(node: Node, extents: Shape, place: dict[int, int]) -> Refusal | None:
    own: Shape = _op(node).extents
    is_complete = len(place) == len(own) and len(set(place.values())) == len(own)
    if is_complete and all(own[loop] == extents[common] for loop, common in place.items()):
        return None
    shown = ", ".join(map(str, extents))
    return Refusal(Reason.OTHER_LOOPS, (node,), f"{describe(node)} does not lie on the loops [{shown}]")


def _with_rows(members: Sequence[Node], extents: Shape, placed: dict[Node, dict[int, int]]) -> Nest | Refusal:
    read = {operand for node in members for operand in node.operands}
    columns: set[int] | None = None
    for node in members:
        op = _op(node)
        if op.reducer is Reducer.NONE or node not in read:
            continue
        reduced = {placed[node][loop] for loop in op.reduced}
        if columns is not None and reduced != columns:
            return Refusal(Reason.OTHER_LOOPS, (node,), f"{describe(node)} reduces other loops than its neighbours")
        columns = reduced
    columns = columns or set()
    refusal = _check_spans(members, len(extents), columns, placed)
    if refusal is not None:
        return refusal
    order = [loop for loop in range(len(extents)) if loop not in columns] + sorted(columns)
    new = {loop: position for position, loop in enumerate(order)}
    loops: list[Extent] = [extents[loop] for loop in order]
    placement = {
        node: tuple(new[placed[node][loop]] for loop in range(len(_op(node).extents))) for node in members
    }
    return Nest(tuple(loops), len(loops) - len(columns), placement)


def _check_spans(
    members: Sequence[Node], count: int, columns: set[int], placed: dict[Node, dict[int, int]]
) -> Refusal | None:
    rows = set(range(count)) - columns
    for node in members:
        if set(placed[node].values()) not in (rows, rows | columns):
            sentence = f"{describe(node)} has neither all loops of the kernel nor exactly its rows"
            return Refusal(Reason.OTHER_LOOPS, (node,), sentence)
    return None


