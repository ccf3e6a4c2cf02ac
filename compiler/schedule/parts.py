"""Values that are computed where a concatenation or a padded array wants them, which then need not be copied.

    k0  %a = exp(%x)              ->  into rows 0 .. n of %c
    k1  %b = tanh(%x)             ->  into rows n .. 2n
    k2  %c = concatenate(%a, %b)      moves nothing

Such a value has memory of another for its own, from the first part that is written on; whoever reads it
reads it there. It lies densely along its last axes at least, in runs of `RUN` elements, or in single ones,
which have no loop of their own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from compiler.analysis.aliasing import dense_strides, joined, regions_of
from compiler.analysis.liveness import Liveness
from compiler.ir.dims import Extent, Shape, product
from compiler.ir.node import Node
from compiler.ir.op import Concatenate, Gather, MapReduce, Pad, Reducer, Trait
from compiler.schedule.plan import InOutput, InPart, Place, View
from compiler.schedule.schedule import Kernel, Schedule

RUN: Final = 4
"""Elements side by side from which on a value is written in runs: two and three waste a vector's lanes."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What decides: in whose memory values lie, their last readers, who has a place, who is written over."""

    schedule: Schedule
    live: Liveness
    uses: Mapping[Node, int]
    placed: Mapping[Node, Place]
    given: Collection[Node]


def parts_of(
    schedule: Schedule, live: Liveness, uses: Mapping[Node, int], placed: Mapping[Node, Place]
) -> dict[Node, Place]:
    """The places of values that are parts of others, and of views of these.

    What is `placed` is no part; `uses` gives owners' last readers.
    """
    given = {live.owners[item] for kernel in schedule.kernels for item in kernel.in_place.values()}
    asked = _Asked(schedule, live, uses, placed, given)
    found: dict[Node, InPart] = {}
    for kernel in reversed(schedule.kernels):  # a value goes to the last that it is a part of
        whole = kernel.members[0]
        is_own = isinstance(placed.get(whole), InOutput | None)
        if isinstance(whole.op, Concatenate | Pad) and is_own:
            for part, place in _parts(whole, asked):
                found.setdefault(part, place)
    return _with_views(schedule, live, found)


def pieces(whole: Node) -> Iterator[tuple[Node, Shape]]:
    """The operands of a concatenation, or of padding around an array, and where each begins on every axis."""
    starts: list[Extent] = [0] * whole.type.rank
    match whole.op:
        case Concatenate(axis):
            for operand in whole.operands:
                yield operand, tuple(starts)
                starts[axis] = starts[axis] + operand.type.shape[axis]
        case Pad(low, _, interior):
            if not any(interior):
                yield whole.operands[0], low
        case _:
            pass


def _parts(whole: Node, asked: _Asked) -> Iterator[tuple[Node, InPart]]:
    taken: set[Node] = set()
    strides = dense_strides(whole.type.shape)
    for operand, starts in pieces(whole):
        value = asked.live.owners[operand]
        if value in taken or not _may_be_there(value, operand, whole, asked):
            continue
        by_axis = _by_axis(value, operand, strides)
        if not _keeps_rows(value, by_axis, asked.schedule.kernels[asked.schedule.kernel_of[value]]):
            continue
        taken.add(value)
        offset: Extent = 0
        for start, stride in zip(starts, strides, strict=True):
            offset = offset + start * stride
        yield value, InPart(whole, offset, by_axis)


def _may_be_there(value: Node, operand: Node, whole: Node, asked: _Asked) -> bool:
    """Whether a value, of which an operand is all, is computed before, has no other place, and lies in runs.

    Nobody reads it when its whole has been written over.
    """
    place = asked.schedule.kernel_of[whole]
    is_computed = isinstance(value.op, MapReduce | Gather) and asked.schedule.kernel_of[value] < place
    is_free = value not in asked.placed and value not in asked.given
    if not (is_computed and is_free and _is_all_of(operand, asked.live)):
        return False
    is_kept = asked.uses[value] <= place or whole not in asked.given
    return is_kept and _lies_in_runs(operand, whole) and _may_be_strided(value, operand, whole)


def _is_all_of(operand: Node, live: Liveness) -> bool:
    """Whether a value is all of the one in whose memory it lies, but for axes of one element."""
    region = live.regions[operand]
    long = [[extent for extent in node.type.shape if extent != 1] for node in (operand, region.base)]
    return region.covers(operand) and long[0] == long[1] and 0 not in long[0]


def _by_axis(value: Node, operand: Node, strides: Shape) -> Shape:
    """The strides of a value of which an operand, with some strides, is all."""
    long = iter(stride for extent, stride in zip(operand.type.shape, strides, strict=True) if extent != 1)
    return tuple(0 if extent == 1 else next(long) for extent in value.type.shape)


def _runs(operand: Node, whole: Node) -> tuple[Extent, Extent]:
    """In how many runs of elements side by side an operand lies in a whole, and of how many elements."""
    axes = [axis for axis, n in enumerate(operand.type.shape) if n != whole.type.shape[axis]]
    last = max(axes, default=0)
    return product(operand.type.shape[:last]), product(operand.type.shape[last:])


def _lies_in_runs(operand: Node, whole: Node) -> bool:
    count, length = _runs(operand, whole)
    return 1 in (count, length) or not isinstance(length, int) or length >= RUN


def _may_be_strided(value: Node, operand: Node, whole: Node) -> bool:
    """Maps are written in any steps; what is added up in memory wants it dense."""
    is_map = isinstance(value.op, Gather) or (
        isinstance(value.op, MapReduce) and value.op.reducer is Reducer.NONE
    )
    return is_map or _runs(operand, whole)[0] == 1


def _keeps_rows(value: Node, strides: Shape, kernel: Kernel) -> bool:
    """Whether a product is rows at even steps: those of an image with edges are not, and take longer."""
    if not any(node.op.has(Trait.CONTRACTION) for node in kernel.members):
        return True
    long = [(n, stride) for n, stride in zip(value.type.shape, strides, strict=True) if n != 1]
    return len(joined([n for n, _ in long], [[stride for _, stride in long]])) <= 2


def _with_views(schedule: Schedule, live: Liveness, found: dict[Node, InPart]) -> dict[Node, Place]:
    """Those of which every view stays one, and the views: a reshape of what has gaps may have no steps."""
    while found:
        regions = regions_of(schedule.graph, {node: place.strides for node, place in found.items()})
        views = {
            node: regions[node]
            for node, region in live.regions.items()
            if region.base in found and region.base is not node
        }
        lost = {live.regions[node].base for node, region in views.items() if region.base not in found}
        if not lost:
            seen = {node: View(item.base, item.offset, item.strides) for node, item in views.items()}
            return {**found, **seen}
        found = {node: place for node, place in found.items() if node not in lost}
    return {}
