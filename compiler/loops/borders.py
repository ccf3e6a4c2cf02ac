"""Zeros that a pad put around an array: which terms of a product with its windows they are.

    %p = pad(%g, low=[0, 2], high=[0, 2], ...)      row of the product    terms that are no zeros
    %w = window(%p, axes=[1], taps=[3], ...)        0                     2
                                                    1                     1, 2
                                                    2 .. n - 1            0, 1, 2
                                                    n                     0, 1
                                                    n + 1                 0

A term that is 0 times a weight adds nothing, unless the weight is infinite or NaN: then the sum is NaN with
it and a number without it. So what a user pads is multiplied. The zeros of a pad that a gradient or a pass
has made stand for terms that there are not, and are left out where a whole tile has them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

from compiler.analysis.aliasing import Region, dense_strides
from compiler.ir.dims import Extent
from compiler.ir.node import Node
from compiler.ir.op import Pad

Walk: TypeAlias = tuple[tuple[Extent, Extent], ...]
"""Loops, the last one innermost: of each its extent, and how many elements an iteration moves on."""


@dataclass(frozen=True, slots=True)
class Side:
    """An axis with zeros: how far elements are apart, how many there are, between which are no zeros."""

    stride: int
    extent: int
    low: int
    stop: int


@dataclass(frozen=True, slots=True)
class Border:
    """The axes of a dense array with zeros around it, and the place of a view's first element."""

    sides: tuple[Side, ...]
    offset: Extent

    def share(self, rows: Walk, terms: Walk) -> float | None:
        """The share of the terms of all rows that are no zeros; None where that is not known."""
        found = [self._alive(side, rows, terms) for side in self.sides]
        known = [sum(map(sum, item)) / max(1, sum(map(len, item))) for item in found if item is not None]
        return math.prod(known) if len(known) == len(found) else None

    def patterns(self, rows: Walk, terms: Walk) -> int:
        """How many sets of terms rows have; `share` knows that of these."""
        found = [self._alive(side, rows, terms) for side in self.sides]
        return math.prod(len(set(item)) for item in found if item is not None)

    def _alive(self, side: Side, rows: Walk, terms: Walk) -> list[tuple[bool, ...]] | None:
        """Which terms are no zeros along one axis, for each row there."""
        start = self.offset // side.stride % side.extent if isinstance(self.offset, int) else None
        there, on = self._steps(side, rows), self._steps(side, terms)
        if start is None or there is None or on is None:
            return None
        if start + max(there, default=0) + max(on, default=0) >= side.extent:
            return None
        return [tuple(side.low <= start + i + k < side.stop for k in on) for i in there]

    def _steps(self, side: Side, walk: Walk) -> list[int] | None:
        """Where along an axis the loops of a walk come; None where that is not known."""
        found = [0]
        for extent, stride in walk:
            if not isinstance(stride, int):
                continue
            if stride < 0:
                return None
            step = stride // side.stride % side.extent
            if step and not isinstance(extent, int):
                return None
            if step and isinstance(extent, int):
                found = [place + step * number for place in found for number in range(extent)]
        return found


def border_of(region: Region) -> Border | None:
    """The zeros around an array that a view lies in; None where there are none, or how many is not known."""
    base, op = region.base, region.base.op
    if not isinstance(op, Pad) or _is_written(base) or op.value != 0 or any(op.interior):
        return None
    shape = base.type.shape
    axes = zip(dense_strides(shape), shape, op.low, op.high, strict=True)
    sides = [_side(stride, extent, low, high) for stride, extent, low, high in axes if low != 0 or high != 0]
    known = [side for side in sides if side is not None]
    return Border(tuple(known), region.offset) if sides and len(known) == len(sides) else None


def _is_written(pad: Node) -> bool:
    """Whether a user made a pad, or one that it stands for."""
    while pad.origin.of is not None and isinstance(pad.origin.of.op, Pad):
        pad = pad.origin.of
    return pad.origin.maker == "user"


def _side(stride: Extent, extent: Extent, low: Extent, high: Extent) -> Side | None:
    """An axis, if all of it is known."""
    known = [item for item in (stride, extent, low, high) if isinstance(item, int)]
    return Side(known[0], known[1], known[2], known[1] - known[3]) if len(known) == 4 else None
