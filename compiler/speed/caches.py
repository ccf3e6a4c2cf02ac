"""Which cache memory comes from: the first one that holds all that was touched since it was touched last.

Mattson, Gecsei, Slutz and Traiger, "Evaluation techniques for storage hierarchies", IBM Systems Journal 9(2),
1970: of a cache from which goes what was used longest ago, only that distance decides. What a kernel touches
it touches together, element by element, so each of it is as far away as all of it.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from compiler.speed.machine import Level

SHARED: Final = 0.5
"""How much of the last cache is a program's own: other processes, and what calls return, lie in it, too."""


@dataclass(frozen=True, slots=True)
class Touch:
    """Bytes that a kernel reads or writes: `size` of them from `start` on in a memory.

    `moved` is how many bytes move for each of them: lines of a cache move whole, and again and again where
    elements are met in no order.
    """

    memory: Hashable
    start: int
    size: int
    is_write: bool = False
    moved: float = 1.0

    @property
    def stop(self) -> int:
        """Where it ends."""
        return self.start + self.size


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Bytes that were touched together with all of the same time, and not again since."""

    time: int
    memory: Hashable
    start: int
    stop: int


class Recency:
    """What was touched, the latest first."""

    def __init__(self) -> None:
        self._time = 0
        self._stretches: list[_Stretch] = []

    def touch(self, touches: Sequence[Touch]) -> list[list[tuple[float, int]]]:
        """For each touch of a kernel how far away its parts were, and their bytes; infinitely at first.

        A distance counts the bytes that were touched since, those touched together with the part among them.
        """
        found = [list(self._parts(item)) for item in touches]
        self._time += 1
        for item in touches:
            self._put(item)
        return found

    def _parts(self, item: Touch) -> Iterator[tuple[float, int]]:
        left, distance, waiting, time = item.size, 0, 0, -1
        for stretch in self._stretches:
            if stretch.time != time:
                if waiting:
                    yield distance, waiting
                if left <= 0:
                    return
                waiting, time = 0, stretch.time
            distance += stretch.stop - stretch.start
            common = _common(stretch, item)
            waiting += common
            left -= common
        if waiting:
            yield distance, waiting
        if left > 0:
            yield math.inf, left

    def _put(self, item: Touch) -> None:
        """Takes a stretch of memory out of where it was, and puts it first."""
        kept: list[_Stretch] = []
        for stretch in self._stretches:
            if not _common(stretch, item):
                kept.append(stretch)
                continue
            for start, end in ((stretch.start, item.start), (item.stop, stretch.stop)):
                if start < end:
                    kept.append(_Stretch(stretch.time, stretch.memory, start, end))
        self._stretches = [_Stretch(self._time, item.memory, item.start, item.stop), *kept]


def _common(stretch: _Stretch, item: Touch) -> int:
    """How many bytes both have."""
    if stretch.memory != item.memory:
        return 0
    return max(0, min(stretch.stop, item.stop) - max(stretch.start, item.start))


def level_of(distance: float, levels: Sequence[Level], threads: int) -> int:
    """The number of the level that holds what was touched so far away.

    Each thread has caches of its own but for the last one, half of which others use, too.
    """
    last = len(levels) - 2
    for number, level in enumerate(levels):
        if distance <= level.size * (threads if number < last else SHARED):
            return number
    return len(levels) - 1
