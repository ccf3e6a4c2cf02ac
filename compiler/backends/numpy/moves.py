"""Layout ops that move elements, each writing into a given dense array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from compiler.backends.numpy.frame import Array
from compiler.backends.numpy_layout import check_indices, view
from compiler.ir.dims import evaluate
from compiler.ir.op import Concatenate, Gather, Layout, Pad, Reshape, ScatterAdd


def write_layout(op: Layout, operands: Sequence[Array], sizes: Mapping[str, int], out: Array) -> None:
    """The result of a layout op, into `out`. Raises IndexRangeError before anything is written."""
    match op:
        case Reshape():
            np.copyto(out.reshape(operands[0].shape), operands[0])
        case Pad():
            _pad(op, operands[0], sizes, out)
        case Concatenate():
            np.concatenate(operands, axis=op.axis, out=out)
        case Gather():
            _gather(op, operands[0], operands[1], out)
        case ScatterAdd():
            _scatter_add(op, operands[0], operands[1], out)
        case _:
            np.copyto(out, view(op, operands[0], sizes))


def _pad(op: Pad, array: Array, sizes: Mapping[str, int], out: Array) -> None:
    out.fill(op.value)
    low = [evaluate(extent, sizes) for extent in op.low]
    rows = zip(low, array.shape, op.interior, strict=True)
    if array.size:
        out[tuple(slice(a, a + (n - 1) * (inner + 1) + 1, inner + 1) for a, n, inner in rows)] = array


def _gather(op: Gather, data: Array, index: Array, out: Array) -> None:
    check_indices(index, data.shape[op.axis], op.name)
    if not op.batched:
        np.take(data, index, axis=op.axis, out=out, mode="clip")  # mode="raise" buffers the whole result
        return
    flat = _flat_positions(op, data, index)
    np.take(data.reshape(-1), flat, out=out, mode="clip")


def _flat_positions(op: Gather | ScatterAdd, data: Array, index: Array) -> Array:
    """Where the elements picked along an axis stand in the flattened data."""
    strides = np.cumprod([1, *data.shape[:0:-1]])[::-1]
    flat = index.astype(np.int64) * strides[op.axis]
    for axis, extent in enumerate(index.shape):
        if axis != op.axis:
            flat += (np.arange(extent) * strides[axis]).reshape(
                [-1 if k == axis else 1 for k in range(index.ndim)]
            )
    return flat


def _scatter_add(op: ScatterAdd, index: Array, data: Array, out: Array) -> None:
    check_indices(index, out.shape[op.axis], op.name)
    out.fill(0)
    if op.batched:
        places = list(np.ogrid[tuple(slice(n) for n in index.shape)])
        places[op.axis] = index
        np.add.at(out, tuple(places), data)
        return
    width = index.ndim
    moved = data.reshape(*data.shape[: op.axis], index.size, *data.shape[op.axis + width :])
    np.add.at(out, (*[slice(None)] * op.axis, index.reshape(-1)), moved)
