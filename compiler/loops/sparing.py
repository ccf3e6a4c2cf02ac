"""Rows of a product in the order of their zeros, and for each tile of rows the terms that are none.

Tiles of rows whose zeros are alike leave the same terms out. So rows are walked in another order than they
lie in: first those without zeros, then those at the far ends of axes, then those at the near ones. A tile has
the terms of all of its rows: a zero of one of them is multiplied where another has none.

Rows are sorted group by group, where that costs few zeros more: then what a chunk reads lies together, as it
was written by the thread that had the same part of the array, and is near when its borders are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeAlias

import numpy as np

from compiler.loops.borders import Side

Array: TypeAlias = np.ndarray[Any, Any]

MORE: Final = 1.01
"""How many times the terms may be multiplied that there are at least, for the sake of groups."""

Steps: TypeAlias = tuple[tuple[int, int], ...]
"""Loops, the last one innermost: the extent of each, and how many elements an iteration moves on."""


@dataclass(frozen=True, slots=True)
class Spared:
    """A product that leaves zeros out: `tile` rows share their terms, and `block` terms are a block.

    A chunk has `chunk` rows, 0 where there is one.
    """

    rows: Steps
    terms: Steps
    sides: tuple[Side, ...]
    offset: int
    tile: int
    block: int
    chunk: int = 0


@dataclass(frozen=True, slots=True)
class Tables:
    """`order` has the rows as they are walked; of each row there `kinds` says which terms it has.

    Block b of kind k has the terms `live[begins[k, b]:ends[k, b]]`, counted from the block's first one.
    """

    order: Array
    kinds: Array
    begins: Array
    ends: Array
    live: Array


def distances(loops: Steps) -> Array:
    """How far each iteration of loops, the last one innermost, is from the first one, in elements."""
    total = np.zeros(1, np.int64)
    for extent, stride in loops:
        total = (total[:, None] + stride * np.arange(extent)).reshape(-1)
    return total


@dataclass(frozen=True, slots=True)
class Numbers:
    """A table of int64 for given sizes: how far loops come, or what `Tables` has of that name.

    With zeros to be left out, the iterations of `loops` are in the order of their rows.
    """

    loops: Steps
    what: str = "rows"
    spared: Spared | None = None

    @property
    def array(self) -> Array:
        """The table."""
        if self.spared is None:
            return distances(self.loops)
        known = tables_of(self.spared)
        return distances(self.loops)[known.order] if self.what == "rows" else getattr(known, self.what)


@lru_cache(maxsize=8)
def tables_of(spared: Spared) -> Tables:
    """The tables of a product."""
    rows, places = _coordinates(spared, spared.offset + distances(spared.rows))
    taps, which = _coordinates(spared, distances(spared.terms))
    alive = np.ones((len(rows), len(taps)), bool)
    keys: list[Array] = []
    for axis, side in enumerate(spared.sides):
        at = rows[:, axis, None] + taps[None, :, axis]
        inside = (at >= side.low) & (at < side.stop)
        alive &= inside
        far = inside[:, taps[:, axis].argmin()]
        keys.append(np.where(inside.all(axis=1), -1, rows[:, axis] + np.where(far, 0, side.extent)))
    order = np.lexsort([np.arange(len(places)), *(key[places] for key in reversed(keys))])
    together = _together(alive[places[order]], spared.tile)
    counts, most = np.bincount(which, minlength=len(taps)), 2 * len(np.unique(alive, axis=0))
    for groups in _groups(order, spared.chunk):
        found = _together(alive[places[groups]], spared.tile)
        is_dear = (found @ counts).sum() > MORE * (together @ counts).sum()
        if not is_dear and len(np.unique(found, axis=0)) <= most:
            order, together = groups, found
            break
    patterns, kinds = np.unique(together, axis=0, return_inverse=True)
    kinds = np.repeat(kinds.reshape(-1), spared.tile)[: len(order)]
    return Tables(order, kinds, *_lists(patterns[:, which], spared.block))


def _groups(order: Array, chunk: int) -> Iterator[Array]:
    """Rows in their order group by group: the rows of a chunk, of two, of four, and so on."""
    while 0 < chunk < len(order):
        yield order[np.argsort(order // chunk, kind="stable")]
        chunk *= 2


def _together(alive: Array, tile: int) -> Array:
    """The terms of each tile: those that one of its rows has."""
    firsts = np.arange(0, len(alive), tile)
    return np.logical_or.reduceat(alive, firsts, axis=0) if len(alive) else alive


def _coordinates(spared: Spared, places: Array) -> tuple[Array, Array]:
    """Where along each axis with zeros some places are, each once, and which of these each place has."""
    found = np.stack([places // side.stride % side.extent for side in spared.sides], axis=1)
    numbers = np.ravel_multi_index(list(found.T), [side.extent for side in spared.sides])
    _, first, which = np.unique(numbers, return_index=True, return_inverse=True)
    return found[first], which.reshape(-1)


def _lists(alive: Array, block: int) -> tuple[Array, Array, Array]:
    """The terms of each kind, block by block, and where those of a block begin and end."""
    kinds, terms = alive.shape
    counts = np.zeros((kinds, -(-terms // block)), np.int64)
    for number in range(counts.shape[1]):
        counts[:, number] = alive[:, number * block :][:, :block].sum(axis=1)
    ends = np.cumsum(counts.reshape(-1), dtype=np.int64)
    begins = ends - counts.reshape(-1)
    return begins, ends, np.nonzero(alive)[1].astype(np.int64) % block
