"""Sliding windows over axes, and the op that adds windows back: what convolutions and pooling are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from compiler.ir.dims import Extent
from tinytorch import windowing
from tinytorch.axes import Axis
from tinytorch.tensor import Tensor, as_tensor


def sliding_window(
    x: Any,
    size: Extent | str | Sequence[Extent | str],
    axis: Axis = None,
    step: int | Sequence[int] = 1,
    dilation: int | Sequence[int] = 1,
) -> Tensor:
    """Windows of `size` elements along axes: `[..., n, ...]` to `[..., positions, ..., size]`.

    `out[.., p, .., k] = x[.., p * step + k * dilation, ..]` (numpy.lib.stride_tricks.sliding_window_view,
    which has no `step` and no `dilation`). For several axes their new axes stand at the end, in the order of
    `axis`; without `axis`, all of them. `step` and `dilation` are numbers, or one for each axis. A view:
    nothing is copied. A convolution is a contraction with it, and pooling a reduction of its last axes:

        windows = tt.sliding_window(x, (3, 3), axis=(2, 3))           # [n, c, p, q, 3, 3]
        convolved = tt.einsum("ncpqkl,ockl->nopq", windows, weight)
        pooled = tt.sliding_window(x, (2, 2), axis=(2, 3), step=2).max((-2, -1))

    Raises ShapeError where no window fits, or where the number of windows of a symbolic axis is no
    polynomial.
    """
    x = as_tensor(x)
    return type(x)(windowing.window(x.node, axis, size, step, dilation))


def unfold(x: Any, axis: int, size: Extent | str, step: int) -> Tensor:
    """Windows of `size` elements, `step` apart, along one axis, in a new last axis (torch.Tensor.unfold).

    As `sliding_window(x, size, axis, step)`. (torch.nn.functional.unfold puts the windows of an image in
    columns: `sliding_window` over two axes, transposed and reshaped.)
    """
    return as_tensor(x).unfold(axis, size, step)


def fold(
    x: Any,
    size: Extent | str | Sequence[Extent | str],
    axis: Axis = None,
    step: int | Sequence[int] = 1,
    dilation: int | Sequence[int] = 1,
) -> Tensor:
    """The adjoint of `sliding_window`: windows added into axes of `size` elements.

    `[..., positions, ..., taps]` to `[..., size, ...]`: zeros, to which each element of each window is added
    where the window had it; windows that overlap add up. `axis` counts the axes of the result, by default all
    of them; the last axes of x are the taps. Raises ShapeError where the windows reach beyond `size`, and
    DTypeError for bools.
    """
    x = as_tensor(x)
    return type(x)(windowing.fold(x.node, size, axis, step, dilation))
