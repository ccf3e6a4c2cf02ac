"""Schedules as pictures: a box a kernel, with its members inside and what runs in place marked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from compiler.ir.op import Trait
from compiler.render.describe import describe
from compiler.render.drawing import write
from compiler.render.picture import Picture, beside
from compiler.schedule.schedule import Schedule


def describe_schedule(schedule: Schedule) -> Picture:
    """The picture of a schedule's graph. Views are no kernels: they compute nothing."""
    names = schedule.graph.names
    groups = {
        f"kernel {place}": kernel.members
        for place, kernel in enumerate(schedule.kernels)
        if not all(node.op.has(Trait.VIEW) for node in kernel.members)
    }
    marks = {
        node: f"in place of {names.values[operand]}"
        for kernel in schedule.kernels
        for node, operand in kernel.in_place.items()
    }
    return describe(schedule.graph, groups=groups, marks=marks)


def draw_schedule(schedule: Schedule, path: str | os.PathLike[str]) -> Path:
    """Draw a schedule into a file (see `compiler.render.drawing.write` for the errors)."""
    return write(describe_schedule(schedule), path)


def draw_schedules(schedules: Mapping[str, Schedule], path: str | os.PathLike[str], title: str = "") -> Path:
    """Draw several schedules side by side into a file, each under its name."""
    return write(beside({name: describe_schedule(item) for name, item in schedules.items()}, title), path)
