"""Convolutions and their transposes: contractions with windows, and windows of products added back.

    conv             y[n, o, p]  =  sum over c, k of x[n, c, i] * w[o, c, k]
    conv_transpose   y[n, o, i]  =  sum over c, p, k of x[n, c, p] * w[c, o, k]

with i = p * stride + k * dilation - padding along each axis, and 0 for what lies outside.

What they build is what the compiler makes fast: no window is copied, the gradient by the input is the
transposed one, and that of a stride is taken apart into phases. Dumoulin and Visin, A guide to convolution
arithmetic for deep learning (2016), has pictures of all the settings.
"""

from __future__ import annotations

from typing import Any

from compiler.errors import ArgumentError, ShapeError
from compiler.ir.dims import Extent, divide_exactly
from compiler.ir.node import describe
from compiler.ir.scope import scope
from tinytorch.axes import counted
from tinytorch.ops.contract import einsum
from tinytorch.ops.windows import fold, sliding_window
from tinytorch.rounding import rounded_once
from tinytorch.spatial import EXTENTS, Windows, each, images, pairs, part_of
from tinytorch.tensor import Tensor, as_tensor, as_tensors

_PLACES, _TAPS = "pqr", "ijk"
"""Letters of positions and of taps."""


@scope("conv1d")
@rounded_once
def conv1d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Rows convolved with `weight`: `[n, c, length]` and `[o, c / groups, k]` to `[n, o, positions]`.

    As `conv2d`, along one axis.
    """
    return _convolved(1, x, weight, bias, stride, padding, dilation, groups)


@scope("conv2d")
@rounded_once
def conv2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Images convolved with `weight`: `[n, c, h, w]` and `[o, c / groups, k, l]` to `[n, o, p, q]`.

    As in every library of networks a correlation: `weight` is not flipped. `stride`, `padding` and `dilation`
    are numbers or one for each axis; padding is of zeros, may be a pair `(low, high)` for each axis, "valid"
    (none), or "same", which keeps the extents and puts an odd zero behind. With `groups` each group of the
    channels is convolved by its own part of `weight`; `groups=c` is depthwise. `bias` is `[o]`. Without the
    axis of the batch one image gives one. Integers are summed in int64. (torch.nn.functional.conv2d.)

    Raises ShapeError where channels do not fit or a kernel is larger than what it is laid over, and for
    a stride along a symbolic axis of which nobody can tell how many windows it has.
    """
    return _convolved(2, x, weight, bias, stride, padding, dilation, groups)


@scope("conv3d")
@rounded_once
def conv3d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Volumes convolved, as films or scans in slices: `[n, c, d, h, w]` to `[n, o, p, q, r]`.

    `weight` is `[o, c / groups, j, k, l]`; as `conv2d`, along three axes.
    """
    return _convolved(3, x, weight, bias, stride, padding, dilation, groups)


def _convolved(
    rank: int, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: Any
) -> Tensor:
    what = f"conv{rank}d"
    x, weight = _operands(what, x, weight, rank)
    groups = _checked_groups(groups)
    _check_channels(what, x, weight, weight.shape[1] * groups, groups, rank)
    _share(weight, 0, groups)
    windows = _windows(weight, stride, padding, dilation, rank)
    _ = windows.counts(x)  # raises where they do not fit
    axes = tuple(range(-rank, 0))
    seen = sliding_window(windows.padded(x), windows.sizes, axes, windows.steps, windows.dilations)
    found = _contracted(seen, weight, groups, rank)
    return _with_bias(what, found, bias, weight.shape[0], rank)


def _contracted(seen: Tensor, weight: Tensor, groups: int, rank: int) -> Tensor:
    """The windows' elements times the weights, added up: for each group apart, if there are several."""
    batch = "n" if seen.ndim == 2 * rank + 2 else ""
    places, taps = _PLACES[:rank], _TAPS[:rank]
    if groups == 1:
        return einsum(f"{batch}c{places}{taps},oc{taps}->{batch}o{places}", seen, weight)
    outputs, inputs = weight.shape[:2]
    if inputs == 1:  # depthwise: an axis less is a loop less
        kernel = weight.squeeze(1)
        if outputs == groups:
            return einsum(f"{batch}g{places}{taps},g{taps}->{batch}g{places}", seen, kernel)
        kernel = _unflattened(kernel, 0, groups)
        found = einsum(f"{batch}g{places}{taps},go{taps}->{batch}go{places}", seen, kernel)
        return found.flatten(len(batch), len(batch) + 1)
    apart = _unflattened(seen, len(batch), groups)
    kernel = _unflattened(weight, 0, groups)
    found = einsum(f"{batch}gc{places}{taps},goc{taps}->{batch}go{places}", apart, kernel)
    return found.flatten(len(batch), len(batch) + 1)


