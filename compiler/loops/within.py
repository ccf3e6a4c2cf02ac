"""Sums over a loop inside others add up in a room of the chunk, and are written when the loop has ended.

    for i in 0 .. n:                                  for i in 0 .. n:
        for j in 0 .. 64:                                 for j in 0 .. 64:
            part[64*i + j] = 0.0                              room[j] = 0.0
    for i in 0 .. n:                                      for k in 0 .. 8:
        for k in 0 .. 8:                      ->              for j in 0 .. 64:
            for j in 0 .. 64:                                     room[j] = room[j] + x[512*i + 64*k + j]
                part[64*i + j] = ...                      for j in 0 .. 64:
                                                              y[64*i + j] = f32(room[j])

What is on the left has partial results for all rows in memory, of another dtype than the result, and a kernel
behind it that converts them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from compiler.loops.drafts import Slot
from compiler.loops.language import Count, Memory, Number
from compiler.loops.members import Item

MOST: Final = 1 << 12
"""Elements of a room: it stays in the nearest cache."""

WHOLE: Final = 16
"""What a room's rows are a multiple of: the lanes of the widest vectors."""


@dataclass(frozen=True, slots=True)
class Within:
    """A room in which a reduction adds up: around loop `depth`, with a place for each of the `kept` loops."""

    depth: int
    kept: tuple[int, ...]
    slot: Slot


def within(item: Item, counts: Sequence[Count], reach: int) -> Within | None:
    """The room of a reduction over some of the first `reach` loops; None where there is none."""
    depth = min(item.reduced)
    kept = tuple(loop for loop in range(depth, reach) if loop not in item.reduced)
    extents = [extent for loop in kept if isinstance(extent := counts[loop].extent, int)]
    size = math.prod(extents)
    if depth == 0 or not kept or len(extents) < len(kept) or not 0 < size <= MOST:
        return None
    if len(kept) > 1 and extents[-1] % WHOLE != 0:
        return None
    strides: list[Number] = [0] * len(counts)
    for place, loop in enumerate(kept):
        strides[loop] = math.prod(extents[place + 1 :])
    room = Memory(item.accumulator, -(-size // WHOLE) * WHOLE)
    return Within(depth, kept, Slot(room, tuple(strides)))
