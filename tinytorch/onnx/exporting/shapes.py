"""Moves of axes that several kinds of op need."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from compiler.ir.dims import Extent, Shape
from tinytorch.onnx.exporting.extents import Extents
from tinytorch.onnx.exporting.known import MOST
from tinytorch.onnx.exporting.values import Value


class Moves:
    """Writes values with other axes. What changes nothing writes nothing."""

    def __init__(self, extents: Extents) -> None:
        self.extents = extents

    def transposed(self, x: Value, order: Sequence[int]) -> Value:
        """Axis k of the result is axis `order[k]`."""
        if list(order) == list(range(len(order))):
            return x
        return x.nodes.node("Transpose", x, perm=list(order))

    def squeezed(self, x: Value, axes: Sequence[int]) -> Value:
        """Without some unit axes."""
        return x.nodes.node("Squeeze", x, x.nodes.integers(*axes)) if axes else x

    def unsqueezed(self, x: Value, axes: Sequence[int]) -> Value:
        """With new unit axes, at places of the result."""
        return x.nodes.node("Unsqueeze", x, x.nodes.integers(*axes)) if axes else x

    def expanded(self, x: Value, shape: Shape) -> Value:
        """Repeated to a shape that it broadcasts to."""
        return x.nodes.node("Expand", x, self.extents.shape(shape))

    def filled(self, value: float, kind: np.dtype[Any], shape: Shape) -> Value:
        """An array of one number: an initialiser where it is small and its shape is known."""
        writer = self.extents.writer
        known = [extent for extent in shape if isinstance(extent, int)]
        if len(known) == len(shape) and math.prod(known) <= MOST:
            return writer.constant(np.full(known, value), kind)
        return self.expanded(writer.constant(value, kind), shape)

    def reshaped(self, x: Value, given: Shape, wanted: Shape) -> Value:
        """The elements in another shape.

        An extent that is not known is that of the same axis before, or the one that follows from the rest;
        where there are such of both kinds the shape is computed, for an extent may be 0 in a call.
        """
        source, shape = x.flat or (x, given)
        if shape == wanted:
            return source
        numbers = [self._said(extent, axis, shape) for axis, extent in enumerate(wanted)]
        is_said = 0 not in wanted and (-1 not in numbers or (numbers.count(-1) == 1 and 0 not in numbers))
        extents = x.nodes.integers(*numbers) if is_said else self.extents.shape(wanted)
        found = x.nodes.node("Reshape", source, extents, allowzero=None if is_said else 1)
        found.flat = source, shape
        return found

    def _said(self, extent: Extent, axis: int, given: Shape) -> int:
        if isinstance(extent, int):
            return extent
        return 0 if axis < len(given) and given[axis] == extent else -1

    def along(self, x: Value, axes: Sequence[int | None], rank: int, *, exact: bool = False) -> Value:
        """A value with an axis for each of `rank` loops, as far as broadcasting does not see to that itself.

        `axes` says which loop each of its axes follows, None which is a unit axis of no loop.
        """
        offset = rank - len(axes)
        if all(axis in (None, offset + k) for k, axis in enumerate(axes)) and not (exact and offset):
            return x
        named = [axis for axis in axes if axis is not None]
        x = self.squeezed(x, [k for k, axis in enumerate(axes) if axis is None])
        x = self.transposed(x, sorted(range(len(named)), key=named.__getitem__))
        first = 0 if exact else min(named, default=rank)
        return self.unsqueezed(x, [k - first for k in range(first, rank) if k not in named])
