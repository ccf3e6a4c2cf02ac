"""Frames: the common loops of a group of maps and reductions while the group grows.

Two frames join where every value that passes between them is read where it is made. Joining moves the members
of the smaller frame, so a group of n members costs O(n log n) however it comes about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from compiler.analysis.cost import is_at_most
from compiler.ir.dims import Shape, product
from compiler.ir.node import Node
from compiler.ir.op import Gather, MapReduce, Reducer, Trait
from compiler.ir.picking import picking
from compiler.rewrite.refusal import Reason, Refusal

SHORT: Final = 32
"""Elements of a row up to which rows that lie side by side are walked together, a vector of rows at a time: a
sum of 3 x 100000 over the first axis 0.2 of the time, of 32 x 10000 0.6, log_softmax 0.35 to 0.7, of 100 x
30000 3.8."""

SIDE_BY_SIDE: Final = 128
"""Rows that have to lie so where other loops are around them: 20 x 7 x 1000 0.5 to 0.9, 100 x 10 x 64 1.1."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Common loops in the order in which memory is walked, none of extent 1, and how members lie on them.

    `columns` are the loops reduced by every reduction whose value is read inside. `spans` are the sets of
    loops that members have: all, or those that are no columns.
    """

    loops: Shape
    columns: frozenset[int]
    placement: Mapping[Node, tuple[int | None, ...]]
    spans: frozenset[frozenset[int]]
    first: int
    last: int
    """The serial numbers of the oldest and the youngest member."""

    @property
    def is_contiguous(self) -> bool:
        """Whether the columns are the innermost loops."""
        return self.columns == frozenset(range(len(self.loops) - len(self.columns), len(self.loops)))

    @property
    def short(self) -> frozenset[int]:
        """The loops that all reductions reduce, if they turn a few times and results lie side by side.

        Then a vector holds as many results, or as many rows of which these are reductions. Rows that are
        picked are read one by one, from their beginning to their end.
        """
        if any(isinstance(node.op, Gather) for node in self.placement):
            return frozenset()
        reduced = {self.reduced_by(node) for node in self.placement} - {frozenset()}
        if len(reduced) != 1:
            return frozenset()
        (found,), last = reduced, len(self.loops) - 1
        is_row = self.columns in (frozenset(), found) and last not in found
        if not is_row or not is_at_most(product(self.loops[loop] for loop in found), SHORT):
            return frozenset()
        is_outermost = found == frozenset(range(len(found)))
        return found if is_outermost or not is_at_most(self.loops[last], SIDE_BY_SIDE - 1) else frozenset()

    def reduced_by(self, node: Node) -> frozenset[int]:
        """The common loops that a member reduces."""
        place = self.placement[node]
        return frozenset(loop for k in map_reduce(node).reduced if (loop := place[k]) is not None)


def map_reduce(node: Node) -> MapReduce:
    """A node's op, which is known to be a MapReduce, or what a gather is as one."""
    if isinstance(node.op, Gather):
        return picking(node)
    assert isinstance(node.op, MapReduce)
    return node.op


def called(node: Node) -> str:
    """A node in a sentence."""
    return f"%{node.name}" if node.name else f"a result of {node.op.name}"


def frame_of(node: Node) -> Frame:
    """The frame of a map, reduction or contraction alone."""
    loops, placement, spans = _laid_out(map_reduce(node))
    return Frame(loops, frozenset(), {node: placement}, spans, node.serial, node.serial)


@lru_cache(maxsize=4096)
def _laid_out(op: MapReduce) -> tuple[Shape, tuple[int | None, ...], frozenset[frozenset[int]]]:
    """The loops of an op as memory is walked, where its own are among them, and which it has."""
    order = [loop for loop in _walk(op) if op.extents[loop] != 1]
    place = {loop: position for position, loop in enumerate(order)}
    placement = tuple(place.get(loop) for loop in range(len(op.extents)))
    return tuple(op.extents[loop] for loop in order), placement, frozenset([frozenset(place.values())])


def _walk(op: MapReduce) -> list[int]:
    """An op's loops as memory is walked: as a map writes, as a reduction reads its widest operand."""
    if op.reducer is Reducer.NONE:
        return list(range(len(op.extents)))
    walks = [[axis for axis in access.axes if axis is not None] for access in op.accesses]
    order = max(walks, key=len)
    return order + [loop for loop in range(len(op.extents)) if loop not in order]


