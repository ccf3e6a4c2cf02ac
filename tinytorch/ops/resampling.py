"""Images with more or fewer elements, and images as columns of patches.

Resampling is done axis by axis: each new element is a sum of a few old ones with weights that are known when
the graph is built.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import numpy as np

from compiler.errors import ArgumentError, ShapeError
from compiler.ir.dims import Extent, divide_exactly, product
from compiler.ir.node import describe
from compiler.ir.scope import scope
from compiler.ir.types import floating
from tinytorch.axes import counted, items_of
from tinytorch.ops.adaptive import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d
from tinytorch.ops.layout import take
from tinytorch.ops.windows import fold, sliding_window
from tinytorch.rounding import rounded_once
from tinytorch.spatial import Windows, each, extents, images, pairs, part_of
from tinytorch.tensor import Tensor, as_tensor
from tinytorch.values import checked_number

Taps: TypeAlias = "list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]"
"""Of each term: the place of the old element, and its weight, for each new one."""

_MODES: Final = {"linear": 1, "bilinear": 2, "trilinear": 3, "bicubic": 2}
"""Modes that are for so many axes; the others are for any."""

_AREAS: Final = (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d)


@scope("interpolate")
@rounded_once
def interpolate(
    x: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
) -> Tensor:
    """Images `[n, c, h, w]` (or rows, or volumes) of another `size`, or so many times as large.

        "nearest"                           the element before: of 1 2 twice as large 1 1 2 2
        "nearest-exact"                     the nearest one, where "nearest" rounds down
        "linear", "bilinear", "trilinear"   a straight line between neighbours along each of 1, 2, 3 axes
        "bicubic"                           a cubic through four neighbours (Keys, 1981, with a = -0.75)
        "area"                              adaptive_avg_pool

    Elements are the middles of cells, which is where they lie, and beyond the outer ones there is no line.
    With `align_corners` those at the corners stay where they are. The extents, and positions unless
    `recompute_scale_factor`, follow from `scale_factor` as it is given. (torch.nn.functional.interpolate.)
    A symbolic axis can become a whole number of times as long by "nearest"; others raise ShapeError.
    """
    x = as_tensor(x)
    rank = x.ndim - 2
    if rank not in (1, 2, 3):
        raise ShapeError(
            f"interpolate takes [batch, channels, and 1 to 3 axes of an image], not {describe(x.node)}"
        )
    _check_mode(mode, rank, align_corners)
    wanted, factors = _wanted(x, rank, size, scale_factor, bool(recompute_scale_factor))
    if mode == "area":
        return _AREAS[rank - 1](x, wanted)
    for axis, (count, factor) in enumerate(zip(wanted, factors, strict=True), 2):
        x = _resampled(x, axis, count, factor, mode, bool(align_corners))
    return x


def upsample(
    x: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """`interpolate`, under the name that PyTorch's layer has."""
    return interpolate(x, size, scale_factor, mode, align_corners)


def _check_mode(mode: Any, rank: int, align_corners: bool | None) -> None:
    known = ["nearest", "nearest-exact", "area", *_MODES]
    if mode not in known:
        raise ArgumentError(f"a mode of interpolate is one of {', '.join(known)}, not {mode!r}")
    if _MODES.get(mode, rank) != rank:
        fix = next((name for name, axes in _MODES.items() if axes == rank), "nearest")
        raise ArgumentError(
            f"mode={mode!r} is for {_MODES[mode]} axes of an image, not {rank}\n  fix: mode={fix!r}"
        )
    if align_corners is not None and mode not in _MODES:
        raise ArgumentError(f"align_corners is for {', '.join(_MODES)}, not for mode={mode!r}")


def _wanted(
    x: Tensor, rank: int, size: Any, scale: Any, is_recomputed: bool
) -> tuple[tuple[Extent, ...], tuple[float | None, ...]]:
    """The extents of the result, and by how much positions are scaled where that is not their ratio."""
    if (size is None) == (scale is None):
        raise ArgumentError("interpolate takes either a size or a scale_factor")
    if size is not None:
        return extents(size, rank), (None,) * rank
    given = [float(checked_number("scale_factor", item)) for item in items_of(scale)]
    if len(given) not in (1, rank) or any(item <= 0 for item in given):
        raise ArgumentError(f"scale_factor is above 0, one for all or for each of {rank} axes, not {scale!r}")
    factors = tuple(given * (rank if len(given) == 1 else 1))
    found = tuple(_scaled(x, axis, factor) for axis, factor in enumerate(factors, 2))
    return found, (None,) * rank if is_recomputed else factors