@scope("conv_transpose1d")
@rounded_once
def conv_transpose1d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """Rows of kernels added up: `[n, c, length]` and `[c, o / groups, k]` to `[n, o, length']`.

    As `conv_transpose2d`, along one axis.
    """
    return _transposed(1, x, weight, bias, stride, padding, output_padding, groups, dilation)


@scope("conv_transpose2d")
@rounded_once
def conv_transpose2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """The adjoint of `conv2d` by its input: `[n, c, h, w]` and `[c, o / groups, k, l]` to `[n, o, h', w']`.

    Each element lays its kernels, `stride` apart, onto the result, where they add up; `h' = (h - 1) stride
    - 2 padding + dilation (k - 1) + output_padding + 1`. `padding` takes elements away at the ends of axes;
    `output_padding`, less than the stride or the dilation, tells apart the extents from which a convolution
    with this stride comes to the same. (torch.nn.functional.conv_transpose2d, whose order of arguments it
    has.) Raises ShapeError and ArgumentError as `conv2d`.
    """
    return _transposed(2, x, weight, bias, stride, padding, output_padding, groups, dilation)


@scope("conv_transpose3d")
@rounded_once
def conv_transpose3d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Tensor:
    """Volumes of kernels added up: `[n, c, d, h, w]` and `[c, o / groups, j, k, l]`.

    As `conv_transpose2d`, along three axes.
    """
    return _transposed(3, x, weight, bias, stride, padding, output_padding, groups, dilation)


def _transposed(
    rank: int,
    x: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: Any,
    dilation: Any,
) -> Tensor:
    what = f"conv_transpose{rank}d"
    x, weight = _operands(what, x, weight, rank)
    groups = _checked_groups(groups)
    _check_channels(what, x, weight, weight.shape[0], groups, rank)
    _share(weight, 0, groups)
    windows = _windows(weight, stride, padding, dilation, rank)
    more = _checked_more(output_padding, windows)
    products = _products(x, weight, groups, rank)
    found = _laid(what, products, x, windows, more)
    return _with_bias(what, found, bias, weight.shape[1] * groups, rank)


def _products(x: Tensor, weight: Tensor, groups: int, rank: int) -> Tensor:
    """Each element times its kernels, summed over the channels: positions, then taps behind the outputs."""
    batch = "n" if x.ndim == rank + 2 else ""
    places, taps = _PLACES[:rank], _TAPS[:rank]
    if groups == 1:
        return einsum(f"{batch}c{places},co{taps}->{batch}o{places}{taps}", x, weight)
    apart, kernels = _unflattened(x, len(batch), groups), _unflattened(weight, 0, groups)
    found = einsum(f"{batch}gc{places},gco{taps}->{batch}go{places}{taps}", apart, kernels)
    return found.flatten(len(batch), len(batch) + 1)


