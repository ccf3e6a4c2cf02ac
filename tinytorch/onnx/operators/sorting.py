"""What is found by order: the largest elements, and those that differ."""

from __future__ import annotations

import numpy as np

from tinytorch.axes import normalised_axis
from tinytorch.onnx.calling.operator import Extents, Known, operator
from tinytorch.onnx.calling.values import Array, Unsupported
from tinytorch.tensor import Tensor


@operator("TopK", since=1)
def top_1(x: Tensor, *, axis: int, k: int) -> tuple[Tensor, Tensor]:
    """The k largest elements along an axis, and their places."""
    return top(x, (k,), axis=axis, largest=1, sorted=1)


@operator("TopK", since=10)
def top(x: Tensor, count: Extents, *, axis: int, largest: int = 1, sorted: int = 1) -> tuple[Tensor, Tensor]:
    """The k largest or smallest elements along an axis, in order, and their places."""
    if len(count) != 1:
        raise Unsupported(f"k is one number, not {len(count)}")
    return x.topk(count[0], axis, bool(largest), bool(sorted))


@operator("Unique", since=11, limits="The input has to be known before a call.")
def unique(x: Known, *, axis: int | None = None, sorted: int) -> tuple[Array, ...]:
    """The elements (or slices) that differ; where each is first, which each element is, and how often."""
    if axis is not None:
        axis = normalised_axis(axis, x.ndim)
    values, first, inverse, counts = np.unique(x, True, True, True, axis=axis)  # three outputs
    inverse = inverse.reshape(-1)
    if not sorted:
        order = np.argsort(first)
        values = np.take(values, order, 0 if axis is None else axis)
        first, counts = first[order], counts[order]
        inverse = np.argsort(order)[inverse]
    return values, *(item.astype(np.int64) for item in (first, inverse, counts))
