"""The loop nest of a kernel: how the loops of its members lie on common loops.

    rows x columns: every member has all loops, or exactly the row loops

A reduction whose value is read inside the kernel reduces exactly the columns, so a kernel over rows (softmax,
layer norm) keeps one row at a time. Other reductions trail: nobody inside reads them, and they may reduce any
loops; where all reduce the same short ones, and many results lie side by side, these are columns, too. Loops
of extent 1 are left out. A sum of a product of which two factors have all loops (a dot product of rows) is a
reduction like any other; other contractions have a nest of their own and run alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from compiler.ir.dims import Shape
from compiler.ir.node import Node
from compiler.ir.op import MapReduce, Reducer, Trait
from compiler.rewrite.refusal import Reason, Refusal
from compiler.schedule.frame import Frame, called, check_member, frame_of, join, map_reduce, shares_operand


@dataclass(frozen=True, slots=True)
class Nest:
    """Common loops, in the order in which memory is walked. Loops below `rows` are row loops.

    `placement` gives for each loop of a member the common one, None for a loop of extent 1 (its index is 0).
    """

    loops: Shape
    rows: int
    placement: Mapping[Node, tuple[int | None, ...]]

    @property
    def columns(self) -> tuple[int, ...]:
        """The loops that are reduced inside a row; empty for a kernel of maps."""
        return tuple(range(self.rows, len(self.loops)))

    def axes_of(self, node: Node) -> tuple[int | None, ...]:
        """For each axis of a member's value its common loop; None for a unit axis."""
        return self._placed(node, map_reduce(node).output)

    def accesses_of(self, node: Node) -> list[tuple[int | None, ...]]:
        """For each operand of a member, and each of its axes, the common loop; None for a unit axis."""
        return [self._placed(node, item.axes) for item in map_reduce(node).accesses]

    def reduced_by(self, node: Node) -> frozenset[int]:
        """The common loops that a member reduces."""
        return frozenset(loop for loop in self._placed(node, map_reduce(node).reduced) if loop is not None)

    def is_trailing(self, node: Node) -> bool:
        """Whether a member reduces something other than exactly the columns."""
        return map_reduce(node).reducer is not Reducer.NONE and self.reduced_by(node) != frozenset(
            self.columns
        )

    def is_row_value(self, node: Node) -> bool:
        """Whether a member has one value for each row: a map over the rows, or a reduction of the columns."""
        reduced, columns = self.reduced_by(node), frozenset(self.columns)
        loops = {loop for loop in self.placement[node] if loop is not None}
        return bool(columns) and (reduced == columns or not loops & columns)

    def walked(self, order: Sequence[int]) -> Nest:
        """The nest whose loops, row loops before columns, are walked in another order."""
        place = {loop: position for position, loop in enumerate(order)}
        placement = {
            node: tuple(None if loop is None else place[loop] for loop in loops)
            for node, loops in self.placement.items()
        }
        return Nest(tuple(self.loops[loop] for loop in order), self.rows, placement)

    def passes(self, members: Sequence[Node]) -> dict[Node, int]:
        """In which pass over the elements of its row each member of the kernel, in order, is computed.

        A member that needs a reduction of the row is computed in a pass behind it. A row's value (see
        `is_row_value`) is known when the pass of its number begins, a reduction of the row when it ends.
        """
        found: dict[Node, int] = {}
        for node in members:
            before = [item for item in node.operands if item in found]
            found[node] = max((found[item] + bool(self.reduced_by(item)) for item in before), default=0)
        return found

    def is_in_last_pass(self, node: Node, members: Sequence[Node]) -> bool:
        """Whether no pass over the row follows that which writes a member; a row's value comes last."""
        if not self.columns or self.is_row_value(node):
            return True
        passes, columns = self.passes(members), set(self.columns)
        return passes[node] == max(passes[item] for item in members if columns & set(self.placement[item]))

    def _placed(self, node: Node, axes: Sequence[int | None]) -> tuple[int | None, ...]:
        place = self.placement[node]
        return tuple(None if axis is None else place[axis] for axis in axes)


Frames: TypeAlias = dict[tuple[Node, ...], Frame]
"""The frames of members that were joined before, so that one more need not join all of them again."""


