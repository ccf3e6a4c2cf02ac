"""What the proof knows of accesses: where views lie, and whether kernels may write over what they read.

Written for the proof alone, from the ops' specifications; nothing here is shared with what makes plans or
marks. The common loops of a fused kernel are taken as a claim from the function that the backends ask, and
the claim is checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from compiler.errors import LawError
from compiler.ir.dims import Extent, divide_exactly
from compiler.ir.node import Node, describe
from compiler.ir.op import (
    Broadcast,
    Concatenate,
    Diagonal,
    Gather,
    Layout,
    MapReduce,
    Pad,
    Prefix,
    Reducer,
    Reshape,
    Slice,
    Trait,
    Transpose,
    Update,
    Window,
)  # fmt: skip
from compiler.ir.picking import picking
from compiler.schedule.nest import Nest
from compiler.schedule.schedule import Kernel


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a value lies: in the memory of `home`, from element `start` on, `steps` elements apart."""

    home: Node
    start: Extent
    steps: tuple[Extent, ...]


def home_spot(node: Node) -> Spot:
    """A value that fills memory of its own in row-major order."""
    steps: list[Extent] = [1] * node.type.rank
    for axis in range(node.type.rank - 2, -1, -1):
        steps[axis] = steps[axis + 1] * node.type.shape[axis + 1]
    return Spot(node, 0, tuple(steps))


def spot_of_view(node: Node, seen: Spot) -> Spot | None:
    """Where a view of a value at a spot lies; None if the elements have no even steps, and must be copied."""
    op, shape = node.op, node.operands[0].type.shape
    assert isinstance(op, Layout)
    start, steps = seen.start, seen.steps
    match op:
        case Transpose():
            steps = tuple(steps[source] for source in op.order)
        case Diagonal():
            both = steps[op.first] + steps[op.second]
            steps = (*(s for k, s in enumerate(steps) if k != op.first and k != op.second), both)
        case Slice():
            for axis, first in enumerate(op.starts):
                start = start + first * steps[axis]
            steps = tuple(op.steps[axis] * step for axis, step in enumerate(steps))
        case Window():
            seen_axes = [steps[axis] for axis in op.axes]
            moved = list(steps)
            for axis, step, apart in zip(op.axes, seen_axes, op.steps, strict=True):
                moved[axis] = step * apart
            steps = (*moved, *(step * apart for step, apart in zip(seen_axes, op.dilations, strict=True)))
        case Broadcast():
            taken = {axis: steps[k] for k, axis in enumerate(op.axes) if shape[k] == op.shape[axis]}
            steps = tuple(taken.get(axis, 0) for axis in range(len(op.shape)))
        case Reshape():
            cut = _cut(op.shape, list(zip(shape, steps, strict=True)))
            if cut is None:
                return None
            steps = cut
        case _:
            return None
    return Spot(seen.home, start, steps)


def begins_of_operands(whole: Node) -> Mapping[Extent, Sequence[int]]:
    """The operands of a concatenation, or of padding, by the element of the result at which they begin."""
    op, steps = whole.op, home_spot(whole).steps
    found: dict[Extent, list[int]] = {}
    if isinstance(op, Concatenate):
        begin: Extent = 0
        for number, operand in enumerate(whole.operands):
            found.setdefault(begin * steps[op.axis], []).append(number)
            begin = begin + operand.type.shape[op.axis]
    elif isinstance(op, Pad) and set(op.interior) <= {0}:
        begin = 0
        for count, step in zip(op.low, steps, strict=True):
            begin = begin + count * step
        found[begin] = [0]
    return found


def number_of_part(whole: Node, part: Spot, begins: Mapping[Extent, Sequence[int]]) -> int | None:
    """Which operand of a concatenation or of padding lies, in a value or a view of it, where it has to.

    `part` is where the value lies, from the first element of the result on; `begins` is of
    `begins_of_operands`. None if no operand does.
    """
    kept = home_spot(whole).steps
    for number in begins.get(part.start, ()):
        operand = whole.operands[number]
        seen = _seen_from(operand, part)
        if seen is None or seen.start != part.start:
            continue
        if _long(operand, kept) == _long(operand, seen.steps):
            return number
    return None


def _seen_from(operand: Node, value: Spot) -> Spot | None:
    """Where a value lies, or a view of it; None for what is neither."""
    if operand is value.home:
        return value
    if not operand.op.has(Trait.VIEW):
        return None
    seen = _seen_from(operand.operands[0], value)
    return None if seen is None else spot_of_view(operand, seen)


