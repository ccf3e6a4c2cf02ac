"""Convolutions and their transposes: those of `tinytorch.ops`, with the padding that a model asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from compiler.ir.dims import Extent
from tinytorch.onnx.calling.operator import Extents, operator
from tinytorch.onnx.calling.values import Unsupported
from tinytorch.onnx.operators.windows import Ints, ints, pairs_of, split_in, windows_of
from tinytorch.ops.activations import silu
from tinytorch.ops.convolution import (
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
)
from tinytorch.ops.layout import concatenate
from tinytorch.ops.making import zeros
from tinytorch.ops.padding import pad
from tinytorch.ops.windows import fold
from tinytorch.spatial import part_of
from tinytorch.tensor import Tensor

_CONVOLUTIONS: Final[Mapping[int, Callable[..., Tensor]]] = {1: conv1d, 2: conv2d, 3: conv3d}
_TRANSPOSES: Final[Mapping[int, Callable[..., Tensor]]] = {
    1: conv_transpose1d,
    2: conv_transpose2d,
    3: conv_transpose3d,
}


@operator("Conv", since=1, limits="1 to 3 spatial axes.")
def conv(
    x: Tensor, w: Tensor, b: Tensor | None = None, *, auto_pad: str, group: int, kernel_shape: Ints = None,
    strides: Ints = None, pads: Ints = None, dilations: Ints = None,
) -> Tensor:  # fmt: skip
    """Windows of x times w, summed, for each group of channels."""
    sizes = kernel_of(w, kernel_shape)
    windows = windows_of(x, sizes, strides, pads, dilations, auto_pad)
    return _CONVOLUTIONS[windows.rank](
        x, w, b, windows.steps, list(windows.padding), windows.dilations, group
    )


def kernel_of(w: Tensor, kernel_shape: Ints) -> tuple[Extent, ...]:
    """The extents of a kernel. Raises Unsupported where the attribute says something else."""
    sizes = w.shape[2:]
    if kernel_shape is not None and tuple(kernel_shape) != sizes:
        raise Unsupported(f"kernel_shape is {list(kernel_shape)}, and the weight has {list(sizes)}")
    return sizes


@operator("ConvTranspose", since=1, limits="1 to 3 spatial axes.")
def conv_transpose(
    x: Tensor, w: Tensor, b: Tensor | None = None, *, auto_pad: str, group: int, kernel_shape: Ints = None,
    strides: Ints = None, pads: Ints = None, dilations: Ints = None, output_padding: Ints = None,
    output_shape: Ints = None,
) -> Tensor:  # fmt: skip
    """Kernels laid where the elements of x are, and added up.

    What an `output_shape` asks for beyond the last kernel is zeros.
    """
    sizes = kernel_of(w, kernel_shape)
    windows = windows_of(x, sizes, strides, None, dilations)
    rank = windows.rank
    more = ints(output_padding, rank, 0)
    rows = zip(x.shape[2:], windows.steps, windows.reaches, more, strict=True)
    full = [(n - 1) * step + reach + extra for n, step, reach, extra in rows]
    wanted = list(output_shape or ())[-rank:] or None  # some models say batch and channels too
    if wanted is None and auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        rows = zip(full, x.shape[2:], windows.steps, strict=True)
        wanted = [n if _is_less(n, count * step) else count * step for n, count, step in rows]
    if wanted is None:
        widths = pairs_of(pads, rank)
    else:
        widths = tuple(_cropped(a, b, auto_pad) for a, b in zip(full, wanted, strict=True))
    function = _TRANSPOSES[rank]
    low, high = ([max(pair[k], 0) for pair in widths] for k in (0, 1))
    limits = [max(pair) for pair in zip(windows.steps, windows.dilations, strict=True)]
    if all(pair[0] >= 0 for pair in widths):
        extra = [m + max(-pair[1], 0) for m, pair in zip(more, widths, strict=True)]
        if all(k < limit for k, limit in zip(extra, limits, strict=True)):
            both = list(zip(low, high, strict=True))
            return function(x, w, b, windows.steps, both, extra, group, windows.dilations)
    laid = function(x, w, None, windows.steps, 0, 0, group, windows.dilations)
    return _with_bias(_placed(laid, more, widths), b)


def _is_less(one: Extent, other: Extent) -> bool:
    difference = one - other
    return isinstance(difference, int) and difference < 0


def _cropped(full: Extent, wanted: Extent, auto_pad: str) -> tuple[int, int]:
    total = full - wanted
    if not isinstance(total, int):
        raise Unsupported(f"an output of {wanted} of {full} elements")
    return split_in(total, auto_pad)


def _placed(laid: Tensor, more: tuple[int, ...], widths: tuple[tuple[int, int], ...]) -> Tensor:
    """An image with zeros added where a padding is below 0, and cropped where it is above."""
    beside = [(0, 0), (0, 0)]
    added = [(max(-low, 0), extra + max(-high, 0)) for extra, (low, high) in zip(more, widths, strict=True)]
    wide = pad(laid, beside + added)
    starts = [0, 0, *(max(low, 0) for low, _ in widths)]
    ends = [max(high, 0) for _, high in widths]
    extents = [n - a - b for n, a, b in zip(wide.shape[2:], starts[2:], ends, strict=True)]
    return part_of(wide, starts, [*wide.shape[:2], *extents])


def _with_bias(x: Tensor, b: Tensor | None) -> Tensor:
    return x if b is None else x + b.reshape([-1, *[1] * (x.ndim - 2)])


@operator("Col2Im", since=18)
def col2im(
    input: Tensor, image_shape: Extents, block_shape: Extents, *, dilations: Ints = None, pads: Ints = None,
    strides: Ints = None,
) -> Tensor:  # fmt: skip
    """Columns `[n, c * taps, positions]`, each a window of an image, added where they were."""
    rank = len(image_shape)
    steps, spaces, widths = ints(strides, rank, 1), ints(dilations, rank, 1), pairs_of(pads, rank)
    room = [n + low + high for n, (low, high) in zip(image_shape, widths, strict=True)]
    rows = zip(room, block_shape, spaces, steps, strict=True)
    counts: list[Any] = [(n - (size - 1) * space - 1) // step + 1 for n, size, space, step in rows]
    apart = input.reshape([input.shape[0], -1, *block_shape, *counts])
    order = [0, 1, *range(2 + rank, 2 + 2 * rank), *range(2, 2 + rank)]
    laid = fold(apart.transpose(order), room, tuple(range(2, 2 + rank)), steps, spaces)
    return part_of(laid, [0, 0, *(low for low, _ in widths)], [*laid.shape[:2], *image_shape])


@operator("CausalConvWithState", since=27)
def causal_conv_with_state(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, past_state: Tensor | None = None, *,
    activation: str,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """A depthwise convolution of each place and those before it, and the last places as the next state."""
    kept = weight.shape[-1] - 1
    if past_state is None:
        past_state = zeros([*input.shape[:2], kept], dtype=input.dtype)
    seen = concatenate([past_state, input], 2)
    found = conv1d(seen, weight, bias, groups=int(str(weight.shape[0])))
    if activation not in ("none", "silu", "swish"):
        raise Unsupported(f"there is no activation {activation!r}")
    present = part_of(seen, [0, 0, input.shape[2]], [*input.shape[:2], kept])
    return (found if activation == "none" else silu(found)), present
