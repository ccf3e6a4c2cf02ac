"""What the kernels of a plan move, by the cache that it comes from.

A call is taken to follow others like it, with the same arguments: what a small program touches is then still
in a cache.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from compiler.analysis.cost import is_view, reads_of
from compiler.ir.dims import Extent, evaluate
from compiler.ir.node import Node
from compiler.loops.places import Places, Pointer, Region
from compiler.schedule.execution import Copy, Run, steps_of
from compiler.schedule.plan import InOutput, InParameter, InSlab
from compiler.schedule.schedule import Kernel
from compiler.speed.caches import Recency, Touch, level_of
from compiler.speed.machine import Level


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
            (written if item.is_write else read)[level_of(distance, levels, threads)] += size
    return Traffic(tuple(read), tuple(written))


def _touches(places: Places, sizes: Mapping[str, int]) -> Iterator[tuple[int, list[Touch]]]:
    """What is touched by each step of a plan, by the number of its kernel; -1 for a copy."""

    def touch(pointer: Pointer, size: Extent, *, is_write: bool = False) -> Touch:
        memory, start = (pointer.region, pointer.number), evaluate(pointer.offset, sizes)
        return Touch(memory, start, evaluate(size, sizes), is_write)

    for step in steps_of(places.plan):
        match step:
            case Run():
                found = [touch(places[operand].pointer, size) for operand, size in _read(step.kernel, places)]
                for node in places.plan.schedule.outputs(step.kernel):
                    if not is_view(node, places.regions):
                        found.append(touch(places[node].pointer, node.type.bytes, is_write=True))
                yield step.number, found
            case Copy(value=value):
                source = places[value].pointer if step.source is None else _slab(step.source)
                size = value.type.bytes
                yield -1, [touch(source, size), touch(_target(step, places), size, is_write=True)]
            case _:
                pass


def _read(kernel: Kernel, places: Places) -> Iterator[tuple[Node, Extent]]:
    return ((operand, size) for _, operand, size in reads_of(kernel.members, places.regions))


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
