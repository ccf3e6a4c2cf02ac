"""The laws of schedules, as data: a sentence and a check each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from compiler.ir.law import Law, enforce
from compiler.ir.node import describe
from compiler.ir.op import Trait
from compiler.schedule.schedule import Schedule

MOST_MEMBERS: Final = 64
"""The largest number of members of a kernel."""


def verify_schedule(schedule: Schedule, maker: str = "") -> None:
    """Raises LawError with the sentence of the first broken law, the place, and who made the schedule."""
    enforce(SCHEDULE_LAWS, schedule, maker)


def _each_once(schedule: Schedule) -> Iterator[str]:
    counts = Counter(node for kernel in schedule.kernels for node in kernel.members)
    for node in schedule.graph.nodes:
        if counts.pop(node, 0) != (not node.op.has(Trait.LEAF)):
            yield describe(node)
    yield from (describe(node) for node in counts)


def _operands_first(schedule: Schedule) -> Iterator[str]:
    known = {node for node in schedule.graph.nodes if node.op.has(Trait.LEAF)}
    for kernel in schedule.kernels:
        if not known.issuperset(kernel.operands):
            yield describe(kernel.members[0])
        for node in kernel.members:
            if not known.issuperset(node.operands):
                yield describe(node)
            known.add(node)


def _small(schedule: Schedule) -> Iterator[str]:
    for kernel in schedule.kernels:
        if not 1 <= len(kernel.members) <= MOST_MEMBERS:
            first = f", from {describe(kernel.members[0])}" if kernel.members else ""
            yield f"{len(kernel.members)} members{first}"


def _marks_are_known(schedule: Schedule) -> Iterator[str]:
    for kernel in schedule.kernels:
        for node, operand in kernel.in_place.items():
            if node not in kernel.members or operand not in kernel.operands:
                yield describe(node)
        if len(set(kernel.in_place.values())) != len(kernel.in_place):
            yield f"one operand gives up its buffer twice, at {describe(kernel.members[0])}"


SCHEDULE_LAWS: Final[tuple[Law[Schedule], ...]] = (
    Law("Every node that is no leaf is a member of exactly one kernel, and no other node is.", _each_once),
    Law("A kernel runs after the kernels that compute its operands, and so do its members.", _operands_first),
    Law(f"A kernel has between 1 and {MOST_MEMBERS} members.", _small),
    Law("An in-place mark names a member and an operand of its kernel, each operand once.", _marks_are_known),
)
