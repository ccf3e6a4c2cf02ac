"""The order in which a plan is executed: its kernels, and the copies before, between and behind them.

    PlanStep ::= Run(number, kernel) | Copy(value, target, source) | Release(slots)

    the commits that wait for no kernel (without kernels they come behind the copies to outputs)
    kernel 0, the commits after it, the slots that die with it
    kernel 1, ...
    the last kernel, the copies to outputs, the commits after it

The commits after one kernel are simultaneous: a value that lies in a parameter which another of them writes
is moved aside before the first of them writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from compiler.ir.node import Node
from compiler.schedule.plan import InOutput, InParameter, InSlab, Plan
from compiler.schedule.schedule import Kernel


@dataclass(frozen=True, slots=True)
class Run:
    """Kernel `number` of the schedule runs; there is nothing to do for one that is a view."""

    number: int
    kernel: Kernel


@dataclass(frozen=True, slots=True)
class Copy:
    """A value is copied, dense, to a place of its type.

    `source` is where it was moved aside; None where it is still in its own place.
    """

    value: Node
    target: InOutput | InParameter | InSlab
    source: InSlab | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """The slots hold nothing any more. Nobody has to do anything; a mode that looks for faults fills them."""

    slots: tuple[InSlab, ...]


PlanStep: TypeAlias = Run | Copy | Release


def steps_of(plan: Plan) -> Iterator[PlanStep]:
    """What a call does, in order."""
    kernels = plan.schedule.kernels
    last = len(kernels) - 1
    if kernels:
        yield from _commits(plan, -1)
    for number, kernel in enumerate(kernels):
        yield Run(number, kernel)
        if number < last:
            yield from _commits(plan, number)
            if number in plan.dying:
                yield Release(plan.dying[number])
    for item in plan.copies:
        yield Copy(item.value, InOutput(item.position))
    yield from _commits(plan, last)


def _commits(plan: Plan, after: int) -> Iterator[Copy]:
    commits = [item for item in plan.commits if item.after == after]
    for item in commits:
        if item.through is not None:
            yield Copy(item.value, item.through)
    for item in commits:
        yield Copy(item.value, InParameter(item.parameter), item.through)
