"""Why two kernels are not one: what passes refused between them, and what stands on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from compiler.rewrite.refusal import Reason, Refusal
from compiler.schedule.nest import nest_of
from compiler.why.cause import JOINING, LISTED, Asking, Cause


class KernelCauses(Asking):
    """The question about kernels."""

    def of(self, first: int, second: int) -> list[Cause]:
        """What keeps two kernels apart: what was refused between them, or the kernels on the way."""
        refused = self._refused(first, second)
        if refused:
            return refused
        path = self._path(first, second) or self._path(second, first)
        if len(path) > 2:
            return self._between(path)
        return self._untried(first, second, is_read=bool(path))

    def _refused(self, first: int, second: int) -> list[Cause]:
        """What passes refused between members of two kernels, each reason once."""
        left, right = (set(self.schedule.kernels[k].members) for k in (first, second))
        found: dict[tuple[str, Reason], list[Refusal]] = {}
        for record, refusal in self.refusals():
            nodes = set(refusal.nodes)
            if refusal.reason in JOINING and nodes & left and nodes & right:
                found.setdefault((record.name, refusal.reason), []).append(refusal)
        causes: list[Cause] = []
        for (maker, reason), items in found.items():
            is_one = len({item.sentence for item in items}) == 1
            nodes = [node for item in items for node in item.nodes]
            causes.append(self.cause(maker, items[0].sentence if is_one else reason.value, nodes, reason))
        return causes

    def _refused_everywhere(self) -> list[Cause]:
        """What the backend cannot do at all, if no kernel has two nodes."""
        if any(len(kernel.members) > 1 for kernel in self.schedule.kernels):
            return []
        return [
            self.cause(record.name, refusal.sentence, (), refusal.reason)
            for record, refusal in self.refusals()
            if refusal.reason in JOINING and not refusal.nodes
        ]

    def _path(self, start: int, end: int) -> list[int]:
        """The fewest kernels through which one's values reach another; empty if they do not."""
        came: dict[int, int] = {start: start}
        pending = [start]
        for kernel in pending:
            if kernel == end:
                break
            for node in self.schedule.kernels[kernel].members:
                readers = (self.schedule.kernel_of[user] for user in self.graph.users[node])
                for reader in readers:
                    if reader not in came:
                        came[reader] = kernel
                        pending.append(reader)
        if end not in came:
            return []
        path = [end]
        while path[-1] != start:
            path.append(came[path[-1]])
        return path[::-1]

    def _between(self, path: Sequence[int]) -> list[Cause]:
        """The kernels on the way, and why the first of them is not joined with what it reads."""
        inner = path[1:-1]
        stored = [node for k in inner for node in self.schedule.outputs(self.schedule.kernels[k])]
        words = f"kernel{'s' * (len(inner) > 1)} {', '.join(map(str, inner))}"
        verb = "stand" if len(inner) > 1 else "stands"
        causes = [self.cause("schedule", f"{words} {verb} between them", stored[:LISTED])]
        for pair in pairwise(path):
            refused = self._refused(*pair)
            if refused:
                where = f"between kernels {pair[0]} and {pair[1]}: "
                return [*causes, *(replace(item, sentence=where + item.sentence) for item in refused)]
        return [*causes, *self._refused_everywhere()]

    def _untried(self, first: int, second: int, *, is_read: bool) -> list[Cause]:
        """Of kernels of which no pass has said anything: whether they have common loops at all."""
        kernels = [self.schedule.kernels[k] for k in (first, second)]
        common = [node for node in kernels[0].operands if node in set(kernels[1].operands)]
        if not is_read and not common:
            return [self.cause("graph", "neither is made from the other, and they read nothing in common")]
        everywhere = self._refused_everywhere()
        if everywhere:
            return everywhere
        inside = {*kernels[0].members, *kernels[1].members}
        nest = nest_of([node for node in self.graph.nodes if node in inside])
        if isinstance(nest, Refusal):
            return [self.cause("schedule", nest.sentence, nest.nodes, nest.reason)]
        what = "one reads the other" if is_read else "both read one value"
        sentence = f"{what}, but no pass that ran has tried to join them"
        return [self.cause("schedule", sentence, common[:LISTED])]