def _long(node: Node, steps: Sequence[Extent]) -> list[tuple[Extent, Extent]]:
    """Extents and steps of the axes of more than one element."""
    return [(n, step) for n, step in zip(node.type.shape, steps, strict=True) if n != 1]


def _cut(new: Sequence[Extent], old: list[tuple[Extent, Extent]]) -> tuple[Extent, ...] | None:
    """Steps of new axes over old ones, from the last backward; old axes join only where they must."""
    if any(extent == 0 for extent in new):
        return tuple(0 for _ in new)
    left = [(extent, step) for extent, step in old if extent != 1]
    found: list[Extent] = []
    for extent in reversed(new):
        if extent == 1:
            found.append(0)
            continue
        if not left:
            return None
        have, step = left.pop()
        part = divide_exactly(have, extent)
        while part is None and left and left[-1][1] == step * have:
            have = left.pop()[0] * have
            part = divide_exactly(have, extent)
        if part is None:
            return None
        if part != 1:
            left.append((part, step * extent))
        found.append(step)
    return tuple(reversed(found))


@dataclass(frozen=True, slots=True)
class Loops:
    """The common loops of a kernel, and for each member the common loop of each of its own."""

    extents: tuple[Extent, ...]
    rows: int
    of: Mapping[Node, tuple[int | None, ...]]

    @property
    def columns(self) -> frozenset[int]:
        """The loops inside a row."""
        return frozenset(range(self.rows, len(self.extents)))

    def used(self, node: Node) -> frozenset[int]:
        """The common loops that a member has."""
        return frozenset(loop for loop in self.of[node] if loop is not None)

    def written(self, node: Node) -> frozenset[int]:
        """The common loops that a member's value has."""
        return frozenset(loop for loop in _laid(self.of[node], _op(node).output) if loop is not None)


def loops_of(kernel: Kernel) -> Loops:
    """The loops of a kernel. Raises LawError where the claim is not true of the members."""
    claim = kernel.nest
    if not isinstance(claim, Nest):
        raise LawError(f"a kernel of several members has common loops; {claim}")
    loops = Loops(claim.loops, claim.rows, claim.placement)
    _check_claim(kernel, loops)
    for node in kernel.members:
        _check_member(node, loops)
        for maker, access in zip(node.operands, _op(node).accesses, strict=True):
            if maker in loops.of:
                _check_edge(maker, node, access.axes, loops)
    return loops


def _check_claim(kernel: Kernel, loops: Loops) -> None:
    first = kernel.members[0]
    if set(loops.of) != set(kernel.members):
        raise LawError(f"exactly the members of a kernel lie on its loops; {describe(first)}")
    count = len(loops.extents)
    placed = {loop for loops_of_one in loops.of.values() for loop in loops_of_one if loop is not None}
    if not 0 <= loops.rows <= count or placed != set(range(count)):
        raise LawError(f"the loops of a kernel are those of its members, rows first; {describe(first)}")


def _check_member(node: Node, loops: Loops) -> None:
    placed, own = loops.of[node], _op(node).extents
    used = [loop for loop in placed if loop is not None]
    fits = len(placed) == len(own) and len(used) == len(set(used))
    for extent, loop in zip(own, placed, strict=False):
        fits = fits and (extent == 1 if loop is None else loops.extents[loop] == extent)
    everything = frozenset(range(len(loops.extents)))
    if not fits or loops.used(node) not in (everything, everything - loops.columns):
        raise LawError(f"a member has all loops of its kernel or exactly the rows; {describe(node)}")


def _check_edge(maker: Node, reader: Node, axes: Sequence[int | None], loops: Loops) -> None:
    made = _laid(loops.of[maker], _op(maker).output)
    if isinstance(reader.op, Gather):
        raise LawError(f"a gather reads what is in memory; {describe(reader)} reads {describe(maker)}")
    if made != _laid(loops.of[reader], axes):
        raise LawError(f"a member reads another where it is made; {describe(reader)} reads {describe(maker)}")
    if _op(maker).reducer is not Reducer.NONE and loops.used(maker) - loops.written(maker) != loops.columns:
        raise LawError(f"a reduction that is read inside its kernel reduces the columns; {describe(maker)}")


def _op(node: Node) -> MapReduce:
    if isinstance(node.op, Gather):
        return picking(node)
    if not isinstance(node.op, MapReduce):
        raise LawError(f"only gathers, maps and reductions share loops; {describe(node)}")
    return node.op


