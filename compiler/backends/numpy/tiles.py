"""Tiles of a kernel's loops: which part of each array a pass over the tile loop sees.

The first loop is cut into ranges. An array that stays between calls is cut once, when the frame is made; one
that comes with a call is cut by slices in the loop.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

import numpy as np

from compiler.backends.numpy.frame import Storage
from compiler.ir.types import DType

Array: TypeAlias = np.ndarray[Any, Any]

TILE: Final = 16384
"""Elements of a tile: several arrays of so many floats stay in a second-level cache."""

LEAST_ROWS: Final = 4
"""Rows of a tile, if twice the elements hold them: a call for one value a row costs as much for one row."""


class Tiles:
    """The tile loop of one kernel, and names of arrays inside it."""

    def __init__(self, storage: Storage, extents: Sequence[int], may_cut: bool) -> None:
        self.storage = storage
        self.source = storage.source
        self.extents = tuple(extents)
        inner = math.prod(self.extents[1:])
        rows = self.extents[0] if self.extents else 1
        step = rows_of_a_tile(inner) if may_cut and rows * inner > TILE else rows
        self.ranges = [slice(start, min(start + step, rows)) for start in range(0, rows, max(step, 1))]
        self.step = min(step, rows)
        self.is_cut = len(self.ranges) > 1
        self._heads: dict[str, list[Array]] = {}
        self._known: dict[int, str] = {}
        self._free: dict[tuple[DType, tuple[int, ...]], list[str]] = {}
        self._taken: dict[DType, int] = {}
        self._keys: dict[str, tuple[DType, tuple[int, ...]]] = {}

    def shape(self, loops: Sequence[int]) -> tuple[int, ...]:
        """The shape of a tile's values that have some of the loops: 1 for the others."""
        full = (self.step, *self.extents[1:]) if self.extents else ()
        return tuple(n if loop in loops else 1 for loop, n in enumerate(full))

    def fixed(self, array: Array) -> str:
        """The name, inside the loop, of an array over the loops that stays between calls."""
        if not self.is_cut or array.shape[0] == 1:
            return self.source.bind(array, "v")
        if id(array) not in self._known:
            self._known[id(array)] = self._head([array[part] for part in self.ranges])
        return self._known[id(array)]

    def passing(self, name: str, has_first: bool) -> str:
        """The same for an array over the loops that comes with each call."""
        return f"{name}[r]" if self.is_cut and has_first else name

    def take(self, dtype: DType, shape: tuple[int, ...]) -> str:
        """The name of a scratch array of a tile's shape."""
        free = self._free.get((dtype, shape))
        if free:
            return free.pop()
        place = self._taken.get(dtype, 0)
        self._taken[dtype] = place + 1
        array = self.storage.scratch(dtype, shape, place)
        is_cut = self.is_cut and bool(shape) and shape[0] == self.step and self.step > 1
        name = (
            self._head([array[: part.stop - part.start] for part in self.ranges])
            if is_cut
            else self.source.bind(array, "s")
        )
        self._keys[name] = (dtype, shape)
        return name

    def give_back(self, name: str) -> None:
        """Lets a scratch array be taken again; does nothing for other names."""
        if name in self._keys:
            self._free.setdefault(self._keys[name], []).append(name)

    def _head(self, parts: list[Array]) -> str:
        name = self.source.fresh("t")
        self._heads[name] = parts
        return name

    @contextmanager
    def loop(self) -> Generator[None]:
        """The statements written inside are run for each tile."""
        if not self.is_cut:
            yield
            return
        place = len(self.source.lines)
        with self.source.block("for _ in ():"):
            yield
        lists = [
            self.source.bind(self.ranges, "ranges_"),
            *(self.source.bind(p, "parts_") for p in self._heads.values()),
        ]
        names = ", ".join(["r", *self._heads])
        indent = self.source.lines[place][: -len(self.source.lines[place].lstrip())]
        self.source.lines[place] = f"{indent}for {names} in zip({', '.join(lists)}):"


def rows_of_a_tile(inner: int) -> int:
    """How many rows of so many elements a tile has."""
    return max(1, TILE // inner, min(LEAST_ROWS, 2 * TILE // inner))
