"""What NumPy and PyTorch do with arrays beyond moving and reducing them: composites of the other ops.

Each has the gradients of what it is made of, to any order. Names are NumPy's; where PyTorch means something
else by one, the docstring says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_letters
from typing import Any

import numpy as np

from compiler.errors import ArgumentError, ShapeError
from compiler.ir.dims import Extent
from compiler.ir.node import describe
from compiler.ir.types import floating
from tinytorch.axes import Axis, counted, items_of, normalised_axis
from tinytorch.ops.contract import einsum
from tinytorch.ops.elementwise import isnan, where
from tinytorch.ops.layout import concatenate, diagonal, split, take
from tinytorch.reductions import Correction
from tinytorch.tensor import Tensor, as_tensor, as_tensors

# Reductions


def var_mean(
    x: Any, axis: Axis = None, keepdims: bool = False, *, correction: Correction = 1
) -> tuple[Tensor, Tensor]:
    """The variance, as `var` has it, and the arithmetic mean, as a pair."""
    x = as_tensor(x)
    return x.var(axis, keepdims, correction=correction), x.mean(axis, keepdims)


def std_mean(
    x: Any, axis: Axis = None, keepdims: bool = False, *, correction: Correction = 1
) -> tuple[Tensor, Tensor]:
    """The standard deviation, as `std` has it, and the mean."""
    x = as_tensor(x)
    return x.std(axis, keepdims, correction=correction), x.mean(axis, keepdims)


def nansum(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The sum of the elements that are numbers; 0 of none."""
    x = as_tensor(x)
    return where(isnan(x), 0, x).sum(axis, keepdims)


