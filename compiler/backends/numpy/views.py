"""Arrays over the loops of a nest: an axis for each loop, of extent 1 where a value does not have it."""

from __future__ import annotations

import math
from collections.abc import Callable

from compiler.analysis.aliasing import joined
from compiler.backends.numpy.frame import Array, Storage
from compiler.backends.reference import over_loops
from compiler.ir.dims import evaluate
from compiler.ir.node import Node
from compiler.ir.op import Index, Reducer
from compiler.schedule.addresses import memory_accesses
from compiler.schedule.frame import map_reduce
from compiler.schedule.nest import Nest
from compiler.schedule.schedule import Kernel

Axes = tuple[int | None, ...]


class LoopViews:
    """Names and arrays of stored values over the loops of one kernel.

    A kernel of maps has one loop over all elements instead, where its loops are one to everything in memory.
    """

    def __init__(self, storage: Storage, kernel: Kernel, nest: Nest, stored: frozenset[Node]) -> None:
        self.storage = storage
        self.nest = nest
        self.extents: tuple[int, ...] = tuple(evaluate(extent, storage.sizes) for extent in nest.loops)
        self.is_flat = self._is_flat(kernel, stored)
        if self.is_flat:
            self.extents = (math.prod(self.extents),)
        self._known: dict[tuple[str, Axes], tuple[str, Array | None]] = {}

    @property
    def rank(self) -> int:
        """The number of loops."""
        return len(self.extents)

    def loops(self, axes: Axes) -> tuple[int, ...]:
        """The loops that a value with these axes has."""
        named = tuple(axis for axis in axes if axis is not None)
        return ((0,) if named else ()) if self.is_flat else named

    def open(self, node: Node, axes: Axes) -> tuple[str, Array | None]:
        """The name of a stored value over all loops, and its array if that stays between calls."""
        name = self.storage.name(node)
        if (name, axes) not in self._known:
            self._known[name, axes] = self._open(node, name, axes)
        return self._known[name, axes]

    def _open(self, node: Node, name: str, axes: Axes) -> tuple[str, Array | None]:
        array = self.storage.array(node)
        if array is not None:
            found = self._over(array, axes)
            return self.storage.source.bind(found, "v"), found
        if not self.is_flat and axes == tuple(range(self.rank)):
            return name, None
        made = self.storage.source.fresh("over_")
        named = [axis for axis in axes if axis is not None]
        if self.storage.comes_dense(node) and (self.is_flat or named == sorted(named)):
            has = [bool(named) if self.is_flat else loop in named for loop in range(self.rank)]
            shape = [n if had else 1 for n, had in zip(self.extents, has, strict=True)]
            self.storage.source.write(f"{made} = {name}.reshape({tuple(shape)})")
            return made, None
        view: Callable[[Array], Array] = lambda given: self._over(given, axes)  # noqa: E731
        self.storage.source.write(f"{made} = {self.storage.source.bind(view, 'over_loops_')}({name})")
        return made, None

    def _over(self, array: Array, axes: Axes) -> Array:
        return array.reshape(-1) if self.is_flat else over_loops(array, axes, self.rank)

    def _is_flat(self, kernel: Kernel, stored: frozenset[Node]) -> bool:
        if len(self.extents) < 2 or not all(self._is_plain(node) for node in kernel.members):
            return False
        accesses = list(memory_accesses(kernel.members, stored, self.nest, self.storage.regions))
        if not all(self._has_all_or_one(access.axes) for access in accesses):
            return False
        return len(joined(self.nest.loops, [access.strides for access in accesses])) == 1

    def _has_all_or_one(self, axes: Axes) -> bool:
        """Whether a value has as many elements as the loops have iterations, or no loop.

        A number that is repeated along some of them lies like one that is repeated along all, at no distance.
        """
        named = {axis for axis in axes if axis is not None}
        return not named or math.prod(self.extents[loop] for loop in named) == math.prod(self.extents)

    def _is_plain(self, node: Node) -> bool:
        """Whether a member is a map over all loops that asks for the index of none."""
        op = map_reduce(node)
        has_all = set(self.nest.placement[node]) >= set(range(len(self.extents)))
        return (
            has_all
            and op.reducer is Reducer.NONE
            and not any(isinstance(item, Index) for item in op.arguments)
        )
