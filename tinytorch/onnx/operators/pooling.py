"""Pools: those of `tinytorch.ops`, over images that are padded first as a model asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from compiler.ir.dims import Extent, product
from compiler.ir.op import Combine
from tinytorch.onnx.calling.operator import Call, Extents, operator
from tinytorch.onnx.calling.values import Unsupported
from tinytorch.onnx.operators.windows import Ints, ints, pairs_of, windows_of
from tinytorch.ops.elementwise import abs, maximum, minimum
from tinytorch.ops.layout import arange
from tinytorch.ops.making import zeros
from tinytorch.ops.norms import vector_norm
from tinytorch.ops.pooling import avg_pool1d, avg_pool2d, avg_pool3d, max_pool1d, max_pool2d, max_pool3d
from tinytorch.ops.scattering import scatter
from tinytorch.ops.windows import sliding_window
from tinytorch.rounding import rounded_once
from tinytorch.scattering import identity_of
from tinytorch.spatial import Windows
from tinytorch.tensor import Tensor

_LARGEST: Final[Mapping[int, Callable[..., Any]]] = {1: max_pool1d, 2: max_pool2d, 3: max_pool3d}
_MEANS: Final[Mapping[int, Callable[..., Tensor]]] = {1: avg_pool1d, 2: avg_pool2d, 3: avg_pool3d}


@operator("MaxPool", since=1, limits="1 to 3 spatial axes.")
def max_pool(
    x: Tensor, *, kernel_shape: Sequence[int], auto_pad: str, ceil_mode: int = 0, storage_order: int = 0,
    strides: Ints = None, pads: Ints = None, dilations: Ints = None, call: Call,
) -> Any:  # fmt: skip
    """The largest element of each window, and its place in the whole tensor, without the padding."""
    windows, counts = _seen(x, kernel_shape, strides, pads, dilations, auto_pad, ceil_mode)
    padded = windows.padded(x, identity_of(Combine.MAX, x.dtype))
    function = _LARGEST[windows.rank]
    settings = (windows.sizes, windows.steps, 0, windows.dilations)
    if not call.wants(1):
        return function(padded, *settings)
    found, place = function(padded, *settings, return_indices=True)
    return found, _in_whole(_unpadded(place, x, padded, windows, storage_order), x, counts)


def _seen(
    x: Tensor, sizes: Sequence[int], strides: Ints, pads: Ints, dilations: Ints, auto_pad: str, ceil_mode: int
) -> tuple[Windows, tuple[Extent, ...]]:
    """The windows, with as much padding behind as those of `ceil_mode` reach, and how many there are."""
    windows = windows_of(x, sizes, strides, pads, dilations, auto_pad)
    counts = windows.counts(x, bool(ceil_mode))
    return windows.with_excess(x, counts), counts


def _unpadded(place: Tensor, x: Tensor, padded: Tensor, windows: Windows, storage_order: int) -> Tensor:
    """Places in an image of those in the padded one, counted by rows, or by columns."""
    rank = windows.rank
    if padded.shape == x.shape and not storage_order:
        return place
    found: Any = 0
    for axis in range(rank):
        pitch = product(padded.shape[axis + 3 :])
        here = place // pitch % padded.shape[axis + 2] - windows.padding[axis][0]
        own = x.shape[2 : axis + 2] if storage_order else x.shape[axis + 3 :]
        found = found + here * product(own)
    return found


def _in_whole(place: Tensor, x: Tensor, counts: Sequence[Extent]) -> Tensor:
    """Places in the whole tensor of those in an image of it."""
    images = arange(product(x.shape[:2])).reshape([*x.shape[:2], *[1] * len(counts)])
    return place + images * product(x.shape[2:])


@operator("MaxUnpool", since=9)
def max_unpool(
    x: Tensor, i: Tensor, output_shape: Extents | None = None, *, kernel_shape: Sequence[int],
    pads: Ints = None, strides: Ints = None,
) -> Tensor:  # fmt: skip
    """Elements where MaxPool found them, in zeros.

    Places are those in a tensor of the extents that the pool had without `output_shape`.
    """
    rank = len(kernel_shape)
    rows = zip(x.shape[2:], ints(strides, rank, 1), kernel_shape, pairs_of(pads, rank), strict=True)
    least = [(n - 1) * step + size - low - high for n, step, size, (low, high) in rows]
    shape = [*x.shape[:2], *least]
    wanted = shape if output_shape is None else list(output_shape)
    flat = zeros([product(wanted)], dtype=x.dtype)
    return scatter(flat, 0, _moved(i, shape, wanted).flatten(), x.flatten()).reshape(wanted)


def _moved(place: Tensor, shape: Sequence[Extent], wanted: Sequence[Extent]) -> Tensor:
    """Places in a tensor of a shape as those in another one, in whose beginning it lies."""
    if list(shape) == list(wanted):
        return place
    found: Any = 0
    for axis in range(len(shape)):
        here = place // product(shape[axis + 1 :]) % shape[axis]
        found = found + here * product(wanted[axis + 1 :])
    return found


@operator("AveragePool", since=1, limits="1 to 3 spatial axes.")
def average_pool(
    x: Tensor, *, kernel_shape: Sequence[int], auto_pad: str, ceil_mode: int = 0, count_include_pad: int = 0,
    strides: Ints = None, pads: Ints = None, dilations: Ints = None,
) -> Tensor:  # fmt: skip
    """The mean of each window. Zeros of the padding are elements if they are to be counted."""
    windows = windows_of(x, kernel_shape, strides, pads, dilations, auto_pad)
    if set(windows.dilations) == {1} and _is_narrow(windows):
        settings = (windows.sizes, windows.steps, list(windows.padding))
        return _MEANS[windows.rank](x, *settings, bool(ceil_mode), bool(count_include_pad))
    return _mean(x, windows, bool(ceil_mode), bool(count_include_pad))


def _is_narrow(windows: Windows) -> bool:
    """Whether no padding is wider than half of the kernel, which pools of ours require."""
    rows = zip(windows.padding, windows.sizes, strict=True)
    return all(2 * low <= size and 2 * high <= size for (low, high), size in rows)


@rounded_once
def _mean(x: Tensor, windows: Windows, is_ceil: bool, is_counted: bool) -> Tensor:
    counts = windows.counts(x, is_ceil)
    wide = windows.with_excess(x, counts)
    real = windows.padding if is_counted else ((0, 0),) * windows.rank
    return _added(wide.padded(x), windows) / _elements(x, windows, counts, real).astype(x.dtype)


def _added(padded: Tensor, windows: Windows) -> Tensor:
    """The sum of each window, axis by axis."""
    rows = zip(windows.sizes, windows.steps, windows.dilations, strict=True)
    for axis, (size, step, dilation) in enumerate(rows, 2):
        padded = sliding_window(padded, size, axis, step, dilation).sum(-1)
    return padded


def _elements(x: Tensor, windows: Windows, counts: Sequence[Extent], real: Any) -> Any:
    """How many taps of each window lie in `x` and the padding that is real."""
    found: Any = 1
    for axis, (count, (low, high)) in enumerate(zip(counts, real, strict=True)):
        size, dilation = windows.sizes[axis], windows.dilations[axis]
        first = arange(count) * windows.steps[axis] - windows.padding[axis][0]
        before = maximum(-((first + low) // dilation), 0)  # the first tap that is not before the axis
        end = minimum(-((first - x.shape[axis + 2] - high) // dilation), size)
        found = (end - before).reshape([count, *[1] * (windows.rank - 1 - axis)]) * found
    return found


@operator("LpPool", since=2, limits="1 to 3 spatial axes.")
@rounded_once
def lp_pool(
    x: Tensor, *, kernel_shape: Sequence[int], auto_pad: str, p: int, ceil_mode: int = 0,
    strides: Ints = None, pads: Ints = None, dilations: Ints = None,
) -> Tensor:  # fmt: skip
    """The p-norm of each window: the p-th root of the sum of the p-th powers of magnitudes."""
    windows, _ = _seen(x, kernel_shape, strides, pads, dilations, auto_pad, ceil_mode)
    rank = windows.rank
    axes = tuple(range(2, 2 + rank))
    seen = sliding_window(windows.padded(x), windows.sizes, axes, windows.steps, windows.dilations)
    return vector_norm(abs(seen), p, tuple(range(-rank, 0)))


@operator("GlobalAveragePool", since=1)
def global_average_pool(x: Tensor) -> Tensor:
    """The mean of each channel."""
    return x.mean(_spatial(x), keepdims=True)


@operator("GlobalMaxPool", since=1)
def global_max_pool(x: Tensor) -> Tensor:
    """The largest element of each channel."""
    return x.max(_spatial(x), keepdims=True)


@operator("GlobalLpPool", since=2)
def global_lp_pool(x: Tensor, *, p: int) -> Tensor:
    """The p-norm of each channel."""
    return vector_norm(x, p, _spatial(x), keepdims=True)


def _spatial(x: Tensor) -> tuple[int, ...]:
    if x.ndim < 3:
        raise Unsupported(f"a pool over the spatial axes of an input that has {x.ndim} axes in all")
    return tuple(range(2, x.ndim))
