"""Lets kernels write results over operands that nobody needs any more.

    kernel 0: %h = mul(%x, %x) : f32[n]                     kernel 0: %h = mul(%x, %x) : f32[n]
    kernel 1: %y = relu(%h) : f32[n]               ->       kernel 1: %y = relu_(%h) : f32[n]  # over %h
    kernel 2: %z[] = sum[i:n] %y[i] : f32[]                 kernel 2: %z[] = sum[i:n] %y[i] : f32[]

What a backend may rely on, and must do: it evaluates the members of a kernel tile by tile (a tile of a
kernel with columns is a number of whole rows), in order inside a tile, and each member once, or again in a
later pass over the same row. So a result may take an operand's buffer only if every access to that buffer in
the kernel, by any name, has exactly the result's index map, and comes no later than the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from compiler.analysis.memory import is_dense, may_fail, owners
from compiler.ir.node import Node
from compiler.ir.op import Input, MapReduce, Reducer, Trait
from compiler.pipeline.contract import Action, ByValue, Report
from compiler.rewrite.refusal import Reason, Refusal
from compiler.schedule.frame import called
from compiler.schedule.nest import Nest
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
    lives = _Lives.of(schedule)
    kernels: list[Kernel] = []
    actions: list[Action] = []
    refusals: list[Refusal] = []
    for place, kernel in enumerate(schedule.kernels):
        marks = dict(kernel.in_place)
        for found in _decide(place, kernel, schedule, lives):
            if isinstance(found, Refusal):
                refusals.append(found)
            else:
                marks[found.result] = found.operand
                sentence = f"{called(found.result)} is written over {called(found.operand)}"
                actions.append(Action((found.result, found.operand), sentence))
        kernels.append(kernel.marked(marks) if marks else kernel)
    report = Report(tuple(actions), tuple(refusals))
    return (replace(schedule, kernels=tuple(kernels)) if actions else schedule), report


@dataclass(frozen=True, slots=True)
class _Lives:
    """How long each buffer is needed, by its owner."""

    owner: dict[Node, Node]
    last_read: dict[Node, int]
    returned: frozenset[Node]
    committed: frozenset[Node]
    last_failure: int
    """The position of the last kernel that may raise."""

    @classmethod
    def of(cls, schedule: Schedule) -> _Lives:
        graph, owner = schedule.graph, owners(schedule.graph)
        last_read: dict[Node, int] = {}
        last_failure = -1
        for place, kernel in enumerate(schedule.kernels):
            last_read.update((owner[operand], place) for operand in kernel.operands)
            if any(may_fail(node.op) for node in kernel.members):
                last_failure = place
        returned = frozenset(owner[node] for node in graph.outputs)
        committed = frozenset(owner[value] for _, value in graph.updates)
        return cls(owner, last_read, returned, committed, last_failure)


@dataclass(frozen=True, slots=True)
class _Mark:
    result: Node
    operand: Node


@dataclass(frozen=True, slots=True)
class _Site:
    """One result of one kernel, for which an operand is sought."""

    place: int
    kernel: Kernel
    nest: Nest
    result: Node
    taken: frozenset[Node]
    """The owners of buffers that other results of the kernel are written over."""
    schedule: Schedule
    lives: _Lives


def _decide(place: int, kernel: Kernel, schedule: Schedule, lives: _Lives) -> Iterator[_Mark | Refusal]:
    if kernel.members[0].op.has(Trait.VIEW):
        return
    nest = kernel.nest
    if isinstance(nest, Refusal):
        yield nest
        return
    taken = {lives.owner[operand] for operand in kernel.in_place.values()}
    for result in schedule.outputs(kernel):
        if result in kernel.in_place or not kernel.operands:
            continue
        found = _operand_for(_Site(place, kernel, nest, result, frozenset(taken), schedule, lives))
        if isinstance(found, _Mark):
            taken.add(lives.owner[found.operand])
        yield found


def _operand_for(site: _Site) -> _Mark | Refusal:
    """The first operand that fits, or why the one that came nearest does not."""
    refusal = _result_must_stand_alone(site)
    if refusal is not None:
        return refusal
    nearest: tuple[int, Refusal] | None = None
    for operand in site.kernel.operands:
        distance, refusal = _first_failure(site, operand)
        if refusal is None:
            return _Mark(site.result, operand)
        if nearest is None or distance > nearest[0]:
            nearest = distance, refusal
    assert nearest is not None
    return nearest[1]


def _result_must_stand_alone(site: _Site) -> Refusal | None:
    result = site.result
    if result.type.size == 0:
        return Refusal(Reason.NO_ELEMENTS, (result,), f"{called(result)} has no elements to write")
    if result in site.lives.returned:
        sentence = f"{called(result)} is returned, in an array of its own"
        return Refusal(Reason.RETURNED, (result,), sentence)
    if result in site.lives.committed:
        sentence = f"{called(result)} updates a parameter, whose buffer it is written to"
        return Refusal(Reason.OUTLIVES_THE_CALL, (result,), sentence)
    if isinstance(result.op, MapReduce) and result.op.reducer is not Reducer.NONE:
        sentence = f"{called(result)} is accumulated while operands are still read"
        return Refusal(Reason.ACCUMULATED, (result,), sentence)
    return None


Check: TypeAlias = Callable[[_Site, Node], tuple[Reason, str] | None]


def _first_failure(site: _Site, operand: Node) -> tuple[int, Refusal | None]:
    for distance, check in enumerate(CHECKS):
        found = check(site, operand)
        if found is not None:
            reason, sentence = found
            return distance, Refusal(reason, (site.result, operand), sentence)
    return len(CHECKS), None


def _fits(site: _Site, operand: Node) -> tuple[Reason, str] | None:
    result = site.result
    fits = operand.type.size == result.type.size and operand.type.dtype.size == result.type.dtype.size
    if not fits:
        sizes = f"{called(operand)} is {operand.type} and {called(result)} {result.type}"
        return Reason.NOT_DENSE, f"{sizes}: another number of bytes"
    return None if is_dense(operand) else (Reason.NOT_DENSE, f"{called(operand)} is not dense")


def _is_ours(site: _Site, operand: Node) -> tuple[Reason, str] | None:
    owner = site.lives.owner[operand]
    if not owner.op.has(Trait.LEAF):
        return None
    if not isinstance(owner.op, Input):
        return Reason.OUTLIVES_THE_CALL, f"{called(owner)} is read by the next call too"
    if owner not in site.schedule.donated:
        return Reason.CALLER_OWNS_IT, f"{called(owner)} belongs to the caller, who has not donated it"
    if site.lives.last_failure > site.place:
        return Reason.MAY_FAIL, f"the call may still fail, and then {called(owner)} must be unharmed"
    return None


def _is_kept(site: _Site, operand: Node) -> tuple[Reason, str] | None:
    owner = site.lives.owner[operand]
    if owner in site.lives.returned:
        return Reason.RETURNED, f"{called(operand)} is returned"
    if owner in site.lives.committed:
        return Reason.OUTLIVES_THE_CALL, f"{called(operand)} updates a parameter"
    return None


def _is_read_later(site: _Site, operand: Node) -> tuple[Reason, str] | None:
    owner = site.lives.owner[operand]
    last = site.lives.last_read[owner]
    if last == site.place:
        return None
    return Reason.READ_LATER, f"kernel {last} reads {called(operand)}"


def _is_taken(site: _Site, operand: Node) -> tuple[Reason, str] | None:
    if site.lives.owner[operand] not in site.taken:
        return None
    return Reason.TAKEN, f"another result of the kernel is written over {called(operand)}"


def _is_read_elsewhere(site: _Site, operand: Node) -> tuple[Reason, str] | None:
    """The accesses to the buffer: each at the result's own place, and none after the result is written."""
    nest, result, owner = site.nest, site.result, site.lives.owner
    if not _is_in_last_pass(site.kernel.members, nest, result):
        return Reason.READ_LATER, f"the kernel walks its rows again after {called(result)} is written"
    target = _named(nest.axes_of(result))
    is_written = False
    for member in site.kernel.members:
        for read, axes in zip(member.operands, nest.accesses_of(member), strict=True):
            if owner[read] is not owner[operand]:
                continue
            is_other_span = nest.is_row_value(result) and bool(_loops(nest, member) & set(nest.columns))
            if read is not operand or _named(axes) != target or is_other_span:
                return Reason.OTHER_INDEX, f"{called(member)} reads the buffer of {called(operand)} elsewhere"
            if is_written:
                return Reason.READ_LATER, f"{called(member)} reads {called(operand)} after {called(result)}"
        is_written = is_written or member is result
    return None


def _named(axes: Sequence[int | None]) -> list[int]:
    return [axis for axis in axes if axis is not None]


def _loops(nest: Nest, node: Node) -> set[int]:
    return set(_named(nest.placement[node]))


def _is_in_last_pass(members: Sequence[Node], nest: Nest, result: Node) -> bool:
    """Whether no pass over the row follows the one in which a result is written. Row values have no pass."""
    if not nest.columns or nest.is_row_value(result):
        return True
    passes: dict[Node, int] = {}
    for node in members:
        before = [passes[item] + _reduces_row(nest, item) for item in node.operands if item in passes]
        passes[node] = max(before, default=0)
    walks = [passes[node] for node in members if _loops(nest, node) & set(nest.columns)]
    return passes[result] == max(walks)


def _reduces_row(nest: Nest, node: Node) -> bool:
    assert isinstance(node.op, MapReduce)
    return bool(nest.reduced_by(node))


CHECKS: Final[tuple[Check, ...]] = (_fits, _is_ours, _is_kept, _is_read_later, _is_taken, _is_read_elsewhere)
"""What an operand must pass, in this order; the refusal shown is of the operand that got furthest."""
