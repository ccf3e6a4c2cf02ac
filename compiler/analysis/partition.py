"""Partitions of a graph into groups that stay convex: no path leaves a group and comes back.

Two groups may merge if no path leads from one to the other through a third. The search goes from both ends at
once and gives up after `LIMIT` steps; what it cannot settle counts as a path, so the work is linear in the
graph.

Edges lead forward in creation order, and a path goes back only inside a group: from a member that reads other
groups to an earlier one that others read. Such a group bridges the gaps between the two, and beyond a gap
that no group bridges nothing has to be searched.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from compiler.ir.graph import Graph
from compiler.ir.node import Node

LIMIT: Final = 96
"""The most steps of one search."""

_NEAR: Final = 16
"""Gaps that are looked at for one that no group bridges."""


class Partition:
    """Groups of the nodes that are no leaves, by number. `visits` counts the steps of all searches."""

    def __init__(self, graph: Graph, groups: Sequence[Sequence[Node]]) -> None:
        self.graph = graph
        self.members: dict[int, list[Node]] = {number: list(group) for number, group in enumerate(groups)}
        self.group_of = {node: number for number, group in self.members.items() for node in group}
        self.visits = 0
        self._place = {node: position for position, node in enumerate(graph.nodes)}
        self._doors: dict[int, _Doors] = {}
        self._bridges = np.zeros(len(graph.nodes), np.int32)
        """How many groups bridge the gap behind each place."""
        for number, group in self.members.items():
            self._open(number, group, group)

    def merge(self, left: int, right: int) -> int:
        """Moves the smaller group into the larger, whose number it returns."""
        if len(self.members[left]) < len(self.members[right]):
            left, right = right, left
        moved = self.members.pop(right)
        self.members[left].extend(moved)
        self.group_of.update(dict.fromkeys(moved, left))
        doors = [self._doors.pop(left), self._doors.pop(right)]
        for item in doors:
            self._bridges[item.bridged] -= 1
        self._open(
            left, *([*getattr(doors[0], way), *getattr(doors[1], way)] for way in ("entries", "exits"))
        )
        return left

    def _open(self, number: int, entries: Sequence[Node], exits: Sequence[Node]) -> None:
        """Notes which of some members of a group read other groups, and which are read by others."""
        group, place = self.group_of, self._place
        entries = [node for node in entries if any(group.get(x, number) != number for x in node.operands)]
        exits = [node for node in exits if any(group[user] != number for user in self.graph.users[node])]
        last = max((place[node] for node in entries), default=-1)
        first = min((place[node] for node in exits), default=len(place))
        self._doors[number] = found = _Doors(entries, exits, last, first)
        self._bridges[found.bridged] += 1

    def may_merge(self, left: int, right: int) -> bool:
        """Whether it is certain that no path leads from one group to the other through a third."""
        return not self._is_passed(left, right) and not self._is_passed(right, left)

    def in_order(self) -> list[tuple[Node, ...]]:
        """The groups, each after those that it reads, else in creation order; so are their members."""
        place = self._place
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
                yield self.group_of[user]

    def _before(self, number: int) -> Iterator[int]:
        for node in self.members[number]:
            for operand in node.operands:
                if operand in self.group_of:
                    yield self.group_of[operand]

    def _is_passed(self, start: int, end: int) -> bool:
        """Whether a path from `start` to `end` passes a third group, or none could be ruled out."""
        floor, ceiling = self._floor(start, end), self._ceiling(start, end)
        ahead = _Front(start, end, self._behind, lambda group: self._doors[group].first > ceiling)
        behind = _Front(end, start, self._before, lambda group: self._doors[group].last <= floor)
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

    def _ceiling(self, start: int, end: int) -> int:
        """A gap behind which no group that lacks an earlier way out leads back to `end`."""
        lowest = max(0, self._doors[end].last)
        for gap in range(lowest, min(lowest + _NEAR, len(self._bridges))):
            if self._bridges[gap] == self._doors[start].bridges(gap):
                return gap
        return len(self._bridges)

    def _floor(self, start: int, end: int) -> int:
        """A gap before which no group that lacks a later way in is reached from `start`."""
        highest = self._doors[start].first - 1
        for gap in range(highest, max(highest - _NEAR, -1), -1):
            if self._bridges[gap] == self._doors[end].bridges(gap):
                return gap
        return -1

    def _settled(self, steps: int, answer: bool) -> bool:
        self.visits += steps
        return answer


@dataclass(frozen=True, slots=True)
class _Doors:
    """A group's members that read other groups, and those that other groups read."""

    entries: Sequence[Node]
    exits: Sequence[Node]
    last: int
    """The place of the last entry."""
    first: int
    """The place of the first exit."""

    @property
    def bridged(self) -> slice:
        """The gaps from the first way out to the last way in."""
        return slice(self.first, max(self.first, self.last))

    def bridges(self, gap: int) -> bool:
        """Whether a path may lead back over a gap inside the group."""
        return self.first <= gap < self.last


class _Front:
    """One end of a search: groups seen, and those whose neighbours are still to be looked at."""

    def __init__(
        self, start: int, goal: int, step: Callable[[int], Iterable[int]], is_beyond: Callable[[int], bool]
    ) -> None:
        self.start, self.goal, self.step, self.is_beyond = start, goal, step, is_beyond
        self.seen: set[int] = set()
        self.pending: deque[int] = deque([start])
        self.is_new = True

    def expand(self) -> Iterator[int]:
        """The neighbours of the group that waits longest. From the start itself the goal is no detour."""
        group, self.is_new = self.pending.popleft(), False
        for other in self.step(group):
            if other == self.start or (group == self.start and other == self.goal):
                continue
            if other != self.goal:
                if other in self.seen or self.is_beyond(other):
                    continue
                self.seen.add(other)
                self.pending.append(other)
            yield other