def check_member(node: Node) -> Refusal | None:
    """Why a node cannot share a nest with others; None if it can."""
    op = node.op
    if isinstance(op, Gather):
        return None
    if not isinstance(op, MapReduce):
        return _refused(node)
    if op.reducer is Reducer.NONE:
        return None
    if all(op.extents[loop] == 1 for loop in op.reduced):
        return Refusal(Reason.UNIT_LOOPS, (node,), f"{called(node)} reduces loops of extent 1 only")
    if op.has(Trait.CONTRACTION) and not _streams(op):
        sentence = f"{called(node)} is a contraction, which has a nest of its own"
        return Refusal(Reason.OWN_NEST, (node,), sentence)
    return None


def _refused(node: Node) -> Refusal:
    """Why a node that is no MapReduce cannot share a nest."""
    if node.op.has(Trait.OPAQUE):
        return Refusal(Reason.OPAQUE, (node,), f"{called(node)} is an opaque call")
    if node.op.has(Trait.VIEW):
        sentence = f"{called(node)} is a view of memory, which must be written first"
        return Refusal(Reason.VIEW, (node,), sentence)
    if node.op.has(Trait.PREFIX):
        sentence = f"{called(node)} walks an axis in order, and has a nest of its own"
        return Refusal(Reason.IN_ORDER, (node,), sentence)
    return Refusal(Reason.MOVES_ELEMENTS, (node,), f"{called(node)} moves elements")


def _streams(op: MapReduce) -> bool:
    """Whether two factors have all loops: then every element is read once, as in a reduction."""
    loops = {loop for loop, extent in enumerate(op.extents) if extent != 1}
    return sum(loops <= set(access.axes) for access in op.accesses) >= 2


def shares_operand(left: Node, right: Node, operand: Node) -> bool:
    """Whether two nodes each read an operand over all their loops, so that one walk serves both."""
    return all(_reads_fully(node, operand) for node in (left, right))


def _reads_fully(node: Node, operand: Node) -> bool:
    op = node.op
    if not isinstance(op, MapReduce):
        return False
    loops = {loop for loop, extent in enumerate(op.extents) if extent != 1}
    return any(
        found is operand and loops <= set(access.axes)
        for found, access in zip(node.operands, op.accesses, strict=True)
    )


class _ConflictError(Exception):
    """Two frames do not join; carries the refusal."""

    def __init__(self, sentence: str, *nodes: Node) -> None:
        super().__init__(sentence)
        self.refusal = Refusal(Reason.OTHER_LOOPS, nodes, sentence)


def join(left: Frame, right: Frame) -> Frame | Refusal:
    """The frame of the members of both, or why there is none. Each member has passed `check_member`."""
    is_larger = (len(left.loops), len(left.placement)) >= (len(right.loops), len(right.placement))
    large, small = (left, right) if is_larger else (right, left)
    try:
        return _embedded(small, large)
    except _ConflictError as conflict:
        return conflict.refusal


def _embedded(small: Frame, large: Frame) -> Frame:
    place: dict[int, int] = {}
    columns = {large.columns}
    for made, read, of_large in _passed(small, large):
        _follow(made, read, small, large, place)
        if map_reduce(made).reducer is Reducer.NONE:
            continue
        reduced = (large if of_large else small).reduced_by(made)
        if of_large:
            columns.add(reduced)
        elif len(small.loops) < len(large.loops):
            raise _ConflictError(
                f"{called(made)} has fewer loops than {called(read)}, which reads it", made, read
            )
        else:
            small = replace(small, columns=_one({small.columns, reduced}, made))
    found = _one(columns, next(iter(small.placement)))
    _settle(small, large, found, place)
    found = _one({found, frozenset(place[loop] for loop in small.columns)}, next(iter(small.placement)))
    return _merged(small, large, found, place)


def _one(columns: set[frozenset[int]], node: Node) -> frozenset[int]:
    """The one set of columns that there may be."""
    filled = [item for item in columns if item]
    if len(filled) > 1:
        raise _ConflictError(f"{called(node)} would need other columns than the kernel has", node)
    return filled[0] if filled else frozenset()


def _passed(small: Frame, large: Frame) -> Iterator[tuple[Node, Node, bool]]:
    """Maker and reader of every value that passes between two frames, and whether the large one makes it."""
    for reader in small.placement:
        for operand in reader.operands:
            if operand in large.placement:
                yield operand, reader, True
    if small.first > large.last:
        return
    for reader in large.placement:
        for operand in reader.operands:
            if operand in small.placement:
                yield operand, reader, False