def _laid(placed: Sequence[int | None], axes: Sequence[int | None]) -> list[int | None]:
    return [None if axis is None else placed[axis] for axis in axes]


def overwriting_fault(kernel: Kernel, result: Node, home: Node, spots: Mapping[Node, Spot]) -> str | None:
    """Why a result must not be written over a home's memory that its kernel reads; None if it may be.

    Neighbouring iterations may run at the same time or in any order, the members of one in theirs; so whoever
    reads the memory reads in each iteration the very element that this iteration writes, and before it is
    written.
    """
    if result.type.size == 0:
        return None
    if isinstance(result.op, Prefix) and len(kernel.members) == 1:
        return _prefix_fault(result, home, spots)
    if isinstance(result.op, Update) and len(kernel.members) == 1:
        return _update_fault(result, home, spots)
    if not all(isinstance(node.op, MapReduce | Gather) for node in kernel.members):
        return f"{describe(result)} is no map, and its elements have no order"
    loops = loops_of(kernel)
    written = loops.written(result)
    if loops.used(result) - written not in (frozenset(), loops.columns):
        return f"{describe(result)} adds up while its operands are read"
    everything = frozenset(range(len(loops.extents)))
    if written not in (everything, everything - loops.columns):
        return f"{describe(result)} is written more than once"
    if written & loops.columns and _passes_after(kernel, result, loops):
        return f"the rows are read again after {describe(result)} is written"
    target = _moves(home_spot(result), _laid(loops.of[result], _op(result).output))
    for reader, operand, axes in _reads(kernel):
        spot = spots[operand]
        if spot.home is not home:
            continue
        if isinstance(reader.op, Gather):
            return f"{describe(reader)} picks elements of it, or by them"
        if reader is result and _op(result).reducer is not Reducer.NONE:
            return f"{describe(result)} may begin before it has read"
        is_same = spot.start == 0 and _moves(spot, _laid(loops.of[reader], axes)) == target
        if not is_same or loops.used(reader) != written:
            return f"{describe(reader)} reads elements that other iterations write"
        if kernel.members.index(reader) > kernel.members.index(result):
            return f"{describe(reader)} reads it after {describe(result)} is written"
    return None


def _prefix_fault(result: Node, home: Node, spots: Mapping[Node, Spot]) -> str | None:
    """A prefix reduction carries the value before along: at each place it reads its operands, then writes.

    Rows may be walked in any order, or together, so an operand in the same memory lies just as the result.
    """
    target = _moves(home_spot(result), _long_axes(result))
    for operand in result.operands:
        spot = spots[operand]
        if spot.home is home and (spot.start != 0 or _moves(spot, _long_axes(result)) != target):
            return f"{describe(result)} reads elements that it writes at other places"
    return None


def _update_fault(result: Node, home: Node, spots: Mapping[Node, Spot]) -> str | None:
    """An update keeps what it updates where it is, and writes at other places while it reads the rest."""
    updated, *rest = result.operands
    if any(spots[operand].home is home for operand in rest):
        return f"{describe(result)} reads, while it is written, what lies in the memory it is written to"
    spot, axes = spots[updated], _long_axes(result)
    if spot.home is home and (spot.start != 0 or _moves(spot, axes) != _moves(home_spot(result), axes)):
        return f"{describe(result)} is to find what it updates just where it is written"
    return None


def _long_axes(node: Node) -> list[int | None]:
    return [None if extent == 1 else axis for axis, extent in enumerate(node.type.shape)]


def _reads(kernel: Kernel) -> Iterator[tuple[Node, Node, Sequence[int | None]]]:
    inside = set(kernel.members)
    for node in kernel.members:
        for operand, access in zip(node.operands, _op(node).accesses, strict=True):
            if operand not in inside:
                yield node, operand, access.axes


def _moves(spot: Spot, laid: Sequence[int | None]) -> dict[int, Extent]:
    """By how many elements each common loop moves an access."""
    return {loop: step for loop, step in zip(laid, spot.steps, strict=True) if loop is not None and step != 0}


def _passes_after(kernel: Kernel, result: Node, loops: Loops) -> bool:
    """Whether a member walks the columns in a later pass than a result: behind more reductions of rows."""
    depth: dict[Node, int] = {}
    for node in kernel.members:
        behind = [item for item in node.operands if item in depth]
        depth[node] = max(
            (depth[item] + (loops.used(item) != loops.written(item)) for item in behind), default=0
        )
    return any(depth[node] > depth[result] for node in kernel.members if loops.used(node) & loops.columns)