def _scaled(x: Tensor, axis: int, factor: float) -> Extent:
    count = x.shape[axis]
    if isinstance(count, int):
        return int(np.floor(count * factor))
    if factor != int(factor):
        raise ShapeError(
            f"a symbolic axis becomes a whole number of times as long, not {factor}: {_at(x, axis)}"
        )
    return count * int(factor)


def _at(x: Tensor, axis: int) -> str:
    return f"axis {axis} of {describe(x.node)}"


def _resampled(
    x: Tensor, axis: int, count: Extent, factor: float | None, mode: str, is_aligned: bool
) -> Tensor:
    whole = x.shape[axis]
    times = divide_exactly(count, whole) if whole != 0 else None
    if mode == "nearest" and times is not None and factor in (None, times):
        before, behind = x.shape[: axis + 1], x.shape[axis + 1 :]
        wide = x.reshape([*before, 1, *behind]).broadcast_to([*before, times, *behind])
        return wide.reshape([*x.shape[:axis], count, *behind])
    if count == whole and factor in (None, 1.0):
        return x
    if not isinstance(whole, int) or not isinstance(count, int):
        raise ShapeError(f"mode={mode!r} needs to know how long an axis is: {_at(x, axis)}")
    if whole < 1 or count < 1:
        raise ShapeError(f"{whole} elements do not become {count}: {_at(x, axis)}")
    terms = _taps(whole, count, factor, mode, is_aligned)
    if mode.startswith("nearest"):
        return take(x, terms[0][0], axis)
    x = x.astype(floating(x.dtype))
    beside = [1] * (x.ndim - 1 - axis)
    parts = [
        take(x, places, axis) * weights.reshape([count, *beside]).astype(x.dtype.numpy)
        for places, weights in terms
    ]
    return sum(parts[1:], parts[0])


def _taps(whole: int, count: int, factor: float | None, mode: str, is_aligned: bool) -> Taps:
    """Which old elements a new one is made of. Positions of "nearest" are PyTorch's, which are of float32."""
    steps = np.arange(count)
    if mode.startswith("nearest"):
        ratio = np.float32(1 / factor) if factor else np.float32(whole) / np.float32(count)
        middle = np.float32(0.5 if mode == "nearest-exact" else 0)
        places = np.floor((steps.astype(np.float32) + middle) * ratio).astype(np.int64)
        return [(np.minimum(places, whole - 1), np.ones(count))]
    if is_aligned:
        at = steps * ((whole - 1) / (count - 1) if count > 1 else 0.0)
    else:
        at = (steps + 0.5) * (1 / factor if factor else whole / count) - 0.5
    if mode == "bicubic":
        first = np.floor(at).astype(np.int64)
        places = [np.clip(first + k, 0, whole - 1) for k in (-1, 0, 1, 2)]
        return list(zip(places, _cubic(at - first), strict=True))
    at = np.maximum(at, 0.0)
    first = np.minimum(np.floor(at).astype(np.int64), whole - 1)
    share = np.clip(at - first, 0.0, 1.0)
    return [(first, 1 - share), (np.minimum(first + 1, whole - 1), share)]


