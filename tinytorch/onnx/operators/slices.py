"""Parts of axes, whose ends may be extents."""

from __future__ import annotations

from typing import Final

from compiler.ir.dims import Dim, Extent
from tinytorch.axes import normalised_axis
from tinytorch.onnx.calling.operator import Extents, operator
from tinytorch.onnx.calling.values import Unsupported, no_polynomial
from tinytorch.slices import Row, steps_in
from tinytorch.spatial import part_of
from tinytorch.tensor import Tensor

_LIMITS: Final = "An end beside a symbolic extent lies within the axis, which each call checks."
_FAR: Final = 10**9 - 1
"""From here on a place is beyond the end of any axis whose extent is symbolic."""


@operator("Slice", since=1, limits=_LIMITS)
def slice_1(data: Tensor, *, starts: list[int], ends: list[int], axes: list[int] | None = None) -> Tensor:
    """A part of each axis, in steps of 1."""
    return slice_of(data, tuple(starts), tuple(ends), None if axes is None else tuple(axes))


@operator("Slice", since=10, limits=_LIMITS)
def slice_of(
    data: Tensor, starts: Extents, ends: Extents, axes: Extents | None = None, steps: Extents | None = None
) -> Tensor:
    """A part of each axis, from a start to before an end; what lies outside of the axis is cut off."""
    rows: list[Row] = [(0, extent, 1) for extent in data.shape]
    every = range(len(starts)) if axes is None else [int(axis) for axis in axes]
    strides = [1] * len(starts) if steps is None else [int(step) for step in steps]
    if not len(starts) == len(ends) == len(every) == len(strides):
        raise Unsupported(
            f"{len(starts)} starts, {len(ends)} ends and {len(strides)} steps of {len(every)} axes"
        )
    for axis, start, end, step in zip(every, starts, ends, strides, strict=True):
        place = normalised_axis(axis, data.ndim, data.node)
        rows[place] = _row(data.shape[place], start, end, step)
    return part_of(data, [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows])


def _row(extent: Extent, start: Extent, end: Extent, step: int) -> Row:
    """The first place, the number of places, and the step between them."""
    if not step:
        raise Unsupported("a step is 0")
    if isinstance(extent, int) and isinstance(start, int) and isinstance(end, int):
        first, last, step = slice(start, end, step).indices(extent)
        return first, len(range(first, last, step)), step
    ends = (-1, extent - 1) if step < 0 else (0, extent)
    first, last = _place(extent, start, ends), _place(extent, end, ends)
    size = steps_in(last - first if step > 0 else first - last, abs(step))
    if size is None:
        raise no_polynomial(f"how many places there are from {start} to {end} by {step}", extent, start, end)
    return first, max(size, 0) if isinstance(size, int) else size, step


def _place(extent: Extent, place: Extent, ends: tuple[Extent, Extent]) -> Extent:
    """A place counted from the start, and held between the ends where that can be told."""
    if isinstance(place, Dim):
        return place
    if abs(place) > _FAR:
        return ends[place > 0]
    if not isinstance(extent, int):
        return place if place >= 0 else extent + place
    return slice(place, None, 1 if ends[0] == 0 else -1).indices(extent)[0]