def _laid(what: str, products: Tensor, x: Tensor, windows: Windows, more: tuple[int, ...]) -> Tensor:
    """Kernels laid where their elements say, without the padding."""
    rank = windows.rank
    rows = zip(x.shape[-rank:], windows.steps, windows.reaches, strict=True)
    full = [(count - 1) * step + reach for count, step, reach in rows]
    starts = [low for low, _ in windows.padding]
    wanted = [n - low - high + k for n, (low, high), k in zip(full, windows.padding, more, strict=True)]
    if any(isinstance(n, int) and n < 1 for n in wanted):
        raise ShapeError(f"padding leaves nothing of what {what} makes, {full}: {describe(x.node)}")
    beyond = [k - high for k, (_, high) in zip(more, windows.padding, strict=True)]
    room = [n + k if isinstance(k, int) and k > 0 else n for n, k in zip(full, beyond, strict=True)]
    axes = tuple(range(products.ndim - 2 * rank, products.ndim - rank))
    laid = fold(products, room, axes, windows.steps, windows.dilations)
    beside = laid.shape[: laid.ndim - rank]
    return part_of(laid, [*[0] * len(beside), *starts], [*beside, *wanted])


def _operands(what: str, x: Any, weight: Any, rank: int) -> tuple[Tensor, Tensor]:
    first, second = as_tensors(x, weight)
    if second.ndim != rank + 2:
        kind = "[inputs, outputs / groups" if "transpose" in what else "[outputs, inputs / groups"
        raise ShapeError(
            f"the weight of {what} is {kind}, {EXTENTS[rank]} of the kernel], not {describe(second.node)}"
        )
    return images(what, first, rank), second


def _windows(weight: Tensor, stride: Any, padding: Any, dilation: Any, rank: int) -> Windows:
    sizes, steps = weight.shape[2:], each("stride", stride, rank)
    dilations = each("dilation", dilation, rank)
    return Windows(sizes, steps, dilations, pairs(padding, sizes, steps, dilations))


def _checked_groups(groups: Any) -> int:
    found = counted("groups", groups)
    if found < 1:
        raise ArgumentError(f"groups is 1 or more, not {groups!r}")
    return found


def _check_channels(what: str, x: Tensor, weight: Tensor, wanted: Extent, groups: int, rank: int) -> None:
    have = x.shape[-rank - 1]
    if have != wanted:
        apart = f" in {groups} groups" if groups > 1 else ""
        raise ShapeError(
            f"{what}: the input has {have} channels, and the weight is for {wanted}{apart}\n"
            f"  {describe(x.node)}\n  {describe(weight.node)}"
        )


def _share(weight: Tensor, axis: int, groups: int) -> Extent:
    share = divide_exactly(weight.shape[axis], groups)
    if share is None:
        raise ShapeError(
            f"{weight.shape[axis]} channels are no {groups} equal groups: axis {axis} of "
            f"{describe(weight.node)}\n  fix: a count of channels that is a multiple of groups"
        )
    return share


def _unflattened(x: Tensor, axis: int, groups: int) -> Tensor:
    """An axis of channels as groups, and channels of each."""
    return x.reshape([*x.shape[:axis], groups, _share(x, axis, groups), *x.shape[axis + 1 :]])


def _checked_more(value: Any, windows: Windows) -> tuple[int, ...]:
    found = each("output_padding", value, windows.rank, 0)
    rows = zip(found, windows.steps, windows.dilations, strict=True)
    if any(more >= max(step, dilation) for more, step, dilation in rows):
        raise ArgumentError(f"output_padding is less than the stride or the dilation, not {value!r}")
    return found


def _with_bias(what: str, found: Tensor, bias: Any, outputs: Extent, rank: int) -> Tensor:
    if bias is None:
        return found
    bias = as_tensor(bias)
    if bias.shape != (outputs,):
        raise ShapeError(f"the bias of {what} is [{outputs}], one a channel, not {describe(bias.node)}")
    return found + bias.reshape([outputs, *[1] * rank])
