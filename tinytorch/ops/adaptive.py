"""Adaptive pooling: the mean or the largest element of as many regions of an image as are asked for.

Region i of an axis of n elements, of which m are wanted, has the elements from `floor(i n / m)` to
`ceil((i + 1) n / m)`. Where m divides n they are apart and equally long, and the extent may be symbolic.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from compiler.errors import ArgumentError, ShapeError
from compiler.ir.dims import Extent, divide_exactly, extent, product
from compiler.ir.node import describe
from compiler.ir.scope import scope
from compiler.ir.types import floating
from tinytorch.axes import items_of
from tinytorch.ops.elementwise import where
from tinytorch.ops.layout import arange, take, take_along_axis
from tinytorch.rounding import rounded_once
from tinytorch.spatial import images
from tinytorch.tensor import Tensor

Array: TypeAlias = np.ndarray[Any, Any]


@scope("adaptive_avg_pool1d")
@rounded_once
def adaptive_avg_pool1d(x: Any, output_size: Any) -> Tensor:
    """The means of `output_size` regions of the last axis; as `adaptive_avg_pool2d`."""
    return _means(1, x, output_size)


@scope("adaptive_avg_pool2d")
@rounded_once
def adaptive_avg_pool2d(x: Any, output_size: Any) -> Tensor:
    """The means of regions of an image, of which there are `output_size`: `[n, c, h, w]` to `[n, c, p, q]`.

    A number, or one for each axis; None leaves an axis as it is. The result is floating. Where the extent is
    no multiple, regions overlap by an element. (torch.nn.functional.adaptive_avg_pool2d.) Raises ShapeError
    for a symbolic axis that is not known to be a multiple.
    """
    return _means(2, x, output_size)


@scope("adaptive_avg_pool3d")
@rounded_once
def adaptive_avg_pool3d(x: Any, output_size: Any) -> Tensor:
    """The means of regions of a volume; as `adaptive_avg_pool2d`."""
    return _means(3, x, output_size)


def _means(rank: int, x: Any, output_size: Any) -> Tensor:
    x = images(f"adaptive_avg_pool{rank}d", x, rank)
    wanted = _wanted(x, rank, output_size)
    x = _even(x.astype(floating(x.dtype)), wanted)
    for axis, count in wanted:
        x = x if x.shape[axis] == count else _mean(x, axis, count)
    return x


def _even(x: Tensor, wanted: Sequence[tuple[int, Extent]]) -> Tensor:
    """The means along all axes of which the regions are apart and equally long."""
    shape, within = list(x.shape[: wanted[0][0]]), list[int]()
    for axis, count in wanted:
        size = divide_exactly(x.shape[axis], count)
        shape += [x.shape[axis]] if size is None else [count, size]
        within += [] if size is None else [len(shape) - 1]
    return x.reshape(shape).mean(within) if within else x


def _mean(x: Tensor, axis: int, count: Extent) -> Tensor:
    """The means of regions that overlap, of which some are longer by an element."""
    places, counts = _uneven(x, axis, count)
    beside = [1] * (x.ndim - 1 - axis)
    is_inside = np.less(np.arange(int(places.shape[1])), counts[:, None]).reshape([*places.shape, *beside])
    seen = where(is_inside, take(x, places, axis), 0)
    return seen.sum(axis + 1) / counts.reshape([-1, *beside]).astype(x.dtype.numpy)


@scope("adaptive_max_pool1d")
def adaptive_max_pool1d(x: Any, output_size: Any, return_indices: bool = False) -> Any:
    """The largest elements of `output_size` regions of the last axis; as `adaptive_max_pool2d`."""
    return _largest(1, x, output_size, return_indices)


@scope("adaptive_max_pool2d")
def adaptive_max_pool2d(x: Any, output_size: Any, return_indices: bool = False) -> Any:
    """The largest elements of regions of an image, of which there are `output_size`; NaN where there is one.

    Regions are those of `adaptive_avg_pool2d`, the gradient goes to the first of equal elements, and with
    `return_indices` there is also its place in the image, row by row (int64).
    """
    return _largest(2, x, output_size, return_indices)


@scope("adaptive_max_pool3d")
def adaptive_max_pool3d(x: Any, output_size: Any, return_indices: bool = False) -> Any:
    """The largest elements of regions of a volume; as `adaptive_max_pool2d`."""
    return _largest(3, x, output_size, return_indices)


def _largest(rank: int, x: Any, output_size: Any, is_placed: bool) -> Any:
    x = images(f"adaptive_max_pool{rank}d", x, rank)
    wanted = [count for _, count in _wanted(x, rank, output_size)]
    regions = _regions(x, wanted)
    first = regions.argmax(-1, keepdims=True)
    found = take_along_axis(regions, first, -1).squeeze(-1)
    if not is_placed:
        return found
    shape = x.shape[-rank:]
    places = _regions(arange(product(shape)).reshape(shape), wanted).broadcast_to(regions.shape)
    return found, take_along_axis(places, first, -1).squeeze(-1)


def _regions(x: Tensor, wanted: Sequence[Extent]) -> Tensor:
    """The elements of each region in a last axis, row by row; where one is short the last of a row again."""
    rank, beside = len(wanted), x.ndim - len(wanted)
    for axis, count in zip(range(beside, beside + 2 * rank, 2), wanted, strict=True):
        size = divide_exactly(x.shape[axis], count)
        if size is None:
            places, counts = _uneven(x, axis, count)
            x = take(x, np.minimum(places, places[:, :1] + counts[:, None] - 1), axis)
        else:
            x = x.reshape([*x.shape[:axis], count, size, *x.shape[axis + 1 :]])
    order = [*range(beside), *range(beside, x.ndim, 2), *range(beside + 1, x.ndim, 2)]
    return x.transpose(order).flatten(-rank)


def _uneven(x: Tensor, axis: int, count: Extent) -> tuple[Array, Array]:
    """The places of each region, as many as the longest one has, held in the axis; and how many it has."""
    extent_ = x.shape[axis]
    if not isinstance(extent_, int) or not isinstance(count, int):
        raise ShapeError(
            f"{count} regions of an axis of {extent_} are known only where it is a number or a multiple: "
            f"axis {axis} of {describe(x.node)}\n  fix: declare it as {count}*m, or as a number"
        )
    ends = np.arange(count + 1) * extent_
    starts: Array = ends[:-1] // count
    counts: Array = -(-ends[1:] // count) - starts
    places = np.add(starts[:, None], np.arange(int(np.max(counts, initial=0))))
    return np.minimum(places, extent_ - 1), counts


def _wanted(x: Tensor, rank: int, output_size: Any) -> list[tuple[int, Extent]]:
    """Each spatial axis with the number of its regions."""
    given = items_of(output_size)
    if len(given) not in (1, rank):
        raise ArgumentError(f"output_size is a number, or one for each of {rank} axes, not {output_size!r}")
    given = given * rank if len(given) == 1 else given
    axes = range(x.ndim - rank, x.ndim)
    found = [
        (axis, x.shape[axis] if item is None else extent(item))
        for axis, item in zip(axes, given, strict=True)
    ]
    if any(isinstance(count, int) and count < 1 for _, count in found):
        raise ArgumentError(f"output_size is 1 or more, not {output_size!r}")
    return found
