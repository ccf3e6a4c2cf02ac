"""The order in which the loops of a nest are walked: that of memory, where the nest leaves it open."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Set

from compiler.backends.numpy import tiles
from compiler.ir.dims import evaluate
from compiler.ir.node import Node
from compiler.schedule.nest import Nest
from compiler.schedule.schedule import Kernel


def in_memory_order(nest: Nest, kernel: Kernel, stored: Set[Node], sizes: Mapping[str, int]) -> Nest:
    """The nest with its loops in the order of the axes of most stored values that have all loops.

    A kernel over rows keeps its order unless it fits in one tile: where it is cut, it is cut by rows.
    """
    extents = [evaluate(extent, sizes) for extent in nest.loops]
    if nest.rows < len(extents) and math.prod(extents) > tiles.TILE:
        return nest
    votes = Counter(axes for axes in _walks(nest, kernel, stored) if len(axes) == len(extents))
    if not votes:
        return nest
    order, _ = votes.most_common(1)[0]
    place: dict[int | None, int | None] = {None: None, **{loop: at for at, loop in enumerate(order)}}
    placement = {node: tuple(place[loop] for loop in loops) for node, loops in nest.placement.items()}
    rows = nest.rows if order == tuple(sorted(order)) else len(order)
    return Nest(tuple(nest.loops[loop] for loop in order), rows, placement)


def _walks(nest: Nest, kernel: Kernel, stored: Set[Node]) -> Iterator[tuple[int, ...]]:
    """The loops of each value that is read from or written to memory, in the order of its axes."""
    for node in kernel.members:
        pairs = list(zip(node.operands, nest.accesses_of(node), strict=True))
        pairs += [(node, nest.axes_of(node))] if node in stored else []
        for value, axes in pairs:
            if value is node or value not in kernel.members:
                yield tuple(axis for axis in axes if axis is not None)
