"""Kernels by whatever a person has of them: the kernel, its name or number, or a value that it computes."""

from __future__ import annotations

import operator
import re
from typing import Any, Final

from compiler.errors import ArgumentError
from compiler.ir.finding import find_value, image
from compiler.ir.node import Node
from compiler.schedule.schedule import Kernel, Schedule

_NAME: Final = re.compile(r"kernel (\d{1,9})", re.ASCII)
"""What schedules, tables and pictures call a kernel."""


def find(schedule: Schedule, what: Any) -> Node | int:
    """A value, as `find_value` has it, or the number of a kernel that is given itself or by name."""
    if isinstance(what, Kernel) or (isinstance(what, str) and _NAME.fullmatch(what)):
        return find_kernel(schedule, what)
    return find_value(schedule.graph, what)


def find_kernel(schedule: Schedule, what: Any) -> int:
    """The number of a kernel: of what is given itself, by name or by number, or computes the value given.

    Raises ArgumentError where the schedule has no such kernel, or none computes the value.
    """
    number = _number(schedule, what)
    if number is None:
        return _computing(schedule, find_value(schedule.graph, what))
    if not 0 <= number < len(schedule.kernels):
        raise ArgumentError(
            f"no kernel {what!r}; give one of program.schedule.kernels, or 0 to {len(schedule.kernels) - 1}"
        )
    return number


def _number(schedule: Schedule, what: Any) -> int | None:
    """The number that stands for a kernel, -1 for one of another schedule; None for what is no kernel."""
    if isinstance(what, Kernel):
        return next((place for place, item in enumerate(schedule.kernels) if item is what), -1)
    if isinstance(what, str):
        match = _NAME.fullmatch(what)
        return int(match[1]) if match else None
    try:
        return operator.index(what)
    except TypeError:
        return None


def _computing(schedule: Schedule, node: Node) -> int:
    now = image(schedule.graph, node)
    if now in schedule.kernel_of:
        return schedule.kernel_of[now]
    names = schedule.graph.names
    why = "is in the rewritten graph no more" if now is None else f"is given, as {now.op.name}"
    raise ArgumentError(f"no kernel computes {names.describe(node)}\n  it {why}: see program.why")