def nest_of(members: Sequence[Node], known: Frames | None = None) -> Nest | Refusal:
    """The nest of members in topological order, or why they have none.

    Frames that are found are noted in `known`, and those of the first members are taken from there.
    """
    for node in members:
        refusal = None if isinstance(node.op, MapReduce) else check_member(node)
        if refusal is not None:
            return refusal
    if len(members) > 1 and members[0].op.has(Trait.CONTRACTION) and check_member(members[0]) is not None:
        return _after_contraction(members[0], members[1:], known)
    refusals = [found for node in members if (found := check_member(node)) is not None]
    if refusals and len(members) > 1:
        return refusals[0]
    pieces = _pieces(members, {} if known is None else known)
    refusal = _join_all(members, pieces)
    if refusal is not None:
        return refusal
    if known is not None:
        known[tuple(members)] = pieces[members[0]]
    return nest_from(pieces[members[0]])


def _pieces(members: Sequence[Node], known: Frames) -> dict[Node, Frame]:
    """The frame of each member, for as many of the first ones as are known the one that they share."""
    shared = next((k for k in range(len(members) - 1, 1, -1) if tuple(members[:k]) in known), 0)
    found = dict.fromkeys(members[:shared], known[tuple(members[:shared])]) if shared else {}
    return {**found, **{node: frame_of(node) for node in members[shared:]}}


def _after_contraction(head: Node, maps: Sequence[Node], known: Frames | None) -> Nest | Refusal:
    """The nest of a contraction and maps of its value: their loops are its rows, what it sums the columns."""
    nest = nest_of(maps, known)
    if isinstance(nest, Refusal):
        return nest
    for node in maps:
        if map_reduce(node).reducer is not Reducer.NONE:
            return Refusal(Reason.OTHER_LOOPS, (node,), f"{called(node)} reduces, behind a contraction")
    found: set[tuple[int | None, ...]] = set()
    for node in maps:
        pairs = zip(node.operands, nest.accesses_of(node), strict=True)
        found.update(axes for operand, axes in pairs if operand is head)
    (axes, *others) = found or [()]
    op = map_reduce(head)
    pairs = zip(op.output, axes, strict=False)
    place = {loop: at for loop, at in pairs if loop is not None and at is not None}
    if others or sorted(place.values()) != list(range(len(nest.loops))):
        return Refusal(Reason.OTHER_LOOPS, (head,), f"what reads {called(head)} has other loops")
    summed = [loop for loop in op.reduced if op.extents[loop] != 1]
    place |= {loop: len(nest.loops) + number for number, loop in enumerate(summed)}
    loops = (*nest.loops, *(op.extents[loop] for loop in summed))
    placed = tuple(place.get(loop) for loop in range(len(op.extents)))
    return Nest(loops, len(nest.loops), {head: placed, **nest.placement})


def nest_from(frame: Frame) -> Nest:
    """The nest of a frame: its loops with the columns moved behind the rows; short ones are columns, too."""
    count, columns = len(frame.loops), frame.columns or frame.short
    order = [loop for loop in range(count) if loop not in columns] + sorted(columns)
    place: dict[int | None, int | None] = {loop: position for position, loop in enumerate(order)}
    place[None] = None
    placement = {node: tuple(place[loop] for loop in loops) for node, loops in frame.placement.items()}
    return Nest(tuple(frame.loops[loop] for loop in order), count - len(columns), placement)


def _join_all(members: Sequence[Node], pieces: dict[Node, Frame]) -> Refusal | None:
    """Joins the members' frames along their edges, then those that share an operand, then the rest."""
    refusal: Refusal | None = None
    count = len({id(frame) for frame in pieces.values()})
    while count > 1:
        before = count
        for pairs in (_edges(members), _siblings(members), _any_two(members)):
            for left, right in pairs:
                if pieces[left] is pieces[right]:
                    continue
                joined = join(pieces[left], pieces[right])
                if isinstance(joined, Refusal):
                    refusal = refusal or joined
                    continue
                count -= 1
                pieces.update(dict.fromkeys(joined.placement, joined))
            if count < before:
                break
        if count == before:
            return refusal
    return None


def _edges(members: Sequence[Node]) -> list[tuple[Node, Node]]:
    inside = set(members)
    return [(operand, node) for node in members for operand in node.operands if operand in inside]


def _siblings(members: Sequence[Node]) -> list[tuple[Node, Node]]:
    """Each member with the last one before it that reads the same operand."""
    pairs: list[tuple[Node, Node]] = []
    reader: dict[Node, Node] = {}
    for node in members:
        for operand in node.operands:
            if operand in reader and shares_operand(reader[operand], node, operand):
                pairs.append((reader[operand], node))
            reader[operand] = node
    return pairs


def _any_two(members: Sequence[Node]) -> list[tuple[Node, Node]]:
    return [(members[0], node) for node in members[1:]]