def nanmean(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The mean of the elements that are numbers; NaN of none."""
    x = as_tensor(x)
    x = x.astype(floating(x.dtype))
    count = (~isnan(x)).sum(axis, keepdims)
    return nansum(x, axis, keepdims) / count.astype(x.dtype)


# Repetitions


def tile(x: Any, counts: int | Sequence[int]) -> Tensor:
    """The tensor beside itself, so many times along each of the last axes (torch.Tensor.repeat)."""
    x = as_tensor(x)
    times = [counted("a count", item) for item in items_of(counts)]
    times = [*[1] * (x.ndim - len(times)), *times]
    shape = [*[1] * (len(times) - x.ndim), *x.shape]
    if any(count < 0 for count in times):
        raise ArgumentError(f"tile takes counts that are not negative, not {counts!r}")
    spread = x.reshape([item for n in shape for item in (1, n)])
    spread = spread.broadcast_to([item for count, n in zip(times, shape, strict=True) for item in (count, n)])
    return spread.reshape([n * count for count, n in zip(times, shape, strict=True)])


def repeat(x: Any, count: int | Sequence[int], axis: int | None = None) -> Tensor:
    """Each element so many times in a row along an axis, or flattened (torch.repeat_interleave).

    Of several counts, which are known when the graph is built, each element has its own. What
    torch.Tensor.repeat does is `tile`.
    """
    x = as_tensor(x)
    x, place = (x.reshape([x.size]), 0) if axis is None else (x, normalised_axis(axis, x.ndim, x.node))
    if isinstance(count, Sequence | np.ndarray) and len(count) != 1:
        return _repeated(x, [counted("a count", item) for item in items_of(count)], place)
    times = counted("the count", items_of(count)[0])
    if times < 0:
        raise ArgumentError(f"repeat takes a count that is not negative, not {count!r}")
    before, extent, after = x.shape[:place], x.shape[place], x.shape[place + 1 :]
    spread = x.unsqueeze(place + 1).broadcast_to([*before, extent, times, *after])
    return spread.reshape([*before, extent * times, *after])


def _repeated(x: Tensor, counts: list[int], axis: int) -> Tensor:
    """Each element of an axis as often as its own count says."""
    if any(item < 0 for item in counts):
        raise ArgumentError(f"repeat takes counts that are not negative, not {counts!r}")
    if x.shape[axis] != len(counts):
        raise ShapeError(f"repeat takes a count for each of {x.shape[axis]} elements, not {len(counts)}")
    return take(x, np.repeat(np.arange(len(counts)), counts), axis)


def roll(x: Any, shift: int | Sequence[int], axis: Axis = None) -> Tensor:
    """Elements moved along axes; what leaves at one end comes in at the other. Flattened without an axis."""
    x = as_tensor(x)
    if axis is None:
        return roll(x.reshape([x.size]), shift, 0).reshape(x.shape)
    axes, shifts = items_of(axis), [counted("a shift", item) for item in items_of(shift)]
    if len(axes) != len(shifts):
        raise ArgumentError(f"roll needs as many shifts as axes, not {len(shifts)} for {len(axes)}")
    for by, place in zip(shifts, axes, strict=True):
        x = _rolled(x, by, normalised_axis(place, x.ndim, x.node))
    return x


def _rolled(x: Tensor, shift: int, axis: int) -> Tensor:
    extent = x.shape[axis]
    if isinstance(extent, int):
        shift = shift % extent if extent else 0
    if shift == 0:
        return x
    first = extent - shift if shift > 0 else -shift
    fore, back = split(x, [first, extent - first], axis)  # pyright: ignore[reportArgumentType]  # extents, too
    return concatenate([back, fore], axis)


# Axes


def moveaxis(x: Any, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """Axes moved to other places; the others stay in their order (torch.movedim)."""
    x = as_tensor(x)
    gone, places = (
        [normalised_axis(item, x.ndim, x.node) for item in items_of(axes)] for axes in (source, destination)
    )
    if len(gone) != len(places) or len(set(gone)) != len(gone) or len(set(places)) != len(places):
        raise ShapeError(f"moveaxis moves each axis to one place: {source} to {destination}")
    order = [k for k in range(x.ndim) if k not in gone]
    for place, item in sorted(zip(places, gone, strict=True)):
        order.insert(place, item)
    return x.transpose(order)


def permute(x: Any, axes: Sequence[int]) -> Tensor:
    """The axes in another order: PyTorch's name for `transpose`."""
    return as_tensor(x).transpose(axes)


def expand(x: Any, shape: Sequence[Extent | str]) -> Tensor:
    """Repeated to a shape, in which -1 leaves an axis as it is: PyTorch's name for `broadcast_to`."""
    x = as_tensor(x)
    wanted = list(shape)
    offset = len(wanted) - x.ndim
    if offset < 0 or any(item == -1 for item in wanted[:offset]):
        raise ShapeError(f"expand to {tuple(shape)} has no axis to leave as it is: {describe(x.node)}")
    return x.broadcast_to([x.shape[k - offset] if item == -1 else item for k, item in enumerate(wanted)])


def chunk(x: Any, count: int, axis: int = 0) -> list[Tensor]:
    """At most so many pieces along an axis, all of one size but the last (torch.chunk)."""
    x, number = as_tensor(x), counted("the number of pieces", count)
    place = normalised_axis(axis, x.ndim, x.node)
    whole = x.shape[place]
    if number < 1:
        raise ArgumentError(f"chunk makes one piece or more, not {count!r}")
    if not isinstance(whole, int):
        return split(x, number, place)
    size = max(1, -(-whole // number))
    return split(x, [min(size, whole - start) for start in range(0, whole, size)] or [0], place)


def unstack(x: Any, axis: int = 0) -> list[Tensor]:
    """The tensors that an axis holds, without it (torch.unbind)."""
    x = as_tensor(x)
    place = normalised_axis(axis, x.ndim, x.node)
    whole = x.shape[place]
    if not isinstance(whole, int):
        raise ShapeError(f"the number of tensors along a symbolic axis is not known: {describe(x.node)}")
    return [piece.squeeze(place) for piece in (split(x, [1] * whole, place) if whole else [])]


# Products


def dot(left: Any, right: Any) -> Tensor:
    """The sum over the last axis of the one and the last but one (or only one) of the other, as in NumPy."""
    first, second = as_tensors(left, right)
    if not first.ndim or not second.ndim:
        return first * second
    return tensordot(first, second, ([-1], [-2 if second.ndim > 1 else -1]))


def vdot(left: Any, right: Any) -> Tensor:
    """The sum of the products of all elements, both flattened."""
    first, second = as_tensors(left, right)
    return dot(first.reshape([first.size]), second.reshape([second.size]))


def tensordot(left: Any, right: Any, axes: int | Sequence[Any] = 2) -> Tensor:
    """The sum of products over pairs of axes: so many last ones of the one with the first ones of the other.

    Or the axes of both, as in `([1, 0], [0, 1])`.
    """
    first, second = as_tensors(left, right)
    given = items_of(axes)
    if len(given) == 2:
        ours, theirs = (items_of(item) for item in given)
    else:
        count = counted("the number of axes", axes)
        ours, theirs = list(range(first.ndim - count, first.ndim)), list(range(count))
    ours = [normalised_axis(item, first.ndim, first.node) for item in ours]
    theirs = [normalised_axis(item, second.ndim, second.node) for item in theirs]
    if len(ours) != len(theirs):
        raise ShapeError(f"tensordot sums over pairs of axes, not {ours} with {theirs}")
    names, others = list(ascii_letters[: first.ndim]), list(ascii_letters[26 : 26 + second.ndim])
    for mine, other in zip(ours, theirs, strict=True):
        others[other] = names[mine]
    rest = [n for k, n in enumerate(names) if k not in ours] + [
        n for k, n in enumerate(others) if k not in theirs
    ]
    return einsum(f"{''.join(names)},{''.join(others)}->{''.join(rest)}", first, second)


def kron(left: Any, right: Any) -> Tensor:
    """Kronecker's product: each element of the one times the whole of the other, in its place."""
    first, second = as_tensors(left, right)
    rank = max(first.ndim, second.ndim)
    first, second = (item.reshape([*[1] * (rank - item.ndim), *item.shape]) for item in (first, second))
    spread = first.reshape([item for n in first.shape for item in (n, 1)])
    beside = second.reshape([item for n in second.shape for item in (1, n)])
    return (spread * beside).reshape([n * m for n, m in zip(first.shape, second.shape, strict=True)])


def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The sum of the elements of a diagonal, as `diagonal` has it."""
    return diagonal(x, offset, axis1, axis2).sum(-1)


def masked_fill(x: Any, mask: Any, value: Any) -> Tensor:
    """`value` where the mask holds, else x: `where(mask, value, x)` in the dtype of x."""
    x = as_tensor(x)
    return where(mask, value, x).astype(x.dtype)
