"""Partitions of a graph into groups that stay convex: no path leaves a group and comes back.

Two groups may merge if no path leads from one to the other through a third. The search goes from both ends at
once and gives up after `LIMIT` steps; what it cannot settle counts as a path, so the work is linear in the
graph.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from compiler.ir.graph import Graph
from compiler.ir.node import Node

LIMIT: Final = 96
"""The most steps of one search."""


class Partition:
    """Groups of the nodes that are no leaves, by number. `visits` counts the steps of all searches."""

    def __init__(self, graph: Graph, groups: Sequence[Sequence[Node]]) -> None:
        self.graph = graph
        self.members: dict[int, list[Node]] = {number: list(group) for number, group in enumerate(groups)}
        self.group_of = {node: number for number, group in self.members.items() for node in group}
        self.visits = 0
        self._place = {node: position for position, node in enumerate(graph.nodes)}
        self._is_fresh = all(len(group) == 1 for group in groups)
        self._horizon = len(graph.nodes)

    def reach(self, node: Node) -> None:
        """Says that no later node has been merged yet: nodes behind it lead to no group that has."""
        if self._is_fresh:
            self._horizon = self._place[node]

    def merge(self, left: int, right: int) -> int:
        """Moves the smaller group into the larger, whose number it returns."""
        if len(self.members[left]) < len(self.members[right]):
            left, right = right, left
        moved = self.members.pop(right)
        self.members[left].extend(moved)
        self.group_of.update(dict.fromkeys(moved, left))
        return left

    def may_merge(self, left: int, right: int) -> bool:
        """Whether it is certain that no path leads from one group to the other through a third."""
        return not self._is_passed(left, right) and not self._is_passed(right, left)

    def in_order(self) -> list[tuple[Node, ...]]:
        """The groups, each after those that it reads, else in creation order; so are their members."""
        place, self._horizon = self._place, len(self.graph.nodes)
        first = {number: min(place[node] for node in group) for number, group in self.members.items()}
        missing = {number: len(set(self._before(number)) - {number}) for number in self.members}
        ready = [(first[number], number) for number, count in missing.items() if count == 0]
        heapq.heapify(ready)
        found: list[tuple[Node, ...]] = []
        while ready:
            _, number = heapq.heappop(ready)
            found.append(tuple(sorted(self.members[number], key=place.__getitem__)))
            for user in set(self._behind(number)) - {number}:
                missing[user] -= 1
                if missing[user] == 0:
                    heapq.heappush(ready, (first[user], user))
        return found

    def _behind(self, number: int) -> Iterator[int]:
        for node in self.members[number]:
            for user in self.graph.users[node]:
                if self._place[user] > self._horizon:
                    break
                yield self.group_of[user]

    def _before(self, number: int) -> Iterator[int]:
        for node in self.members[number]:
            for operand in node.operands:
                if operand in self.group_of:
                    yield self.group_of[operand]

    def _is_passed(self, start: int, end: int) -> bool:
        """Whether a path from `start` to `end` passes a third group, or none could be ruled out."""
        ahead, behind = _Front(start, end, self._behind), _Front(end, start, self._before)
        small, large = ahead, behind
        if len(self.members[start]) > len(self.members[end]):
            small, large = behind, ahead
        steps = 0
        while ahead.pending and behind.pending:
            front = small if small.is_new or len(small.pending) <= len(large.pending) else large
            for group in front.expand():
                steps += 1
                if group == front.goal or (group in ahead.seen and group in behind.seen):
                    return self._settled(steps, True)
                if steps > LIMIT:
                    return self._settled(steps, True)
        return self._settled(steps, False)

    def _settled(self, steps: int, answer: bool) -> bool:
        self.visits += steps
        return answer


class _Front:
    """One end of a search: groups seen, and those whose neighbours are still to be looked at."""

    def __init__(self, start: int, goal: int, step: Callable[[int], Iterable[int]]) -> None:
        self.start, self.goal, self.step = start, goal, step
        self.seen: set[int] = set()
        self.pending: deque[int] = deque([start])
        self.is_new = True

    def expand(self) -> Iterator[int]:
        """The neighbours of the group that waits longest. From the start itself the goal is no detour."""
        group, self.is_new = self.pending.popleft(), False
        for other in self.step(group):
            if other != self.goal and other != self.start and other not in self.seen:
                self.seen.add(other)
                self.pending.append(other)
            if other != self.start and not (group == self.start and other == self.goal):
                yield other