def _follow(made: Node, read: Node, small: Frame, large: Frame, place: dict[int, int]) -> None:
    """Lays loops of the small frame on those of the large one where a value passes."""
    if isinstance(read.op, Gather):
        sentence = f"{called(read)} picks from memory, by indices that were checked before its loops"
        raise _ConflictError(sentence, made, read)
    of_large = made in large.placement
    maker, reader = (large, small) if of_large else (small, large)
    given = maker.placement[made]
    output = [None if axis is None else given[axis] for axis in map_reduce(made).output]
    taken = reader.placement[read]
    for operand, access in zip(read.operands, map_reduce(read).accesses, strict=True):
        if operand is not made:
            continue
        for ours, axis in zip(output, access.axes, strict=True):
            theirs = None if axis is None else taken[axis]
            if ours is None or theirs is None:
                continue
            mine, other = (theirs, ours) if of_large else (ours, theirs)
            if place.setdefault(mine, other) != other:
                sentence = f"{called(read)} reads {called(made)} at other places than it is made"
                raise _ConflictError(sentence, made, read)


def _settle(small: Frame, large: Frame, columns: frozenset[int], place: dict[int, int]) -> None:
    """Lays the loops that no value passes along: as a shared operand suggests, else in order by extent."""
    node = next(iter(small.placement))
    everything = set(range(len(large.loops)))
    target = everything if len(small.loops) == len(large.loops) else everything - columns
    if len(small.loops) != len(target) or not target.issuperset(place.values()):
        raise _ConflictError(f"{called(node)} has neither all loops of the kernel nor exactly its rows", node)
    if len(set(place.values())) != len(place):
        raise _ConflictError(f"{called(node)} reads one loop of the kernel as two", node)
    if len(small.loops) - len(place) > 1:
        _follow_shared(small, large, columns, target, place)
    free = sorted(target - set(place.values()))
    for loop in range(len(small.loops)):
        if loop not in place:
            fits = [item for item in free if large.loops[item] == small.loops[loop]]
            match = next((item for item in fits if _agrees(small, loop, item, columns)), None)
            if fits and match is None:
                raise _ConflictError(f"{called(node)} would need other columns than the kernel has", node)
            if match is None:
                shown = ", ".join(map(str, large.loops))
                raise _ConflictError(f"{called(node)} does not lie on the loops [{shown}]", node)
            free.remove(match)
            place[loop] = match


def _agrees(small: Frame, loop: int, common: int, columns: frozenset[int]) -> bool:
    """Whether a loop and the common one are both columns, or both rows, where that is settled."""
    return not columns or not small.columns or (loop in small.columns) == (common in columns)


def _follow_shared(
    small: Frame, large: Frame, columns: frozenset[int], target: set[int], place: dict[int, int]
) -> None:
    """Lays loops so that an operand from outside that both frames read is read at the same places."""
    read: dict[Node, tuple[Node, int]] = {}
    for node in large.placement:
        for k, operand in enumerate(node.operands):
            read.setdefault(operand, (node, k))
    for node in small.placement:
        for k, operand in enumerate(node.operands):
            if operand not in read or operand in large.placement:
                continue
            other, position = read[operand]
            ours = map_reduce(node).accesses[k].axes
            theirs = map_reduce(other).accesses[position].axes
            for mine, yours in zip(ours, theirs, strict=True):
                loop = None if mine is None else small.placement[node][mine]
                common = None if yours is None else large.placement[other][yours]
                if loop is None or common is None or loop in place:
                    continue
                is_free = common in target and common not in place.values()
                if is_free and _agrees(small, loop, common, columns):
                    place[loop] = common


def _merged(small: Frame, large: Frame, columns: frozenset[int], place: dict[int, int]) -> Frame:
    everything = frozenset(range(len(large.loops)))
    spans = large.spans | {frozenset(place[loop] for loop in span) for span in small.spans}
    if not spans <= {everything, everything - columns}:
        node = next(iter(small.placement))
        sentence = f"with {called(node)} a member would have neither all loops nor exactly the rows"
        raise _ConflictError(sentence, node)
    if small.columns and len(small.loops) < len(large.loops):
        node = next(iter(small.placement))
        raise _ConflictError(f"{called(node)} reduces rows of the kernel, and a member reads its value", node)
    moved = {
        node: tuple(None if loop is None else place[loop] for loop in loops)
        for node, loops in small.placement.items()
    }
    first, last = min(small.first, large.first), max(small.last, large.last)
    return Frame(large.loops, columns, {**large.placement, **moved}, spans, first, last)
