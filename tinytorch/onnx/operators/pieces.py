"""Tensors joined, cut and padded along axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from compiler.ir.dims import Extent
from tinytorch.axes import normalised_axis
from tinytorch.onnx.calling.operator import Call, Extents, operator
from tinytorch.onnx.calling.values import Unsupported, Value, Weight, tensor_of
from tinytorch.ops.elementwise import where
from tinytorch.ops.layout import arange, concatenate, take, take_along_axis
from tinytorch.ops.layout import split as pieces_of
from tinytorch.ops.padding import pad as padded
from tinytorch.tensor import Tensor


@operator("Concat", since=4)
def concat(*inputs: Tensor, axis: int) -> Tensor:
    """The tensors one behind the other along an axis."""
    return concatenate(inputs, axis)


# Split


@operator("Split", since=2)
def split_2(data: Tensor, *, axis: int, split: list[int] | None = None, call: Call) -> tuple[Tensor, ...]:
    """Pieces along an axis, of the sizes given, or equal ones."""
    return _pieces(data, axis, split, len(call.outputs), is_ragged=False)


@operator("Split", since=13)
def split_13(data: Tensor, sizes: Extents | None = None, *, axis: int, call: Call) -> tuple[Tensor, ...]:
    """Pieces along an axis, of the sizes given, or equal ones."""
    return _pieces(data, axis, sizes, len(call.outputs), is_ragged=False)


@operator("Split", since=18)
def split(
    data: Tensor, sizes: Extents | None = None, *, axis: int, num_outputs: int | None = None, call: Call
) -> tuple[Tensor, ...]:
    """Pieces along an axis, of the sizes given, or equal ones of which the last may be smaller."""
    if num_outputs not in (None, len(call.outputs)):
        raise Unsupported(f"{num_outputs} pieces are not {len(call.outputs)} outputs")
    return _pieces(data, axis, sizes, len(call.outputs), is_ragged=True)


def _pieces(
    data: Tensor, axis: int, sizes: Sequence[Extent] | None, count: int, *, is_ragged: bool
) -> tuple[Tensor, ...]:
    place = normalised_axis(axis, data.ndim, data.node)
    extent = data.shape[place]
    if sizes is not None:
        return tuple(pieces_of(data, sizes, place))  # pyright: ignore[reportArgumentType]  # extents, too
    if not is_ragged or not isinstance(extent, int) or extent % count == 0:
        return tuple(pieces_of(data, count, place))
    size = -(-extent // count)
    return tuple(pieces_of(data, [max(0, min(size, extent - k * size)) for k in range(count)], place))


# Pad


@operator("Pad", since=2)
def pad_2(data: Tensor, *, pads: list[int], mode: str, value: float) -> Tensor:
    """Elements before and behind those of axes, or fewer of them where `pads` are negative."""
    return pad(data, tuple(pads), np.asarray(value), mode=mode)


@operator("Pad", since=11)
def pad(
    data: Tensor, pads: Extents, value: Value = None, axes: Extents | None = None, *, mode: str
) -> Tensor:
    """Elements before and behind those of axes, or fewer of them where `pads` are negative."""
    chosen = range(data.ndim) if axes is None else [int(axis) for axis in axes]
    places = [normalised_axis(axis, data.ndim, data.node) for axis in chosen]
    if len(pads) != 2 * len(places):
        raise Unsupported(f"{len(pads)} pads are not two for each of {len(places)} axes")
    rows: list[tuple[Extent, Extent]] = [(0, 0)] * data.ndim
    for k, axis in enumerate(places):
        rows[axis] = pads[k], pads[k + len(places)]
    data = data[tuple(slice(_cut(low) or None, -_cut(high) or None) for low, high in rows)]
    rows = [(_added(low), _added(high)) for low, high in rows]
    if mode == "constant":
        return _filled(data, rows, value)
    if mode not in _MODES:
        raise Unsupported(f"the mode {mode!r}")
    for axis, (low, high) in enumerate(rows):
        data = _taken(data, axis, low, high, mode)
    return data


def _cut(width: Extent) -> int:
    return max(0, -width) if isinstance(width, int) else 0


def _added(width: Extent) -> Extent:
    return max(0, width) if isinstance(width, int) else width


def _filled(data: Tensor, rows: list[tuple[Extent, Extent]], value: Value) -> Tensor:
    known = value.array if isinstance(value, Weight) else value
    if known is None:
        return padded(data, rows)
    if isinstance(known, np.ndarray) and data.dtype.is_float:
        return padded(data, rows, value=float(known.reshape(())))
    behind = tensor_of(value).reshape([]).astype(data.dtype)
    for axis, (low, high) in enumerate(rows):
        sides = [[*data.shape[:axis], width, *data.shape[axis + 1 :]] for width in (low, high)]
        before, after = (behind.broadcast_to(side) for side in sides)
        data = concatenate([before] * (low != 0) + [data] + [after] * (high != 0), axis)
    return data


_MODES = ("reflect", "edge", "wrap")
_MOST = 2**24


def _taken(data: Tensor, axis: int, low: Extent, high: Extent, mode: Any) -> Tensor:
    """An axis with elements of its own before and behind; where it has too few, they come again."""
    extent = data.shape[axis]
    sizes = [item for item in (extent, low, high) if isinstance(item, int)]
    if low == 0 and high == 0:
        return data
    if len(sizes) == 3 and max(sizes[1:]) >= sizes[0] > 0:
        if sum(sizes) > _MOST:
            raise Unsupported(f"{sum(sizes)} elements of an axis come again and again")
        places: Any = np.arange(sizes[0])
        return take(data, np.pad(places, sizes[1:], mode), axis)
    rows: list[tuple[Extent, Extent]] = [(0, 0)] * data.ndim
    rows[axis] = low, high
    return padded(data, rows, mode)


# Reversed parts


@operator("ReverseSequence", since=10)
def reverse_sequence(data: Tensor, lengths: Tensor, *, batch_axis: int, time_axis: int) -> Tensor:
    """The first elements along an axis in reverse order, as many as each row of another axis says."""
    time = normalised_axis(time_axis, data.ndim, data.node)
    batch = normalised_axis(batch_axis, data.ndim, data.node)
    steps = arange(data.shape[time]).reshape([-1 if k == time else 1 for k in range(data.ndim)])
    counts = lengths.astype("int64").reshape([-1 if k == batch else 1 for k in range(data.ndim)])
    places = where(steps < counts, counts - 1 - steps, steps)
    return take_along_axis(data, places, time)
