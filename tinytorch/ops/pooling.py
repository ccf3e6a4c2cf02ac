"""Pooling: the largest element, the mean or the norm of each window of an image.

The place of the largest element is found first, and the element is picked there: so the gradient has one
place to go to, the first of equal ones in each window, as in PyTorch (that of `sliding_window(...).max(...)`
is shared among them). Means are taken axis by axis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any, Final

from compiler.errors import ArgumentError
from compiler.ir.dims import Extent
from compiler.ir.dims import product as volume
from compiler.ir.op import Combine
from compiler.ir.scope import scope
from compiler.ir.types import floating
from tinytorch.axes import items_of
from tinytorch.ops.elementwise import isnan, maximum, minimum, pow, where
from tinytorch.ops.layout import arange, take_along_axis
from tinytorch.ops.making import zeros
from tinytorch.ops.windows import sliding_window
from tinytorch.rounding import rounded_once
from tinytorch.scattering import identity_of
from tinytorch.spatial import Windows, each, images, pairs, part_of
from tinytorch.tensor import Tensor
from tinytorch.values import checked_number

_FEW: Final = 64
"""Taps up to which they are compared one by one, in one kernel, rather than searched as an axis."""

_NARROW: Final = 2**31


@scope("max_pool1d")
def max_pool1d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest element of each window along the last axis; as `max_pool2d`."""
    return _largest(1, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@scope("max_pool2d")
def max_pool2d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest element of each window of an image, `[n, c, h, w]` to `[n, c, p, q]`; NaN if it has one.

    Settings are numbers or one for each axis; `stride` is by default `kernel_size`. Padding counts as smaller
    than any element, and is at most half of the kernel. With `ceil_mode` there is also a last window that
    reaches beyond the end. The gradient goes to the first of equal elements. With `return_indices` also its
    place in the image, row by row (int64). Without the axis of the batch one image gives one.
    (torch.nn.functional.max_pool2d.) Raises ShapeError where no window fits.
    """
    return _largest(2, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@scope("max_pool3d")
def max_pool3d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest element of each window of a volume; as `max_pool2d`."""
    return _largest(3, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def _largest(
    rank: int, x: Any, size: Any, stride: Any, padding: Any, dilation: Any, is_ceil: bool, is_placed: bool
) -> Any:
    what = f"max_pool{rank}d"
    x = images(what, x, rank)
    windows = _windows(what, rank, size, stride, padding, each("dilation", dilation, rank))
    counts = windows.counts(x, is_ceil)
    windows = windows.with_excess(x, counts)
    padded = windows.padded(x, identity_of(Combine.MAX, x.dtype))
    shape = padded.shape[-rank:]
    place = _places(padded, windows, counts, shape, ((0, 0),) * rank)
    found = take_along_axis(padded.flatten(-rank), place.flatten(-rank), -1).reshape(place.shape)
    if not is_placed:
        return found
    return found, _places(padded, windows, counts, x.shape[-rank:], windows.padding).astype("int64")


def _places(
    padded: Tensor, windows: Windows, counts: Sequence[Extent], shape: Sequence[Extent], padding: Any
) -> Tensor:
    """Where in an image of a shape, of which each axis begins behind some padding, each window is largest."""
    pitches = [volume(shape[axis + 1 :]) for axis in range(windows.rank)]
    dtype = "int32" if isinstance(n := volume(shape), int) and n < _NARROW else "int64"
    few = math.prod(size if isinstance(size, int) else _FEW + 1 for size in windows.sizes) <= _FEW
    place = (_compared if few else _searched)(padded, windows, counts, pitches, dtype)
    rows = zip(counts, windows.steps, pitches, padding, strict=True)
    for axis, (count, step, pitch, (low, _)) in enumerate(rows):
        first = arange(count, start=-low * pitch, step=step * pitch)
        place = place + first.reshape([count, *[1] * (windows.rank - 1 - axis)]).astype(dtype)
    return place


def _compared(
    padded: Tensor, windows: Windows, counts: Sequence[Extent], pitches: Sequence[Extent], dtype: str
) -> Tensor:
    """How far the largest element of each window is from its first one, by comparing one with the next."""
    best: Tensor | None = None
    far = zeros((), dtype=dtype)
    for taps in product(*[range(int(str(size))) for size in windows.sizes]):
        item = windows.tap(padded, counts, taps)
        rows = zip(taps, windows.dilations, pitches, strict=True)
        away = sum(tap * dilation * pitch for tap, dilation, pitch in rows)
        if best is None:
            best = item
            continue
        is_larger = (item > best) | isnan(item) if item.dtype.is_float else item > best
        best, far = where(is_larger, item, best), where(is_larger, away, far)
    return far if far.ndim else far.broadcast_to([*padded.shape[: -windows.rank], *counts])


def _searched(
    padded: Tensor, windows: Windows, counts: Sequence[Extent], pitches: Sequence[Extent], dtype: str
) -> Tensor:
    """The same of windows with many elements."""
    axes = tuple(range(-windows.rank, 0))
    seen = sliding_window(padded, windows.sizes, axes, windows.steps, windows.dilations)
    rest = seen.flatten(-windows.rank).argmax(-1)
    far = zeros((), dtype=dtype)
    for axis in reversed(range(windows.rank)):
        tap, rest = rest % windows.sizes[axis], rest // windows.sizes[axis]
        far = far + (tap * windows.dilations[axis] * pitches[axis]).astype(dtype)
    return far


@scope("avg_pool1d")
@rounded_once
def avg_pool1d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean of each window along the last axis; as `avg_pool2d`."""
    return _mean(1, x, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


@scope("avg_pool2d")
@rounded_once
def avg_pool2d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: float | None = None,
) -> Tensor:
    """The mean of each window of an image: `[n, c, h, w]` to `[n, c, p, q]`, floating.

    Zeros of the padding count as elements with `count_include_pad`; what a last window of `ceil_mode` has
    beyond them never does. `divisor_override` is what all sums are divided by instead. Other settings are
    those of `max_pool2d`. (torch.nn.functional.avg_pool2d.) Raises ShapeError where no window fits.
    """
    return _mean(2, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


@scope("avg_pool3d")
@rounded_once
def avg_pool3d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: float | None = None,
) -> Tensor:
    """The mean of each window of a volume; as `avg_pool2d`."""
    return _mean(3, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def _mean(
    rank: int, x: Any, size: Any, stride: Any, padding: Any, is_ceil: bool, is_counted: bool, divisor: Any
) -> Tensor:
    what = f"avg_pool{rank}d"
    x = images(what, x, rank)
    x = x.astype(floating(x.dtype))
    windows = _windows(what, rank, size, stride, padding, (1,) * rank)
    counts = windows.counts(x, is_ceil)
    wide = windows.with_excess(x, counts)
    total = _added(wide.padded(x), wide, counts)
    if divisor is not None:
        given = checked_number("divisor_override", divisor)
        if not given:
            raise ArgumentError("divisor_override is what sums are divided by, and not 0")
        return total / given
    real = windows.padding if is_counted else ((0, 0),) * rank
    return total / _elements(x, wide, counts, real)


def _added(padded: Tensor, windows: Windows, counts: Sequence[Extent]) -> Tensor:
    """The sum of each window: of what is apart a sum of rows, else of windows, axis by axis."""
    for axis, (count, size, step) in enumerate(zip(counts, windows.sizes, windows.steps, strict=True)):
        place = padded.ndim - windows.rank + axis
        before, behind = padded.shape[:place], padded.shape[place + 1 :]
        if size == step:
            whole = part_of(padded, [0] * padded.ndim, [*before, count * size, *behind])
            padded = whole.reshape([*before, count, size, *behind]).sum(place + 1)
        else:
            padded = sliding_window(padded, size, place, step).sum(-1)
    return padded


def _elements(x: Tensor, windows: Windows, counts: Sequence[Extent], real: Any) -> Any:
    """How many elements each window has of `x` and of the padding that is `real`."""
    found: Any = math.prod(size for size in windows.sizes if isinstance(size, int))
    for axis in range(windows.rank):
        if windows.padding[axis] == real[axis]:
            continue
        size, (low, high) = windows.sizes[axis], real[axis]
        first = arange(counts[axis]) * windows.steps[axis] - windows.padding[axis][0]
        end = minimum(first + size, x.shape[axis - windows.rank] + high)
        inside = (end - maximum(first, -low)).astype(x.dtype) / size
        found = inside.reshape([counts[axis], *[1] * (windows.rank - 1 - axis)]) * found
    return found


@scope("lp_pool1d")
@rounded_once
def lp_pool1d(
    x: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Tensor:
    """The `norm_type`-norm of each window along the last axis; as `lp_pool2d`."""
    return _normed(1, x, norm_type, kernel_size, stride, ceil_mode)


@scope("lp_pool2d")
@rounded_once
def lp_pool2d(
    x: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Tensor:
    """`(sum of x ** norm_type) ** (1 / norm_type)` of each window of an image.

    Powers of the elements themselves, not of their sizes: an odd power of negative elements is negative,
    and has no root (NaN). A last window of `ceil_mode` that has fewer elements counts as if it had as
    many as the others, of the same mean. Where all elements are 0, the gradient is 0, where PyTorch has NaN.
    (torch.nn.functional.lp_pool2d.)
    """
    return _normed(2, x, norm_type, kernel_size, stride, ceil_mode)


@scope("lp_pool3d")
@rounded_once
def lp_pool3d(
    x: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Tensor:
    """The `norm_type`-norm of each window of a volume; as `lp_pool2d`."""
    return _normed(3, x, norm_type, kernel_size, stride, ceil_mode)


def _normed(rank: int, x: Any, norm_type: float, size: Any, stride: Any, is_ceil: bool) -> Tensor:
    power = checked_number("norm_type", norm_type)
    if power == 0 or math.isinf(power):
        raise ArgumentError(f"the norm_type of a pool is a number that is not 0, not {norm_type!r}")
    x = images(f"lp_pool{rank}d", x, rank)
    raised = pow(x.astype(floating(x.dtype)), power)
    total = _mean(rank, raised, size, stride, 0, is_ceil, True, None) * math.prod(each("a size", size, rank))
    is_none = total == 0
    return where(is_none, 0, pow(where(is_none, 1, total), 1 / power))


def _windows(
    what: str, rank: int, size: Any, stride: Any, padding: Any, dilations: tuple[int, ...]
) -> Windows:
    sizes = each(f"the kernel_size of {what}", size, rank)
    steps = each("stride", stride, rank) if items_of(stride) not in ([], [None]) else sizes
    found = Windows(sizes, steps, dilations, pairs(padding, sizes, steps, dilations))
    for width, reach in zip(found.padding, found.reaches, strict=True):
        if isinstance(reach, int) and any(isinstance(n, int) and 2 * n > reach for n in width):
            raise ArgumentError(
                f"the padding of {what} is at most half of its kernel of {sizes}, not {padding!r}"
            )
    return found
