"""Lets kernels write results over operands that nobody needs any more.

    kernel 0: %h = mul(%x, %x) : f32[n]                     kernel 0: %h = mul(%x, %x) : f32[n]
    kernel 1: %y = relu(%h) : f32[n]               ->       kernel 1: %y = relu_(%h) : f32[n]  # over %h
    kernel 2: %z[] = sum[i:n] %y[i] : f32[]                 kernel 2: %z[] = sum[i:n] %y[i] : f32[]

Whether a result may be written over an operand is decided by the one rule that the planner asks too
(`compiler.schedule.overwriting`); which operand it takes, and which results are worth it, is decided here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from compiler.analysis.liveness import liveness_of
from compiler.ir.node import Node
from compiler.ir.op import Trait
from compiler.pipeline.contract import Action, ByValue, Report
from compiler.rewrite.refusal import Reason, Refusal
from compiler.schedule.frame import called
from compiler.schedule.lifetimes import Timeline, given_up, may_be_handed, output_copies, timeline_of
from compiler.schedule.overwriting import Overwrite, furthest_refusal
from compiler.schedule.schedule import Kernel, Schedule
from compiler.schedule.target import Target


@dataclass(frozen=True, slots=True, eq=False)
class InPlace(ByValue):
    """Marks results that are written over an operand's buffer."""

    @property
    def name(self) -> str:
        return "inplace"

    def schedule(self, schedule: Schedule, target: Target) -> tuple[Schedule, Report]:
        """The schedule with marks. Marks that it has already stay."""
        if not target.writes_in_place:
            sentence = "the backend does not write over operands"
            return schedule, Report(refusals=(Refusal(Reason.TARGET_CANNOT, (), sentence),))
        return inplace(schedule)


def inplace(schedule: Schedule) -> tuple[Schedule, Report]:
    """The schedule with marks, an action for each, and a refusal for each result that found no operand."""
    live = liveness_of(schedule.graph)
    time = timeline_of(schedule, output_copies(schedule, live)[1], live)
    kernels: list[Kernel] = []
    actions: list[Action] = []
    refusals: list[Refusal] = []
    given = given_up(schedule, live)
    for place, kernel in enumerate(schedule.kernels):
        marks = dict(kernel.in_place)
        for found in _decide(place, kernel, schedule, time, given):
            if isinstance(found, Refusal):
                refusals.append(found)
            else:
                marks[found.result] = found.operand
                owner = live.owners[found.operand]
                if given.get(owner, owner) in schedule.donated:
                    given[found.result] = given.get(owner, owner)
                sentence = f"{called(found.result)} is written over {called(found.operand)}"
                actions.append(Action((found.result, found.operand), sentence))
        kernels.append(kernel.marked(marks) if marks else kernel)
    report = Report(tuple(actions), tuple(refusals))
    return (replace(schedule, kernels=tuple(kernels)) if actions else schedule), report


@dataclass(frozen=True, slots=True)
class _Mark:
    result: Node
    operand: Node


def _decide(
    place: int, kernel: Kernel, schedule: Schedule, time: Timeline, given: Mapping[Node, Node]
) -> Iterator[_Mark | Refusal]:
    if kernel.members[0].op.has(Trait.VIEW):
        return
    op = kernel.members[0].op
    if isinstance(kernel.nest, Refusal) and not (op.has(Trait.PREFIX) or op.has(Trait.UPDATE)):
        yield kernel.nest
        return
    taken = {time.live.owners[operand] for operand in kernel.in_place.values()}
    for result in schedule.outputs(kernel):
        if result in kernel.in_place or not kernel.operands:
            continue
        operands = kernel.operands
        if result in time.returned:
            operands = _handing(result, kernel, schedule, time, given)
        asked = [Overwrite(schedule, time, place, result, operand, taken) for operand in operands]
        found = _not_worth_it(result, time, asked) or _first_that_fits(asked)
        if isinstance(found, _Mark):
            taken.add(time.live.owners[found.operand])
        yield found


def _handing(
    result: Node, kernel: Kernel, schedule: Schedule, time: Timeline, given: Mapping[Node, Node]
) -> tuple[Node, ...]:
    """The operands in arrays of the caller that could be handed back with a returned result in them."""
    if result not in schedule.graph.outputs:
        return ()
    owners = {operand: time.live.owners[operand] for operand in kernel.operands}
    roots = {operand: given.get(owner, owner) for operand, owner in owners.items()}
    return tuple(x for x, root in roots.items() if root in schedule.donated and may_be_handed(result, root))


def _not_worth_it(result: Node, time: Timeline, asked: Sequence[Overwrite]) -> Refusal | None:
    """Why a result needs no memory that another gives up."""
    if result.type.size == 0:
        return Refusal(Reason.NO_ELEMENTS, (result,), f"{called(result)} has no elements to write")
    if result in time.returned and not asked:
        sentence = f"{called(result)} is returned, in an array of its own"
        return Refusal(Reason.RETURNED, (result,), sentence)
    if result in time.committed:
        sentence = f"{called(result)} updates a parameter, whose buffer it is written to"
        return Refusal(Reason.OUTLIVES_THE_CALL, (result,), sentence)
    return None


def _first_that_fits(asked: list[Overwrite]) -> _Mark | Refusal:
    """The first operand that a result may be written over, or why the one that came nearest is not."""
    nearest: tuple[int, Refusal] | None = None
    for question in asked:
        passed, refusal = furthest_refusal(question)
        if refusal is None:
            return _Mark(question.result, question.operand)
        if nearest is None or passed > nearest[0]:
            nearest = passed, refusal
    assert nearest is not None
    return nearest[1]
