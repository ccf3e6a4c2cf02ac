"""Puts maps behind the contraction whose value they read, into its kernel.

    kernel 0: %h[i,j] = sum[k:64] %x[i,k] * %w[k,j]            kernel 0:
    kernel 1: %a = add(%h, %b)                          ->         %h[i,j] = sum[k:64] %x[i,k] * %w[k,j]
    kernel 2: %y = relu(%a)                                        %a = add(%h, %b)
                                                                   %y = relu(%a)

A map goes along where its value, or that of a map behind it, has to be written to memory anyway: what only
reductions and other maps read is left to them. With it go maps that do not read the contraction and that
nobody else reads, such as the moments that an update decays; not draws, which cost nothing to make elsewhere.
The contraction is the first member.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from compiler.analysis.draws import draws_of
from compiler.analysis.partition import Partition
from compiler.ir.node import Node
from compiler.ir.op import MapReduce, Trait
from compiler.pipeline.contract import Action, ByValue, Report
from compiler.rewrite.refusal import Reason, Refusal
from compiler.schedule.frame import called, check_member
from compiler.schedule.nest import Frames, Nest, nest_of
from compiler.schedule.schedule import Kernel, Schedule
from compiler.schedule.target import Target

MOST_MAPS: Final = 24
"""Maps behind one contraction: those of an update with two moments and a decay, and some."""


@dataclass(frozen=True, slots=True, eq=False)
class FuseEpilogues(ByValue):
    """Joins a contraction with at most `most_maps` maps behind it."""

    most_maps: int = MOST_MAPS

    @property
    def name(self) -> str:
        return "fuse_epilogues"

    def schedule(self, schedule: Schedule, target: Target) -> tuple[Schedule, Report]:
        """The fused schedule. Kernels that another pass fused stay as they are; a schedule in place does."""
        if not target.fuses_contractions:
            sentence = "the backend runs a contraction alone"
            return schedule, Report(refusals=(Refusal(Reason.TARGET_CANNOT, (), sentence),))
        marked = tuple(node for kernel in schedule.kernels for node in kernel.in_place)
        if marked:
            sentence = "fusion moves kernels, and those in place run after the last reader of their memory"
            return schedule, Report(refusals=(Refusal(Reason.ORDER_IS_FIXED, marked, sentence),))
        return fuse_epilogues(schedule, self.most_maps)


def fuse_epilogues(schedule: Schedule, most_maps: int = MOST_MAPS) -> tuple[Schedule, Report]:
    """The fused schedule, with an action for each contraction that took maps along."""
    groups = Partition(schedule.graph, [kernel.members for kernel in schedule.kernels])
    single = {kernel.members[0] for kernel in schedule.kernels if len(kernel.members) == 1}
    given = single.difference(draws_of(schedule.graph))
    results = set(schedule.graph.results)
    made: dict[int, Kernel] = dict(enumerate(schedule.kernels))
    actions: list[Action] = []
    nests: dict[tuple[Node, ...], Nest] = {}
    for head in schedule.graph.nodes:
        if head not in single or not head.op.has(Trait.CONTRACTION) or check_member(head) is None:
            continue
        found = _candidates(schedule, head, single, given, most_maps, nests)
        kept = _written(schedule, found, results)
        taken = _merge(groups, head, [node for node in found if node in kept])
        single.difference_update([head, *taken])
        given.difference_update(taken)
        if taken:
            kernel = Kernel((head, *taken))
            made[groups.group_of[head]] = kernel.nested(nests.get(kernel.members, kernel.nest))
            actions.append(Action(kernel.members, f"{called(head)} heads a kernel of {1 + len(taken)} nodes"))
    if not actions:
        return schedule, Report()
    kernels = tuple(made[groups.group_of[members[0]]] for members in groups.in_order())
    return replace(schedule, kernels=kernels), Report(tuple(actions))


def _candidates(
    schedule: Schedule,
    head: Node,
    single: set[Node],
    given: set[Node],
    most: int,
    nests: dict[tuple[Node, ...], Nest],
) -> list[Node]:
    """Maps that lie on the contraction's loops, each behind those that it reads. Notes their nests.

    Of those that do not read it, the ones that are `given` may go along.
    """
    users = schedule.graph.users
    found: list[Node] = []
    waiting = {node for node in users[head] if node in single}
    known: Frames = {}
    while waiting:
        node = min(waiting, key=lambda item: item.serial)
        waiting.discard(node)
        feeding = _feeding(schedule, node, given, {head, *found})
        for more in ([*feeding, node], [node]) if feeding else ([node],):
            members = (head, *found, *more)
            if len(members) <= 1 + most and isinstance(nest := _nest_of_maps(members, known), Nest):
                nests[members] = nest
                found += more
                waiting.update(user for user in users[node] if user in single and user not in found)
                break
    return found


def _nest_of_maps(members: Sequence[Node], known: Frames) -> Nest | Refusal | None:
    return nest_of(members, known) if all(node.op.has(Trait.ELEMENTWISE) for node in members[1:]) else None


def _feeding(schedule: Schedule, node: Node, single: set[Node], inside: set[Node]) -> list[Node]:
    """Maps that only a map or one of themselves reads, as large as its value, in creation order."""
    users = schedule.graph.users
    found: set[Node] = set()
    waiting = [node]
    while waiting:
        for operand in waiting.pop().operands:
            is_alone = operand in single and all(user is node or user in found for user in users[operand])
            is_map = operand.op.has(Trait.ELEMENTWISE) and operand.type.shape == node.type.shape
            if is_map and is_alone and operand not in inside and operand not in schedule.graph.results:
                found.add(operand)
                waiting.append(operand)
    return sorted(found, key=lambda item: item.serial)


def _written(schedule: Schedule, found: Sequence[Node], results: set[Node]) -> set[Node]:
    """Those whose values are written to memory in any case, and those that lead to them."""
    kept: set[Node] = set()
    for node in reversed(found):
        users = schedule.graph.users[node]
        if node in results or any(user in kept or not _may_fuse(user) for user in users):
            kept.add(node)
    return kept


def _may_fuse(user: Node) -> bool:
    return isinstance(user.op, MapReduce) and check_member(user) is None


def _merge(groups: Partition, head: Node, maps: Sequence[Node]) -> list[Node]:
    """Merges maps into the contraction's group as long as it stays convex, readers before what feeds them."""
    inside, feeding = {head}, list[Node]()
    for node in maps:
        if inside.isdisjoint(node.operands):
            feeding.append(node)
            continue
        if not groups.may_merge(groups.group_of[head], groups.group_of[node]):
            break
        for item in (node, *reversed(feeding)):
            left, right = groups.group_of[head], groups.group_of[item]
            if item is node or groups.may_merge(left, right):
                groups.merge(left, right)
                inside.add(item)
        feeding.clear()
    return [node for node in maps if node in inside]
