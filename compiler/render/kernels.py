"""Schedules as pictures: a box a kernel, with its members inside and what runs in place marked."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from compiler.analysis.parts import Part, parts_of
from compiler.ir.dims import Extent, evaluate
from compiler.ir.finding import image
from compiler.ir.node import Node
from compiler.ir.op import Trait
from compiler.render.describe import describe
from compiler.render.drawing import write
from compiler.render.groups import Kernel
from compiler.render.options import Options, Show, show
from compiler.render.picture import Picture, beside
from compiler.schedule.costs import kernel_costs
from compiler.schedule.finding import find, find_kernel
from compiler.schedule.schedule import Schedule
from compiler.schedule.tables import digits


@dataclass(frozen=True, slots=True)
class Times:
    """What was measured of a schedule: microseconds of each kernel, and the values of the symbols."""

    microseconds: Sequence[float]
    sizes: Mapping[str, int]


def describe_schedule(
    schedule: Schedule, options: Options | None = None, times: Times | None = None, is_framed: bool = True
) -> Picture:
    """The picture of a schedule's graph: kernels are numbered in the order in which they run.

    Each says how many bytes it moves, and how long it takes where that was measured. Views are no kernels:
    they compute nothing. A value is saved for backward if it is stored by one kernel and read by another.
    Raises ArgumentError for a part of the model, a kernel or a colour that is not there.
    """
    names = schedule.graph.names
    moved = [sum((cost.bytes_moved for cost in costs.values()), start=0) for costs in kernel_costs(schedule)]
    kernels = tuple(
        Kernel(
            f"kernel {place}", kernel.members, place, _bound(moved[place], times),
            None if times is None else times.microseconds[place],
        )
        for place, kernel in enumerate(schedule.kernels)
        if not all(node.op.has(Trait.VIEW) for node in kernel.members)
    )  # fmt: skip
    marks = {
        node: f"in place of {names.values[operand]}"
        for kernel in schedule.kernels
        for node, operand in kernel.in_place.items()
    }
    show = replace(_show(schedule, options or Options(), moved, times), is_framed=is_framed)
    return describe(schedule.graph, show, kernels=kernels, marks=marks, stored=_stored(schedule))


def draw_schedule(
    schedule: Schedule,
    path: str | os.PathLike[str],
    options: Options | None = None,
    times: Times | None = None,
) -> Path:
    """Draw a schedule into a file (see `write` and `describe_schedule` for the errors)."""
    return write(describe_schedule(schedule, options, times), path)


def draw_schedules(
    schedules: Mapping[str, Schedule],
    path: str | os.PathLike[str],
    title: str = "",
    times: Mapping[str, Times] | None = None,
    calls: Mapping[str, float] | None = None,
    options: Options | None = None,
) -> Path:
    """Draw several schedules side by side into a file, each under its name, with times where they are known.

    By these names `times` gives what each kernel takes, which stands in its box, and `calls` the microseconds
    of a whole call, which stand behind the name; without, the sum of the kernels does. `options` hold for
    all. Raises as `write`, and ArgumentError for a part of the model that one of them does not have.
    """
    known, whole = times or {}, dict(calls or {})
    for name, item in known.items():
        whole.setdefault(name, sum(item.microseconds))
    pictures = {
        name + (f" ({digits(whole[name])} us)" if name in whole else ""): describe_schedule(
            item, options, known.get(name), is_framed=False
        )
        for name, item in schedules.items()
    }
    return write(beside(pictures, title), path)


def _bound(extent: Extent, times: Times | None) -> Extent:
    return extent if times is None else evaluate(extent, times.sizes)


def _stored(schedule: Schedule) -> frozenset[Node]:
    """What a backward op of another kernel than its own reads."""
    of, part = schedule.kernel_of, parts_of(schedule.graph).part
    return frozenset(
        operand
        for node in schedule.graph.nodes
        if part[node] is Part.BACKWARD
        for operand in node.operands
        if of.get(operand) != of.get(node)
    )


def _show(schedule: Schedule, options: Options, moved: Sequence[Extent], times: Times | None) -> Show:
    first = [kernel.members[0] for kernel in schedule.kernels]
    spent = None if times is None else dict(zip(first, times.microseconds, strict=True))
    sizes: Mapping[str, int] = {} if times is None else times.sizes
    return show(
        options, _around(schedule, options), spent, lambda: dict(zip(first, moved, strict=True)), sizes
    )


def _around(schedule: Schedule, options: Options) -> Node | None:
    """A member of the kernel, or the value, that is asked for."""
    if options.around is None:
        return None
    found = find(schedule, options.around)
    if isinstance(found, Node) and (now := image(schedule.graph, found)) is not None:
        return now
    return schedule.kernels[find_kernel(schedule, options.around)].members[0]
