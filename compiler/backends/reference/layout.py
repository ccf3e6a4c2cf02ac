"""The layout ops on NumPy arrays, with fresh results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NoReturn, TypeAlias

import numpy as np

from compiler.errors import IndexRangeError, ShapeError
from compiler.ir.dims import Extent, evaluate
from compiler.ir.flat_index import outside_of
from compiler.ir.node import Node, describe
from compiler.ir.op import (
    Broadcast,
    Combine,
    Concatenate,
    Diagonal,
    Fold,
    Gather,
    Insert,
    Layout,
    Pad,
    Reshape,
    Scatter,
    ScatterAdd,
    Slice,
    Transpose,
    Window,
)  # fmt: skip
from compiler.ir.picking import checked_index

Array: TypeAlias = np.ndarray[Any, Any]


def move(node: Node, operands: Sequence[Array], sizes: Mapping[str, int]) -> Array:
    """The result of a layout op in a fresh dense array."""
    op = node.op
    assert isinstance(op, Layout)
    if op.is_view:
        return np.array(view(op, operands[0], sizes), order="C")
    match op:
        case Pad():
            return _pad(op, operands[0], sizes)
        case Concatenate():
            return np.concatenate(operands, axis=op.axis)
        case Gather():
            check_indices(node, operands[1], operands[0].shape[op.axis])
            return gather(op, operands[0], operands[1])
        case ScatterAdd():
            extent = evaluate(op.extent, sizes)
            check_indices(node, operands[0], extent)
            return scatter_add(op, operands[0], operands[1], extent)
        case Scatter():
            result = np.array(operands[0], order="C")
            check_indices(node, operands[1], merged(op, result).shape[op.axis])
            scatter(op, operands[1], operands[2], result)
            return result
        case Insert():
            result = np.array(operands[0], order="C")
            insert(op, operands[1], sizes, result)
            return result
        case Fold():
            result = np.zeros([evaluate(extent, sizes) for extent in node.type.shape], operands[0].dtype)
            add_windows(op, operands[0], result)
            return result
        case _:
            raise TypeError(f"{op} is no layout op")


def view(op: Layout, array: Array, sizes: Mapping[str, int]) -> Array:
    """The result of an op that moves nothing, as a view of a dense operand."""

    def counts(extents: Sequence[Extent]) -> list[int]:
        return [evaluate(extent, sizes) for extent in extents]

    match op:
        case Reshape():
            return array.reshape(counts(op.shape))
        case Transpose():
            return array.transpose(op.order)
        case Broadcast():
            rank = len(op.shape)
            return np.broadcast_to(
                np.expand_dims(array, [k for k in range(rank) if k not in op.axes]), counts(op.shape)
            )
        case Diagonal():
            return array.diagonal(axis1=op.first, axis2=op.second)
        case Slice():
            rows = zip(counts(op.starts), counts(op.sizes), op.steps, array.shape, strict=True)
            return array[tuple(_slice(*row) for row in rows)]
        case Window():
            return _window(op, array, counts(op.positions), counts(op.taps))
        case _:
            raise TypeError(f"{op} makes no view")


def _slice(start: int, size: int, step: int, extent: int) -> slice:
    last = start + (size - 1) * step
    if size < 0 or (size and not (0 <= start < extent and 0 <= last < extent)):
        raise ShapeError(f"a slice of {size} elements from {start} by {step} leaves an axis of {extent}")
    if size == 0:
        return slice(0, 0)
    stop = last + (1 if step > 0 else -1)
    return slice(start, None if stop < 0 else stop, step)


def _window(op: Window, array: Array, positions: Sequence[int], taps: Sequence[int]) -> Array:
    """A read-only view whose elements may overlap."""
    shape, strides = list(array.shape), list(array.strides)
    for axis, count, size, step, apart in zip(op.axes, positions, taps, op.steps, op.dilations, strict=True):
        reach = (count - 1) * step + (size - 1) * apart + 1
        if min(count, size) < 0 or (count and size and reach > array.shape[axis]):
            raise ShapeError(
                f"{count} windows of {size} elements reach over {reach} of an axis of {array.shape[axis]}"
            )
        shape[axis], strides[axis] = count, array.strides[axis] * step
    strides += [array.strides[axis] * apart for axis, apart in zip(op.axes, op.dilations, strict=True)]
    if 0 in (*shape, *taps):
        return np.empty((*shape, *taps), array.dtype)
    return np.lib.stride_tricks.as_strided(array, (*shape, *taps), strides, writeable=False)


def add_windows(op: Fold, array: Array, out: Array) -> None:
    """Adds every tap of all windows to an array, in row-major order of the taps."""
    for taps in np.ndindex(array.shape[array.ndim - len(op.axes) :]):
        place = [slice(None)] * out.ndim
        for axis, tap, step, apart in zip(op.axes, taps, op.steps, op.dilations, strict=True):
            place[axis] = slice(tap * apart, tap * apart + (array.shape[axis] - 1) * step + 1, step)
        if array.size:
            out[tuple(place)] += array[(..., *taps)]


def _pad(op: Pad, array: Array, sizes: Mapping[str, int]) -> Array:
    low = [evaluate(extent, sizes) for extent in op.low]
    high = [evaluate(extent, sizes) for extent in op.high]
    rows = list(zip(low, array.shape, op.interior, high, strict=True))
    result = np.full([max(0, a + n + (n - 1) * inner + b) for a, n, inner, b in rows], op.value, array.dtype)
    if array.size:
        result[tuple(slice(a, a + (n - 1) * (inner + 1) + 1, inner + 1) for a, n, inner, _ in rows)] = array
    return result


def gather(op: Gather, data: Array, index: Array) -> Array:
    """`take` or `take_along_axis`."""
    if op.batched:
        return np.take_along_axis(data, index.astype(np.int64, copy=False), axis=op.axis)
    return np.take(data, index, axis=op.axis)


def scatter_add(op: ScatterAdd, index: Array, data: Array, extent: int) -> Array:
    """Zeros with the elements of `data` added at the indices, in row-major order of the elements."""
    width = 1 if op.batched else index.ndim
    result = np.zeros((*data.shape[: op.axis], extent, *data.shape[op.axis + width :]), data.dtype)
    if op.batched:
        places = list(np.ogrid[tuple(slice(n) for n in index.shape)])
        places[op.axis] = index
        np.add.at(result, tuple(places), data)
        return result
    moved = data.reshape(*data.shape[: op.axis], index.size, *data.shape[op.axis + width :])
    place: Any = (*[slice(None)] * op.axis, index.reshape(-1))
    np.add.at(result, place, moved)
    return result


_AT: Final = {
    Combine.ADD: np.add, Combine.MULTIPLY: np.multiply, Combine.MAX: np.maximum, Combine.MIN: np.minimum,
}  # fmt: skip


def merged(op: Scatter, array: Array) -> Array:
    """A dense array with the axes through which an index counts as one."""
    end = op.axis + op.spans
    size = int(np.prod(array.shape[op.axis : end], dtype=np.int64))
    return array.reshape((*array.shape[: op.axis], size, *array.shape[end:]))


def scatter(op: Scatter, index: Array, values: Array, out: Array) -> None:
    """Elements of `values` combined with those of `out` at the indices, in row-major order."""
    if op.batched:
        places: list[Array] = list(np.ogrid[tuple(slice(n) for n in index.shape)])
        places[op.axis] = index
        combine_at(op.combine, places, values, out)
        return
    shape = (*values.shape[: op.axis], index.size, *values.shape[op.axis + index.ndim :])
    place: Any = (*[slice(None)] * op.axis, np.array(index, order="C").reshape(-1))
    _combine(op.combine, merged(op, out), place, values.reshape(shape))


def combine_at(combine: Combine, places: Sequence[Array], values: Array, out: Array) -> None:
    """Values combined with the elements of a dense array at places, one after the other, row-major.

    NumPy walks arrays of indices in the order in which they lie, so they are made one of no axes but one.
    """
    flat: Array = np.zeros(values.shape, np.int64)
    for place, extent in zip(places, out.shape, strict=True):
        flat = flat * extent + place
    _combine(combine, out.reshape(-1), flat.reshape(-1), values.reshape(-1))


def _combine(combine: Combine, out: Array, place: Any, values: Array) -> None:
    if combine is Combine.SET:
        out[place] = values
    else:
        _AT[combine].at(out, place, values)


def insert(op: Insert, values: Array, sizes: Mapping[str, int], out: Array) -> None:
    """`values` written over a slice of `out`."""
    starts = [evaluate(extent, sizes) for extent in op.starts]
    rows = zip(starts, values.shape, op.steps, out.shape, strict=True)
    out[tuple(_slice(*row) for row in rows)] = values


def check_indices(node: Node, index: Array, extent: int) -> None:
    """Raises IndexRangeError naming the first index of a node that is not in `0 .. extent-1`."""
    if not index.size or (index.min() >= 0 and index.max() < extent):
        return
    place = tuple(int(axis) for axis in np.argwhere((index < 0) | (index >= extent))[0])
    checked = checked_index(node)
    assert checked is not None
    wrong = int(index[place])
    flat = outside_of(checked[0], wrong)
    if flat is not None:
        assert isinstance(node.op, Gather | Scatter | ScatterAdd)
        what = f"the index of axis {node.op.axis + flat.axis} at {list(place)}"
        fix = f"pass indices from 0 to {flat.extent - 1}; negative ones do not count from the end in a call"
        _raise_outside(node, flat.index, what, flat.extent, fix)
    _raise_outside(node, checked[0], f"index {wrong} at {list(place)}", extent, _remedy(wrong, extent))


def _raise_outside(node: Node, index: Node, what: str, extent: Extent, fix: str) -> NoReturn:
    outside = "selects from an empty axis" if extent == 0 else f"is outside 0 .. {extent - 1}"

    def told(describe: Callable[[Node], str]) -> str:
        return f"{node.op.name}: {what} {outside}\n  {describe(index)}\n  {describe(node)}\n  fix: {fix}"

    raise IndexRangeError(told(describe), told)


def _remedy(wrong: int, extent: int) -> str:
    if not extent:
        return "select from an axis that has elements"
    if wrong < 0:
        return (
            f"pass indices from 0 to {extent - 1}; negative ones neither count from the end nor are left out"
        )
    return f"pass indices from 0 to {extent - 1}, or select from a longer axis"
