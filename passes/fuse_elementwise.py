"""Joins maps and reductions into kernels with one loop nest.

What passes between the members of a kernel is never written to memory. Groups are convex, may have several
outputs, reach through broadcasting and into trailing reductions, and around reductions of rows, so softmax
is one kernel:

    kernel 0: %m[i,_] = max[j:10] %x[i,j]                  kernel 0:
    kernel 1: %e = shifted_exp(%x, %m)                         %m[i,_] = max[j:10] %x[i,j]
    kernel 2: %s[i,_] = sum[j:10] %e[i,j]          ->          %e = shifted_exp(%x, %m)
    kernel 3: %y = div(%e, %s)                                 %s[i,_] = sum[j:10] %e[i,j]
                                                               %y = div(%e, %s)

Greedy, in creation order: each node is joined with the groups of its operands, then with the group that last
read the same operand; edges at which the loops differed are tried once more at the end. Nothing is computed
twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from compiler.analysis.cost import is_at_most
from compiler.analysis.partition import Partition
from compiler.ir.dims import Extent, product
from compiler.ir.node import Node
from compiler.ir.op import MapReduce, Reducer, Trait
from compiler.pipeline.contract import Action, ByValue, Report
from compiler.rewrite.refusal import Reason, Refusal
from compiler.schedule.frame import Frame, called, check_member, frame_of, join, map_reduce, shares_operand
from compiler.schedule.schedule import Kernel, Schedule
from compiler.schedule.target import Target
from compiler.schedule.verify import MOST_MEMBERS

SMALL: Final = 1 << 15
"""Elements of a loop nest that stays whole in the second-level cache: any order of its loops will do."""

LONGEST_ROW: Final = 1 << 16
"""Elements of a row, or of the accumulators of a trailing reduction, that stay in the cache."""


@dataclass(frozen=True, slots=True, eq=False)
class FuseElementwise(ByValue):
    """Joins maps and reductions into kernels of at most `most_members` nodes."""

    most_members: int = MOST_MEMBERS

    @property
    def name(self) -> str:
        return "fuse_elementwise"

    def schedule(self, schedule: Schedule, target: Target) -> tuple[Schedule, Report]:
        """The fused schedule. Kernels that another pass fused stay as they are; a schedule in place does."""
        if not target.fuses:
            sentence = "the backend runs one node at a time"
            return schedule, Report(refusals=(Refusal(Reason.TARGET_CANNOT, (), sentence),))
        marked = tuple(node for kernel in schedule.kernels for node in kernel.in_place)
        if marked:
            sentence = "fusion moves kernels, and those in place run after the last reader of their memory"
            return schedule, Report(refusals=(Refusal(Reason.ORDER_IS_FIXED, marked, sentence),))
        return fuse_elementwise(
            schedule, self.most_members, searches=target.fuses_searches, gathers=target.fuses_gathers
        )


def fuse_elementwise(
    schedule: Schedule, most_members: int = MOST_MEMBERS, *, searches: bool = True, gathers: bool = True
) -> tuple[Schedule, Report]:
    """The fused schedule, with an action a fused kernel and a refusal an edge that was left as it was.

    Without `searches` an argmax or argmin is joined only where it runs over the columns or the innermost
    loop, and without `gathers` a gather with nothing.
    """
    fusion = _Fusion(schedule, most_members, searches=searches, gathers=gathers)
    for node in schedule.graph.nodes:
        if not node.op.has(Trait.LEAF):
            fusion.visit(node)
    fusion.revisit()
    return fusion.finish()


class _Fusion:
    """The groups so far. `frames` holds those that may still grow, `searching` the searches to look after."""

    def __init__(
        self, schedule: Schedule, most_members: int, *, searches: bool = True, gathers: bool = True
    ) -> None:
        self.old, self.gathers = schedule, gathers
        nodes = () if searches else schedule.graph.nodes
        self.searching = [node for node in nodes if _is_search(node)]
        self.most_members = most_members
        self.groups = Partition(schedule.graph, [kernel.members for kernel in schedule.kernels])
        self.frames: dict[int, Frame] = {
            number: frame_of(kernel.members[0])
            for number, kernel in enumerate(schedule.kernels)
            if len(kernel.members) == 1 and not kernel.in_place and self._may_grow(kernel.members[0])
        }
        self.reader: dict[Node, Node] = {}
        self.refusals: dict[tuple[Node, Node], Refusal] = {}

    def _may_grow(self, node: Node) -> bool:
        return check_member(node) is None and (self.gathers or not node.op.has(Trait.LAYOUT))

    def visit(self, node: Node) -> None:
        """Joins a node with its operands' groups, then with the group that last read the same operand."""
        for operand in dict.fromkeys(node.operands):
            if not operand.op.has(Trait.LEAF):
                self._consider(operand, node)
        for operand in dict.fromkeys(node.operands):
            last = self.reader.get(operand)
            if last is not None and shares_operand(last, node, operand):
                self._join(last, node)
            self.reader[operand] = node

    def revisit(self) -> None:
        """Tries the edges again at which loops differed: a group may have become one over rows since."""
        for (maker, reader), refusal in self.refusals.items():
            if refusal.reason is Reason.OTHER_LOOPS:
                self.refusals[maker, reader] = self._join(maker, reader) or refusal

    def _consider(self, maker: Node, reader: Node) -> None:
        refusal = self._join(maker, reader)
        if refusal is not None:
            self.refusals[maker, reader] = refusal

    def _join(self, first: Node, second: Node) -> Refusal | None:
        left, right = self.groups.group_of[first], self.groups.group_of[second]
        if left == right:
            return None
        if left not in self.frames or right not in self.frames:
            return self._why_fixed(first, second)
        if len(self.groups.members[left]) + len(self.groups.members[right]) > self.most_members:
            sentence = (
                f"{called(first)} and {called(second)} would make more than {self.most_members} members"
            )
            return Refusal(Reason.TOO_MANY_MEMBERS, (first, second), sentence)
        frame = join(self.frames[left], self.frames[right])
        if isinstance(frame, Refusal):
            return frame
        refusal = self._not_searched(frame) or self._not_faster(frame, self.frames[left], self.frames[right])
        if refusal is not None:
            return refusal
        if not self.groups.may_merge(left, right):
            sentence = f"between {called(first)} and {called(second)} other kernels run, or may run"
            return Refusal(Reason.NOT_CONVEX, (first, second), sentence)
        del self.frames[left], self.frames[right]
        self.frames[self.groups.merge(left, right)] = frame
        return None

    def _why_fixed(self, first: Node, second: Node) -> Refusal:
        refusal = check_member(first) or check_member(second)
        if refusal is not None:
            return refusal
        for node in (first, second):
            if not self._may_grow(node):
                sentence = f"{called(node)} moves elements, which the backend does alone"
                return Refusal(Reason.TARGET_CANNOT, (node,), sentence)
        sentence = f"another pass has scheduled {called(first)} or {called(second)}"
        return Refusal(Reason.SCHEDULED, (first, second), sentence)

    def _not_searched(self, frame: Frame) -> Refusal | None:
        """Why the target cannot run a search in the joined loops."""
        for node in self.searching:
            if node not in frame.placement:
                continue
            place = frame.placement[node]
            reduced = [loop for k in map_reduce(node).reduced if (loop := place[k]) is not None]
            if reduced != (sorted(frame.columns) or [len(frame.loops) - 1]):
                sentence = (
                    f"{called(node)} looks along other loops than a row's, which the backend does alone"
                )
                return Refusal(Reason.TARGET_CANNOT, (node,), sentence)
        return None

    def _not_faster(self, frame: Frame, left: Frame, right: Frame) -> Refusal | None:
        """Why the joined loops would be slower than two nests."""
        if is_at_most(product(frame.loops), SMALL):
            return None
        moved = min(left.placement, right.placement, key=len)
        is_other_row = frame.columns not in (left.columns, right.columns)
        if len(frame.placement) == 2 or is_other_row or (not frame.short and (left.short or right.short)):
            moved = frame.placement  # nobody has looked at these loops yet
        sentence = _slow_rows(frame) if frame.columns else ""
        for node in moved:
            sentence = sentence or _slow_sums(node, frame)
        node = next(iter(moved))
        return Refusal(Reason.NOT_FASTER, (node,), sentence) if sentence else None

    def finish(self) -> tuple[Schedule, Report]:
        kernels: list[Kernel] = []
        actions: list[Action] = []
        group = self.groups.group_of
        left = [
            replace(refusal, nodes=tuple(dict.fromkeys((a, b, *refusal.nodes))))
            for (a, b), refusal in self.refusals.items()
            if group[a] != group[b]
        ]
        for members in self.groups.in_order():
            if len(members) == 1 or group[members[0]] not in self.frames:
                kernels.append(self.old.kernels[group[members[0]]])
                continue
            kernel = Kernel(members)
            if isinstance(kernel.nest, Refusal):  # what backends go by
                left.append(kernel.nest)
                kernels += [Kernel((node,)) for node in members]
                continue
            actions.append(Action(members, _sentence(members)))
            kernels.append(kernel)
        if not actions:
            return self.old, Report(refusals=tuple(left))
        return replace(self.old, kernels=tuple(kernels)), Report(tuple(actions), tuple(left))


