"""Layout ops that move elements, each writing into a given dense array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from compiler.backends.numpy.blocks import blocks
from compiler.backends.numpy.frame import Array
from compiler.backends.reference.layout import (
    add_windows,
    check_indices,
    combine_at,
    insert,
    merged,
    scatter,
    view,
)
from compiler.ir.dims import evaluate
from compiler.ir.node import Node
from compiler.ir.op import (
    Concatenate,
    Fold,
    Gather,
    Insert,
    Layout,
    Pad,
    Reshape,
    Scatter,
    ScatterAdd,
)  # fmt: skip


def write_layout(node: Node, operands: Sequence[Array], sizes: Mapping[str, int], out: Array) -> None:
    """The result of a layout op, into `out`. Raises IndexRangeError before anything is written."""
    op = node.op
    assert isinstance(op, Layout)
    match op:
        case Reshape():
            np.copyto(out.reshape(operands[0].shape), operands[0])
        case Pad():
            _pad(op, operands[0], sizes, out)
        case Concatenate():
            np.concatenate(operands, axis=op.axis, out=out)  # leaves those that are there already
        case Gather():
            check_indices(node, operands[1], operands[0].shape[op.axis])
            _gather(op, operands[0], operands[1], out)
        case ScatterAdd():
            check_indices(node, operands[0], out.shape[op.axis])
            _scatter_add(op, operands[0], operands[1], out)
        case Scatter():
            check_indices(node, operands[1], merged(op, out).shape[op.axis])
            _begin(operands[0], out)
            _scatter(op, operands[1], operands[2], out)
        case Insert():
            _begin(operands[0], out)
            insert(op, operands[1], sizes, out)
        case Fold():
            out.fill(0)
            add_windows(op, operands[0], out)
        case _:
            np.copyto(out, view(op, operands[0], sizes))


def _pad(op: Pad, array: Array, sizes: Mapping[str, int], out: Array) -> None:
    low = [evaluate(extent, sizes) for extent in op.low]
    rows = zip(low, array.shape, op.interior, strict=True)
    if not array.size:
        out.fill(op.value)
        return
    inside = out[tuple(slice(a, a + (n - 1) * (inner + 1) + 1, inner + 1) for a, n, inner in rows)]
    if _is_same(inside, array):
        _fill_edges(out, low, array.shape, op.value)
        return
    out.fill(op.value)
    inside[...] = array


def _is_same(one: Array, other: Array) -> bool:
    """Whether two arrays of some elements and one shape are the same memory."""
    steps = zip(one.shape, one.strides, other.strides, strict=True)
    return _address(one) == _address(other) and all(n == 1 or a == b for n, a, b in steps)


def _address(array: Array) -> int:
    return array.__array_interface__["data"][0]


def _fill_edges(out: Array, low: Sequence[int], shape: Sequence[int], value: float) -> None:
    """Fills all but a block, axis by axis."""
    for axis, (start, count) in enumerate(zip(low, shape, strict=True)):
        rest = np.moveaxis(out, axis, 0)
        rest[:start] = value
        rest[start + count :] = value
        out = np.moveaxis(rest[start : start + count], 0, axis)


def _gather(op: Gather, data: Array, index: Array, out: Array) -> None:
    if op.batched:
        for block in blocks(out.shape):
            out[block] = data[_along(op.axis, index, block)]
    elif data.flags.c_contiguous:
        np.take(data, index, axis=op.axis, out=out, mode="clip")  # mode="raise" buffers the whole result
    else:
        _take_view(op.axis, data, index.reshape(-1), out)


def _along(axis: int, index: Array, block: Sequence[slice]) -> tuple[Array, ...]:
    """For each axis the positions of a block's elements, where `index` says them for one."""
    places: list[Array] = list(np.ogrid[tuple(block)])
    places[axis] = index[tuple(block)]
    return tuple(places)


def _take_view(axis: int, data: Array, index: Array, out: Array) -> None:
    """Rows of data that are not dense, which np.take would copy as a whole."""
    rows = np.moveaxis(data, axis, 0)
    merged = out.reshape((*data.shape[:axis], index.size, *data.shape[axis + 1 :]))
    target = np.moveaxis(merged, axis, 0)
    for place, k in enumerate(index.tolist()):
        target[place] = rows[k]


def _scatter_add(op: ScatterAdd, index: Array, data: Array, out: Array) -> None:
    """Adds one element after the other, in row-major order of the elements."""
    out.fill(0)
    if op.batched:
        for block in blocks(data.shape):
            np.add.at(out, _along(op.axis, index, block), data[block])
        return
    moved = data.reshape(*data.shape[: op.axis], index.size, *data.shape[op.axis + index.ndim :])
    place: Any = (*[slice(None)] * op.axis, index.reshape(-1))
    np.add.at(out, place, moved)


def _begin(operand: Array, out: Array) -> None:
    """What is updated is copied, unless the result is written over it."""
    if _address(out) != _address(operand):
        np.copyto(out, operand)


def _scatter(op: Scatter, index: Array, values: Array, out: Array) -> None:
    """Combines one element after the other, in row-major order of the elements."""
    if not op.batched:
        scatter(op, index, values, out)
        return
    for block in blocks(values.shape):
        combine_at(op.combine, _along(op.axis, index, block), values[block], out)
