"""The order in which the loops of a nest are walked: that of memory, where the nest leaves it open."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Set

from compiler.analysis.aliasing import Region
from compiler.backends.numpy import tiles
from compiler.ir.dims import evaluate
from compiler.ir.node import Node
from compiler.schedule.addresses import MemoryAccess, memory_accesses
from compiler.schedule.nest import Nest
from compiler.schedule.schedule import Kernel


def in_memory_order(
    nest: Nest, kernel: Kernel, stored: Set[Node], regions: Mapping[Node, Region], sizes: Mapping[str, int]
) -> Nest:
    """The nest with its loops in the order in which most of the memory lies that has an element for each.

    A kernel over rows keeps its order unless it fits in one tile: where it is cut, it is cut by rows.
    """
    extents = [evaluate(extent, sizes) for extent in nest.loops]
    if nest.rows < len(extents) and math.prod(extents) > tiles.TILE:
        return nest
    accesses = memory_accesses(kernel.members, stored, nest, regions)
    walks = (_walk(access, sizes) for access in accesses)
    votes = Counter(walk for walk in walks if len(walk) == len(extents))
    if not votes:
        return nest
    order, _ = votes.most_common(1)[0]
    place: dict[int | None, int | None] = {None: None, **{loop: at for at, loop in enumerate(order)}}
    placement = {node: tuple(place[loop] for loop in loops) for node, loops in nest.placement.items()}
    rows = nest.rows if order == tuple(sorted(order)) else len(order)
    return Nest(tuple(nest.loops[loop] for loop in order), rows, placement)


def _walk(access: MemoryAccess, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The loops of an access, that of the longest step first."""
    steps = {loop: abs(evaluate(access.strides[loop], sizes)) for loop in access.axes if loop is not None}
    return tuple(sorted((loop for loop, step in steps.items() if step), key=lambda loop: -steps[loop]))
