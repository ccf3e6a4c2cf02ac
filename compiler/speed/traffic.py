"""What the kernels of a plan move, by the cache that it comes from.

A call is taken to follow others like it, with the same arguments: what a small program touches is then still
in a cache.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from compiler.analysis.cost import is_view, reads_of
from compiler.ir.dims import Extent, evaluate, product
from compiler.ir.node import Node
from compiler.ir.op import Gather, Scatter, ScatterAdd
from compiler.loops.places import Places, Pointer, Region
from compiler.schedule.execution import Copy, Run, steps_of
from compiler.schedule.plan import InOutput, InParameter, InSlab
from compiler.schedule.schedule import Kernel
from compiler.speed.caches import Recency, Touch, level_of
from compiler.speed.machine import Level

LINE: Final = 64
"""Bytes of a line of a cache."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes read and written, by the number of the level that they come from."""

    read: tuple[int, ...]
    written: tuple[int, ...]

    def __add__(self, other: Traffic) -> Traffic:
        return Traffic(
            tuple(map(sum, zip(self.read, other.read, strict=True))),
            tuple(map(sum, zip(self.written, other.written, strict=True))),
        )


def traffic_of(
    places: Places, sizes: Mapping[str, int], levels: Sequence[Level], threads: int
) -> list[Traffic]:
    """What each kernel of the schedule moves in a call, and last what the copies do."""
    steps = list(_touches(places, sizes))
    kernels = len(places.plan.schedule.kernels)
    found = [Traffic((0,) * len(levels), (0,) * len(levels))] * (kernels + 1)
    recency = Recency()
    for _, touches in steps:
        recency.touch(touches)
    for number, touches in steps:
        found[number] = found[number] + _by_level(touches, recency.touch(touches), levels, threads)
    return found


def _by_level(
    touches: Sequence[Touch],
    parts: Sequence[Sequence[tuple[float, int]]],
    levels: Sequence[Level],
    threads: int,
) -> Traffic:
    read, written = [0] * len(levels), [0] * len(levels)
    for item, known in zip(touches, parts, strict=True):
        for distance, size in known:
            moved = round(size * item.moved)
            (written if item.is_write else read)[level_of(distance, levels, threads)] += moved
    return Traffic(tuple(read), tuple(written))


def _touches(places: Places, sizes: Mapping[str, int]) -> Iterator[tuple[int, list[Touch]]]:
    """What is touched by each step of a plan, by the number of its kernel; -1 for a copy."""
    touching = _Touching(places, sizes)
    for step in steps_of(places.plan):
        match step:
            case Run():
                yield step.number, touching.kernel(step.kernel)
            case Copy():
                yield -1, touching.copy(step)
            case _:
                pass


@dataclass(frozen=True, slots=True)
class _Touching:
    """Places of values as bytes, for given sizes."""

    places: Places
    sizes: Mapping[str, int]

    def kernel(self, kernel: Kernel) -> list[Touch]:
        """What a kernel reads, memory that it reads under several names once, and what it writes."""
        regions = self.places.regions
        read: list[Touch] = []
        found: list[Touch] = []
        plan = self.places.plan
        moved = {node: set(plan.moved(node)) for node in kernel.members if node in plan.parts}
        for node, operand, size in reads_of(kernel.members, regions):
            if node in moved and operand not in moved[node]:
                continue  # it is there already
            if isinstance(node.op, Gather) and operand is node.operands[0]:
                found.append(self.picked(operand, node))
            else:
                read.append(self.touch(self.places[operand].pointer, size))
        for node in plan.schedule.outputs(kernel):
            if not is_view(node, regions):
                rest = node.type.bytes - sum(part.type.bytes for part in plan.parts.get(node, ()))
                found.append(self.touch(self.places[node].pointer, rest, is_write=True))
            if isinstance(node.op, ScatterAdd | Scatter):
                found.append(self.picked(node, node.operands[-1]))
        return [*_joined(read), *found]

    def copy(self, step: Copy) -> list[Touch]:
        """What a copy reads and writes."""
        value = step.value
        source = self.places[value].pointer if step.source is None else _slab(step.source)
        target = self.touch(_target(step, self.places), value.type.bytes, is_write=True)
        return [self.touch(source, value.type.bytes), target]

    def touch(self, pointer: Pointer, size: Extent, *, is_write: bool = False) -> Touch:
        """Bytes from a place on."""
        start = evaluate(pointer.offset, self.sizes)
        return Touch((pointer.region, pointer.number), start, evaluate(size, self.sizes), is_write)

    def picked(self, table: Node, rows: Node) -> Touch:
        """The rows of a table that are read in no order, as whole lines."""
        whole, size = (evaluate(item.type.bytes, self.sizes) for item in (table, rows))
        row = evaluate(_row_bytes(table, rows), self.sizes)
        touch = self.touch(self.places[table].pointer, min(whole, size))
        lines = size / max(1, row) * (-(-row // LINE) * LINE)
        return replace(touch, moved=lines / max(1, touch.size))


def _row_bytes(table: Node, rows: Node) -> Extent:
    """Bytes of a table that lie side by side, and are picked together: those behind the indexed axis."""
    op = rows.op if isinstance(rows.op, Gather) else table.op
    assert isinstance(op, Gather | ScatterAdd | Scatter)
    spans = op.spans if isinstance(op, Scatter) else 1
    behind = () if op.batched else table.type.shape[op.axis + spans :]
    return product(behind) * table.type.dtype.size


def _joined(touches: Iterable[Touch]) -> list[Touch]:
    """The same bytes, those that overlap once."""
    found: list[Touch] = []
    for item in sorted(touches, key=lambda item: (str(item.memory), item.start)):
        last = found[-1] if found else None
        if last is not None and last.memory == item.memory and item.start < last.stop:
            found[-1] = replace(last, size=max(last.stop, item.stop) - last.start)
        else:
            found.append(item)
    return found


def _target(step: Copy, places: Places) -> Pointer:
    match step.target:
        case InOutput() as place:
            return places.output(place.position)
        case InParameter() as place:
            return places.parameter(place.parameter)
        case InSlab() as place:
            return _slab(place)


def _slab(place: InSlab) -> Pointer:
    return Pointer(Region.SLAB, 0, place.offset)
