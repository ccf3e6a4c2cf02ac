"""Images seen at places between their elements: GridSample, DeformConv, RoiAlign; and regions pooled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any

from compiler.ir.dims import Extent
from compiler.ir.dims import product as volume
from tinytorch.onnx.calling.operator import Extents, operator
from tinytorch.onnx.calling.values import Unsupported, Value, known_of, tensor_of
from tinytorch.onnx.operators.windows import Ints, ints, windows_of
from tinytorch.ops.contract import einsum
from tinytorch.ops.elementwise import abs, ceil, clip, floor, maximum, minimum, round, where
from tinytorch.ops.layout import arange, concatenate, stack, take, take_along_axis
from tinytorch.ops.making import ones, zeros
from tinytorch.rounding import rounded_once
from tinytorch.tensor import Tensor


def _picked(flat: Tensor, shape: Sequence[Extent], places: Sequence[Tensor]) -> Tensor:
    """Elements of images `[.., c, height * width]` at whole places `[.., 1, positions]` inside of them."""
    index: Any = 0
    for axis, place in enumerate(places):
        index = index + place.astype("int64") * volume(shape[axis + 1 :])
    return take_along_axis(flat, index, -1)


def _at(flat: Tensor, shape: Sequence[Extent], places: Sequence[Tensor]) -> Tensor:
    """The same at whole places that may lie outside, where there is 0."""
    found = _picked(flat, shape, [_within(i, n) for i, n in zip(places, shape, strict=True)])
    is_inside: Any = True
    for place, extent in zip(places, shape, strict=True):
        is_inside = (place >= 0) & (place <= extent - 1) & is_inside
    return where(is_inside, found, 0.0)


def _within(place: Tensor, extent: Extent) -> Tensor:
    return minimum(maximum(place, 0), extent - 1)


def _between(flat: Tensor, shape: Sequence[Extent], places: Sequence[Tensor], see: Any = _at) -> Tensor:
    """The mean of the neighbours of places, weighted by how near they are."""
    total: Any = None
    for _, found in _neighbours(flat, shape, places, see):
        total = found if total is None else total + found
    return total


def _neighbours(flat: Tensor, shape: Sequence[Extent], places: Sequence[Tensor], see: Any) -> Any:
    first = [floor(place) for place in places]
    for corner in product((0, 1), repeat=len(places)):
        weight: Any = 1.0
        for side, place, low in zip(corner, places, first, strict=True):
            weight = weight * (place - low if side else 1 - (place - low))
        yield corner, see(flat, shape, [low + side for low, side in zip(first, corner, strict=True)]) * weight


@operator("GridSample", since=16)
def grid_sample(x: Tensor, grid: Tensor, *, mode: str, padding_mode: str, align_corners: int) -> Tensor:
    """Images at places of a grid `[n, positions.., axes]`, from -1 to 1 along each axis, last one first.

    `align_corners` puts -1 and 1 into the middle of the outer elements, else at their outer sides.
    """
    if mode not in _MODES or padding_mode not in ("zeros", "border", "reflection"):
        raise Unsupported(f"there is no mode {mode!r} with the padding {padding_mode!r}")
    rank = x.ndim - 2
    shape = x.shape[2:]
    flat = x.flatten(2)
    positions = grid.shape[1:-1]
    places: list[Tensor] = []
    for axis in range(rank):
        extent = shape[axis]
        item = grid[..., rank - 1 - axis].reshape([grid.shape[0], 1, -1])
        scaled = (item + 1) / 2 * (extent - 1) if align_corners else ((item + 1) * extent - 1) / 2
        places.append(scaled)
    found = _MODES[mode](flat, shape, places, padding_mode, bool(align_corners))
    return found.reshape([*x.shape[:2], *positions])


def _held(place: Tensor, extent: Extent, padding: str, is_aligned: bool) -> Tensor:
    """A place where the padding puts it; outside where it puts it nowhere."""
    if padding == "zeros":
        return place
    if padding == "reflection":
        low: Any = 0.0 if is_aligned else -0.5
        span = extent - 1 if is_aligned else extent
        if span == 0:
            return place * 0
        away = abs(place - low)
        turns = floor(away / span)
        rest = away - turns * span
        place = where(turns % 2 == 0, rest + low, span - rest + low)
    return _within(place, extent)


def _nearest(flat: Tensor, shape: Any, places: Sequence[Tensor], padding: str, is_aligned: bool) -> Tensor:
    rows = zip(places, shape, strict=True)
    return _at(flat, shape, [_held(round(place), extent, padding, is_aligned) for place, extent in rows])


def _linear(flat: Tensor, shape: Any, places: Sequence[Tensor], padding: str, is_aligned: bool) -> Tensor:
    rows = zip(places, shape, strict=True)
    return _between(flat, shape, [_held(place, extent, padding, is_aligned) for place, extent in rows])


def _cubic(flat: Tensor, shape: Any, places: Sequence[Tensor], padding: str, is_aligned: bool) -> Tensor:
    first = [floor(place) for place in places]
    weights = [_keys(place - low) for place, low in zip(places, first, strict=True)]
    total: Any = 0.0
    for corner in product(range(4), repeat=len(places)):
        seen = [
            _held(low + (tap - 1), extent, padding, is_aligned)
            for low, tap, extent in zip(first, corner, shape, strict=True)
        ]
        weight: Any = 1.0
        for tap, row in zip(corner, weights, strict=True):
            weight = weight * row[tap]
        total = total + _at(flat, shape, seen) * weight
    return total


_MODES: Any = {
    "nearest": _nearest, "linear": _linear, "bilinear": _linear, "cubic": _cubic, "bicubic": _cubic
}  # fmt: skip


def _keys(share: Tensor, a: float = -0.75) -> list[Tensor]:
    """The weights of the neighbours at -1, 0, 1, 2 of a place between 0 and 1 (Keys, 1981)."""

    def near(t: Tensor) -> Tensor:
        return ((a + 2) * t - (a + 3)) * t * t + 1

    def far(t: Tensor) -> Tensor:
        return ((a * t - 5 * a) * t + 8 * a) * t - 4 * a

    return [far(share + 1), near(share), near(1 - share), far(2 - share)]


@operator("AffineGrid", since=20)
def affine_grid(theta: Tensor, size: Extents, *, align_corners: int) -> Tensor:
    """The places `[n, positions.., axes]` from -1 to 1, last axis first, moved by an affine map."""
    shape = size[2:]
    rank = len(shape)
    columns: list[Tensor] = []
    for axis in reversed(range(rank)):
        steps = arange(shape[axis]).astype(theta.dtype)
        last = shape[axis] - 1
        if align_corners:
            row = steps * 2 / last - 1 if last != 0 else steps - 1
        else:
            row = (steps * 2 + 1) / shape[axis] - 1
        columns.append(row.reshape([*[1] * axis, -1, *[1] * (rank - 1 - axis)]).broadcast_to(shape))
    columns.append(ones(shape, dtype=theta.dtype))
    base = stack(columns, -1).reshape([-1, rank + 1])
    return (base @ theta.swapaxes(-1, -2)).reshape([theta.shape[0], *shape, rank])


@operator("DeformConv", since=19, limits="Two spatial axes.")
@rounded_once
def deform_conv(
    x: Tensor, w: Tensor, offset: Tensor, b: Tensor | None = None, mask: Tensor | None = None, *, group: int,
    offset_group: int, kernel_shape: Ints = None, strides: Ints = None, pads: Ints = None,
    dilations: Ints = None,
) -> Tensor:  # fmt: skip
    """A convolution each tap of which looks at a place that is moved by an offset (Dai et al., 2017)."""
    sizes = w.shape[2:]
    if x.ndim != 4 or not all(isinstance(size, int) for size in sizes):
        raise Unsupported("images have two axes, and kernels known extents")
    windows = windows_of(x, ints(kernel_shape, 2, 0) if kernel_shape else sizes, strides, pads, dilations)
    counts = windows.counts(x)
    taps = volume(sizes)
    moved = offset.reshape([x.shape[0], offset_group, *sizes, 2, *counts])
    places: list[Tensor] = []
    for axis in (0, 1):
        first = arange(counts[axis]) * windows.steps[axis] - windows.padding[axis][0]
        tap = arange(sizes[axis]) * windows.dilations[axis]
        grid = tap.reshape([-1, *[1] * (3 - axis)]) + first.reshape([-1, *[1] * (1 - axis)])
        place = moved[:, :, :, :, axis] + grid.astype(x.dtype)
        places.append(place.reshape([x.shape[0], offset_group, 1, -1]))
    flat = x.reshape([x.shape[0], offset_group, -1, volume(x.shape[2:])])
    seen = _between(flat, x.shape[2:], places)
    if mask is not None:
        seen = seen * mask.reshape([x.shape[0], offset_group, 1, -1])
    apart = seen.reshape([x.shape[0], group, -1, taps, *counts])
    kernels = w.reshape([group, -1, w.shape[1], taps])
    found = einsum("ngctpq,goct->ngopq", apart, kernels).flatten(1, 2)
    return found if b is None else found + b.reshape([-1, 1, 1])


@operator("RoiAlign", since=16)
def roi_align(
    x: Tensor, rois: Value, batch_indices: Tensor, *, mode: str, output_height: int, output_width: int,
    sampling_ratio: int, spatial_scale: float, coordinate_transformation_mode: str,
) -> Tensor:  # fmt: skip
    """Regions `[x1, y1, x2, y2]` of images, as the mean or the largest of places between their elements.

    Without a sampling_ratio there is about one place for each element, as many as the region has: it has to
    be known then. He et al., Mask R-CNN (2017).
    """
    is_half = coordinate_transformation_mode == "half_pixel"
    shift = 0.5 if is_half else 0.0
    boxes = tensor_of(rois).astype(x.dtype) * spatial_scale - shift
    images = take(x, batch_indices, 0)
    outputs = (output_height, output_width)
    if sampling_ratio > 0:
        return _aligned(images, boxes, outputs, (sampling_ratio,) * 2, mode, is_half)
    pieces: list[Tensor] = []
    for number, row in enumerate(known_of(rois) * spatial_scale):
        sizes = [row[3] - row[1], row[2] - row[0]]
        sizes = sizes if is_half else [max(size, 1.0) for size in sizes]
        ratios = [math.ceil(size / n) for size, n in zip(sizes, outputs, strict=True)]
        if min(ratios) < 1:  # no place lies in it
            pieces.append(zeros([1, x.shape[1], *outputs], dtype=x.dtype))
            continue
        one = slice(number, number + 1)
        pieces.append(_aligned(images[one], boxes[one], outputs, ratios, mode, is_half))
    return concatenate(pieces, 0)


@operator("RoiAlign", since=10)
def roi_align_10(
    x: Tensor, rois: Value, batch_indices: Tensor, *, mode: str, output_height: int, output_width: int,
    sampling_ratio: int, spatial_scale: float,
) -> Tensor:  # fmt: skip
    """The same, with elements that lie at whole places."""
    return roi_align(
        x, rois, batch_indices, mode=mode, output_height=output_height, output_width=output_width,
        sampling_ratio=sampling_ratio, spatial_scale=spatial_scale,
        coordinate_transformation_mode="output_half_pixel",
    )  # fmt: skip


def _aligned(
    images: Tensor, boxes: Tensor, outputs: Sequence[int], ratios: Sequence[int], mode: str, is_half: bool
) -> Tensor:
    """`[regions, c, height, width]` of one image for each region."""
    shape = images.shape[2:]
    places: list[Tensor] = []
    is_near: Any = True
    for axis in (0, 1):
        start, end = boxes[:, 1 - axis], boxes[:, 3 - axis]
        length = end - start if is_half else maximum(end - start, 1.0)
        count = outputs[axis] * ratios[axis]
        steps = (arange(count).astype(boxes.dtype) + 0.5) / count
        place = start.unsqueeze(-1) + length.unsqueeze(-1) * steps
        place = place.unsqueeze(2 - axis)  # [regions, rows, 1] or [regions, 1, columns]
        is_near = (place >= -1) & (place <= shape[axis]) & is_near
        places.append(_within(place, shape[axis]))
    wide = [place.broadcast_to(is_near.shape).flatten(1).unsqueeze(1) for place in places]
    found = _neighbours(images.flatten(2), shape, wide, _clipped)
    values = [where(is_near.flatten(1).unsqueeze(1), value, 0.0) for _, value in found]
    beside = images.shape[:2]
    apart = [value.reshape([*beside, outputs[0], ratios[0], outputs[1], ratios[1]]) for value in values]
    if mode == "avg":
        return stack(apart, 0).sum(0).mean((3, 5))
    if mode != "max":
        raise Unsupported(f"there is no mode {mode!r}")
    return stack(apart, 0).max(0).max((3, 5))


def _clipped(flat: Tensor, shape: Sequence[Extent], places: Sequence[Tensor]) -> Tensor:
    return _picked(flat, shape, [_within(i, n) for i, n in zip(places, shape, strict=True)])


@operator("MaxRoiPool", since=1)
def max_roi_pool(x: Tensor, rois: Tensor, *, pooled_shape: Sequence[int], spatial_scale: float) -> Tensor:
    """The largest elements of parts of regions `[image, x1, y1, x2, y2]`; 0 of none (Girshick, 2015)."""
    found = take(x, rois[:, 0].astype("int64"), 0)
    corners = floor(rois[:, 1:] * spatial_scale + 0.5)
    for axis, parts in ((0, pooled_shape[0]), (1, pooled_shape[1])):
        start, end = corners[:, 1 - axis], corners[:, 3 - axis]
        size = (maximum(end - start + 1, 1) / parts).reshape([-1, 1])
        steps = arange(parts).astype(size.dtype)
        extent = found.shape[3 if axis else 2]
        low = clip(floor(steps * size) + start.unsqueeze(-1), 0, extent)
        high = clip(ceil((steps + 1) * size) + start.unsqueeze(-1), 0, extent)
        place = arange(extent).astype(size.dtype)
        is_inside = (place >= low.unsqueeze(-1)) & (place < high.unsqueeze(-1))  # [regions, parts, extent]
        if axis:
            found = where(is_inside[:, None, None], found.unsqueeze(3), -math.inf).max(4)
        else:
            found = where(is_inside[:, None, :, :, None], found.unsqueeze(2), -math.inf).max(3)
    return where(found == -math.inf, 0.0, found)