def _cubic(share: np.ndarray[Any, Any], a: float = -0.75) -> list[np.ndarray[Any, Any]]:
    """The weights of the neighbours at -1, 0, 1, 2 of a place between 0 and 1 (Keys, 1981)."""

    def near(t: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return ((a + 2) * t - (a + 3)) * t * t + 1

    def far(t: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return ((a * t - 5 * a) * t + 8 * a) * t - 4 * a

    return [far(share + 1), near(share), near(1 - share), far(2 - share)]


def pixel_shuffle(x: Any, upscale_factor: int) -> Tensor:
    """Channels as finer pixels: `[..., c * r * r, h, w]` to `[..., c, h * r, w * r]` (Shi et al., 2016).

    Raises ShapeError where the channels are no multiple of r * r. (torch.nn.functional.pixel_shuffle.)
    """
    x, r = _pixels("pixel_shuffle", x), _factor("upscale_factor", upscale_factor)
    *beside, channels, height, width = x.shape
    share = divide_exactly(channels, r * r)
    if share is None:
        raise ShapeError(f"{channels} channels are no multiple of {r} * {r}: {_at(x, x.ndim - 3)}")
    apart = x.reshape([*beside, share, r, r, height, width])
    n = len(beside)
    turned = apart.transpose([*range(n + 1), n + 3, n + 1, n + 4, n + 2])
    return turned.reshape([*beside, share, height * r, width * r])


def pixel_unshuffle(x: Any, downscale_factor: int) -> Tensor:
    """Blocks of pixels laid out as channels: `[..., c, h * r, w * r]` to `[..., c * r * r, h, w]`.

    The inverse of `pixel_shuffle`.

    Raises ShapeError where the image is no multiple of r. (torch.nn.functional.pixel_unshuffle.)
    """
    x, r = _pixels("pixel_unshuffle", x), _factor("downscale_factor", downscale_factor)
    *beside, channels, height, width = x.shape
    rows, columns = divide_exactly(height, r), divide_exactly(width, r)
    if rows is None or columns is None:
        raise ShapeError(f"an image of {height} x {width} is no multiple of {r}: {describe(x.node)}")
    apart = x.reshape([*beside, channels, rows, r, columns, r])
    n = len(beside)
    turned = apart.transpose([*range(n + 1), n + 2, n + 4, n + 1, n + 3])
    return turned.reshape([*beside, channels * (r * r), rows, columns])


def _pixels(what: str, x: Any) -> Tensor:
    x = as_tensor(x)
    if x.ndim < 3:
        raise ShapeError(f"{what} takes [..., channels, height, width], not {describe(x.node)}")
    return x


def _factor(what: str, value: Any) -> int:
    found = counted(what, value)
    if found < 1:
        raise ArgumentError(f"{what} is 1 or more, not {value!r}")
    return found


def im2col(x: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """The windows of images as columns: `[n, c, h, w]` to `[n, c * k * l, positions]`.

    This is torch.nn.functional.unfold; `tt.unfold` is the method of PyTorch's tensors, windows along one
    axis. A convolution needs no columns: `tt.sliding_window` is a view of the same elements.
    """
    x = images("im2col", x, 2)
    windows = _patches(kernel_size, dilation, padding, stride)
    _ = windows.counts(x)
    seen = sliding_window(windows.padded(x), windows.sizes, (-2, -1), windows.steps, windows.dilations)
    n = x.ndim - 3
    columns = seen.transpose([*range(n + 1), n + 3, n + 4, n + 1, n + 2])
    return columns.flatten(n, n + 2).flatten(n + 1)


def col2im(
    x: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    """The adjoint of `im2col`, `[n, c * k * l, positions]` to `[n, c, h, w]`: columns added where they were.

    This is torch.nn.functional.fold; `tt.fold` is the same of windows that have axes of their own. Raises
    ShapeError where the columns are not those of `output_size`.
    """
    x = as_tensor(x)
    windows, shape = _patches(kernel_size, dilation, padding, stride), extents(output_size, 2)
    taps = product(windows.sizes)
    channels = divide_exactly(x.shape[-2], taps) if x.ndim in (2, 3) else None
    if channels is None:
        raise ShapeError(f"col2im takes [batch, channels * {taps}, positions], not {describe(x.node)}")
    room = [n + low + high for n, (low, high) in zip(shape, windows.padding, strict=True)]
    counts = _columns(x, windows, room)
    beside = x.shape[:-2]
    apart = x.reshape([*beside, channels, *windows.sizes, *counts])
    n = len(beside)
    turned = apart.transpose([*range(n + 1), n + 3, n + 4, n + 1, n + 2])
    laid = fold(turned, room, (n + 1, n + 2), windows.steps, windows.dilations)
    starts = [0] * (n + 1) + [low for low, _ in windows.padding]
    return part_of(laid, starts, [*beside, channels, *shape])


def _patches(kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Windows:
    sizes, steps = each("kernel_size", kernel_size, 2), each("stride", stride, 2)
    dilations = each("dilation", dilation, 2)
    return Windows(sizes, steps, dilations, pairs(padding, sizes, steps, dilations))


def _columns(x: Tensor, windows: Windows, room: Sequence[Extent]) -> list[Extent]:
    """How many windows lie along each axis of the room, all of which the columns must be."""
    rows = zip(room, windows.reaches, windows.steps, strict=True)
    counts = [
        whole // step + 1 if isinstance(whole := n - reach, int) else (divide_exactly(whole, step) or 0) + 1
        for n, reach, step in rows
    ]
    if any(isinstance(count, int) and count < 1 for count in counts) or product(counts) != x.shape[-1]:
        raise ShapeError(
            f"{list(map(str, room))} has {' x '.join(map(str, counts))} windows of {list(windows.sizes)}, "
            f"and there are {x.shape[-1]} columns: {describe(x.node)}"
        )
    return counts
