"""Puts kernels of draws into the one kernel that reads them.

    kernel 0: %u[i,j] = uniform(%key[], i, j, 8)               kernel 0:
    kernel 1: %m = lt(%u, 0.5)                                     %h[i,j] = sum[k:8] %x[i,k] * %w[k,j]
    kernel 2:                                           ->         %u[i,j] = uniform(%key[], i, j, 8)
        %h[i,j] = sum[k:8] %x[i,k] * %w[k,j]                       %m = lt(%u, 0.5)
        %y = where(%m, %h, 0.0)                                    %y = where(%m, %h, 0.0)

A draw reads no memory, so it can be made wherever its reader is: behind a contraction, too, which other
passes have scheduled with the maps of its value. Nothing is computed twice: what two kernels read is left.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace

from compiler.analysis.draws import draws_of
from compiler.analysis.partition import Partition
from compiler.ir.node import Node
from compiler.ir.op import Trait
from compiler.pipeline.contract import Action, ByValue, Report
from compiler.rewrite.refusal import Reason, Refusal
from compiler.schedule.frame import called, check_member
from compiler.schedule.schedule import Kernel, Schedule
from compiler.schedule.target import Target
from compiler.schedule.verify import MOST_MEMBERS


@dataclass(frozen=True, slots=True, eq=False)
class FuseDraws(ByValue):
    """Joins draws with what alone reads them, to kernels of at most `most_members` nodes."""

    most_members: int = MOST_MEMBERS

    @property
    def name(self) -> str:
        return "fuse_draws"

    def schedule(self, schedule: Schedule, target: Target) -> tuple[Schedule, Report]:
        """The fused schedule; a schedule in place stays as it is."""
        draws = set(draws_of(schedule.graph) if target.fuses else ()).difference(schedule.graph.results)
        marked = tuple(node for kernel in schedule.kernels for node in kernel.in_place)
        if draws and marked:
            sentence = "fusion moves kernels, and those in place run after the last reader of their memory"
            return schedule, Report(refusals=(Refusal(Reason.ORDER_IS_FIXED, marked, sentence),))
        return fuse_draws(schedule, draws, self.most_members)


def fuse_draws(
    schedule: Schedule, draws: Set[Node], most_members: int = MOST_MEMBERS
) -> tuple[Schedule, Report]:
    """The schedule in which kernels of `draws`, none a result, are part of the one kernel that reads them."""
    groups = Partition(schedule.graph, [kernel.members for kernel in schedule.kernels])
    made = dict(enumerate(schedule.kernels))
    actions: list[Action] = []
    refusals: list[Refusal] = []
    for kernel in reversed(schedule.kernels):
        reader = _only_reader(groups, kernel, draws)
        if reader is None:
            continue
        found = _joined(kernel, made[reader], most_members)
        if isinstance(found, Refusal):
            refusals.append(found)
            continue
        head = made[reader].members[0]
        sentence = f"{called(kernel.members[-1])} is drawn in the kernel of {called(head)}"
        actions.append(Action(kernel.members, sentence))
        del made[reader], made[groups.group_of[kernel.members[0]]]
        made[groups.merge(groups.group_of[kernel.members[0]], reader)] = found
    if not actions:
        return schedule, Report(refusals=tuple(refusals))
    kernels = tuple(made[groups.group_of[members[0]]] for members in groups.in_order())
    return replace(schedule, kernels=kernels), Report(tuple(actions), tuple(refusals))


def _only_reader(groups: Partition, kernel: Kernel, draws: Set[Node]) -> int | None:
    """The number of the one group that reads a kernel of draws."""
    if not all(node in draws for node in kernel.members):
        return None
    users = {user for node in kernel.members for user in groups.graph.users[node]}
    found = {groups.group_of[user] for user in users.difference(kernel.members)}
    return found.pop() if len(found) == 1 else None


def _joined(draws: Kernel, reader: Kernel, most_members: int) -> Kernel | Refusal:
    """The draws behind the contraction that heads their reader, or before all of it."""
    head, *others = reader.members
    first = [head] if head.op.has(Trait.CONTRACTION) and check_member(head) is not None else []
    members = (*first, *draws.members, *others) if first else (*draws.members, *reader.members)
    if len(members) > most_members:
        sentence = f"{called(draws.members[-1])} and its reader would make more than {most_members} members"
        return Refusal(Reason.TOO_MANY_MEMBERS, (draws.members[-1], head), sentence)
    kernel = Kernel(members)
    return kernel.nest if isinstance(kernel.nest, Refusal) else kernel