def _is_search(node: Node) -> bool:
    return isinstance(node.op, MapReduce) and node.op.reducer.is_search


def _sentence(members: Sequence[Node]) -> str:
    return f"one kernel of {len(members)} nodes, from {called(members[0])} to {called(members[-1])}"


def _slow_rows(frame: Frame) -> str:
    """Why a nest over rows would be slow: a row stays in the cache, lies in one piece, and is not alone."""
    row = product(frame.loops[loop] for loop in frame.columns)
    if len(frame.columns) == len(frame.loops):
        return f"all {row} elements would be one row, which does not stay in the cache"
    if isinstance(row, int) and row > LONGEST_ROW:
        return f"a row of {row} elements does not stay in the cache"
    if not (frame.is_contiguous or frame.short):
        return "the rows would be read with strides"
    return ""


def _slow_sums(node: Node, frame: Frame) -> str:
    """Why a trailing reduction would be slow: its accumulators must stay in the cache."""
    op = map_reduce(node)
    if op.reducer is Reducer.NONE:
        return ""
    reduced = frame.reduced_by(node)
    if reduced == frame.columns:
        return ""
    kept = [loop for loop in frame.placement[node] if loop is not None and loop not in reduced]
    inner: Extent = product(frame.loops[loop] for loop in kept if loop > min(reduced))
    if is_at_most(inner, LONGEST_ROW) or reduced == frame.short:
        return ""
    return f"the {inner} accumulators of {called(node)} do not stay in the cache"
