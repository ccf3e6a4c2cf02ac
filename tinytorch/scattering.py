"""Gathers and scatters along one axis as methods: PyTorch's, with a tensor as the result and x as it was.

Indices are as in `tt.take`: those that are known when the graph is built count from the end, and are checked
then; others are checked by the call.
"""

from __future__ import annotations

import math
from typing import Any, Final, Self

import numpy as np

from compiler.errors import ArgumentError, DTypeError, ShapeError
from compiler.ir.build import apply, broadcast, filled
from compiler.ir.dims import Extent, Shape
from compiler.ir.node import Node, describe, make_node
from compiler.ir.op import Broadcast, Combine, Gather, Insert, Reshape, Scatter, Slice
from compiler.ir.types import DType, TensorType
from tinytorch.arithmetic import Arithmetic, as_nodes
from tinytorch.axes import normalised_axis
from tinytorch.indexing import fitting, index_node, take

REDUCTIONS: Final = {
    "sum": Combine.ADD,
    "prod": Combine.MULTIPLY,
    "mean": Combine.ADD,
    "amax": Combine.MAX,
    "amin": Combine.MIN,
}
"""What `scatter_reduce` calls them, as PyTorch."""


class Scattering(Arithmetic):
    """Elements along an axis, read or changed where indices say."""

    __slots__ = ()

    def gather(self, axis: int, indices: Any) -> Self:
        """`out[a, i, b] = x[a, indices[a, i, b], b]` (torch.gather).

        Indices have as many axes as x, and off the axis no more elements. `tt.take_along_axis` broadcasts.
        """
        place = normalised_axis(axis, self.ndim, self.node)
        index = aligned_index(self.node, place, indices)
        return self._wrap(picked(_part(self.node, place, index), index, place))

    def index_select(self, axis: int, indices: Any) -> Self:
        """The slices along an axis that a list of indices names (torch.index_select, `tt.take`)."""
        place = normalised_axis(axis, self.ndim, self.node)
        return self._wrap(take(self.node, index_node(indices, self.node, place), place))

    def index_add(self, axis: int, indices: Any, values: Any, *, alpha: Any = 1) -> Self:
        """x with `alpha` times values added to its slices along an axis (torch.index_add).

        Values have x's shape with the indices' in place of the axis, or broadcast to it. What is added to one
        slice is added in the order of the indices.
        """
        node = as_nodes(self, values)[1]
        scaled = node if alpha == 1 else as_nodes(self, self._binary("mul", self._wrap(node), alpha))[1]
        return self._by_slices(axis, indices, scaled, Combine.ADD)

    def index_copy(self, axis: int, indices: Any, values: Any) -> Self:
        """x with values in place of its slices along an axis, the last of several (torch.index_copy)."""
        return self._by_slices(axis, indices, as_nodes(self, values)[1], Combine.SET)

    def index_fill(self, axis: int, indices: Any, value: Any) -> Self:
        """x with one value in its slices along an axis (torch.index_fill)."""
        return self.index_copy(axis, indices, value)

    def scatter(self, axis: int, indices: Any, values: Any) -> Self:
        """x with `x[a, indices[a, i, b], b]` set to `values[a, i, b]` (torch.scatter).

        Indices have as many axes as x, and off the axis no more elements; of values as many are read, or one
        number is spread. Of several values for one element the last one, in row-major order, stays.
        """
        return self._by_elements(axis, indices, values, Combine.SET)

    def scatter_add(self, axis: int, indices: Any, values: Any) -> Self:
        """x with `values[a, i, b]` added to `x[a, indices[a, i, b], b]` (torch.scatter_add)."""
        return self._by_elements(axis, indices, values, Combine.ADD)

    def scatter_reduce(
        self, axis: int, indices: Any, values: Any, reduce: str, *, include_self: bool = True
    ) -> Self:
        """x with the elements at `x[a, indices[a, i, b], b]` combined with `values[a, i, b]`.

        `reduce` is sum, prod, mean, amax or amin; without `include_self` x counts only where no index falls.
        Equal winners share the gradient; a product has one by values where indices are known and differ
        (torch.scatter_reduce). A mean of integers is rounded down.
        """
        combine = REDUCTIONS.get(reduce)
        if combine is None:
            raise ArgumentError(f"reduce is one of {', '.join(REDUCTIONS)}, not {reduce!r}")
        place = normalised_axis(axis, self.ndim, self.node)
        index = aligned_index(self.node, place, indices)
        update = Placed(place, index, combine)
        values = update.fitting(self, values)
        start = self.node
        if not include_self:
            first = filled(identity_of(combine, self.dtype), TensorType(self.dtype, index.type.shape))
            start = Placed(place, index, Combine.SET).written(start, first)
        found = update.written(start, values)
        return self._wrap(found if reduce != "mean" else _mean(found, update, include_self=include_self))

    def _by_slices(self, axis: int, indices: Any, values: Node, combine: Combine) -> Self:
        place = normalised_axis(axis, self.ndim, self.node)
        index = index_node(indices, self.node, place)
        shape = (*self.shape[:place], *index.type.shape, *self.shape[place + 1 :])
        values = broadcast(fitting(self.node, values), shape)
        return self._wrap(make_node(Scatter(place, combine), [self.node, index, values]))

    def _by_elements(self, axis: int, indices: Any, values: Any, combine: Combine) -> Self:
        place = normalised_axis(axis, self.ndim, self.node)
        update = Placed(place, aligned_index(self.node, place, indices), combine)
        return self._wrap(update.written(self.node, update.fitting(self, values)))


class Placed:
    """A scatter of element to element, along an axis of as much as the indices have of the others."""

    def __init__(self, axis: int, index: Node, combine: Combine) -> None:
        self.axis, self.index, self.combine = axis, index, combine

    def fitting(self, target: Arithmetic, values: Any) -> Node:
        """The values of a target, in its dtype, as many of them as there are indices."""
        node = fitting(target.node, as_nodes(target, values)[1])
        shape = self.index.type.shape
        if node.type.rank == 0:
            return broadcast(node, shape)
        if node.type.rank != len(shape):
            raise ShapeError(
                f"values have as many axes as the indices: {describe(node)}\n  {describe(self.index)}"
            )
        return node if node.type.shape == shape else _first(node, shape)

    def written(self, target: Node, values: Node) -> Node:
        """The target with values."""
        part = _part(target, self.axis, self.index)
        line = _line(self.index, self.axis)
        op = Scatter(self.axis, self.combine, batched=line is None)
        found = make_node(op, [part, self.index if line is None else line, values])
        rank = target.type.rank
        return found if part is target else make_node(Insert((0,) * rank, (1,) * rank), [target, found])


def picked(node: Node, index: Node, axis: int) -> Node:
    """Elements along an axis, by indices of the same other axes."""
    line = _line(index, axis)
    return make_node(Gather(axis, batched=line is None), [node, index if line is None else line])


def _line(index: Node, axis: int) -> Node | None:
    """Indices that are the same for all other axes as one line of them: whole slices are then moved."""
    op = index.op
    if not isinstance(op, Broadcast):
        return None
    (source,) = index.operands
    is_line = all(n == 1 or op.axes[k] == axis for k, n in enumerate(source.type.shape))
    extent = index.type.shape[axis]
    if not is_line or source.type.size != extent:
        return None
    return source if source.type.shape == (extent,) else make_node(Reshape((extent,)), [source])


def aligned_index(node: Node, axis: int, indices: Any) -> Node:
    """Indices with as many axes as a node. Raises ShapeError, DTypeError, IndexRangeError."""
    index = index_node(indices, node, axis)
    if index.type.rank != node.type.rank:
        raise ShapeError(
            f"indices have as many axes as what they pick from: {describe(index)}\n  {describe(node)}\n"
            "  fix: tt.take for a list of indices along an axis, x[i, j] for indices of several axes"
        )
    if not index.type.dtype.is_integer:
        raise DTypeError(f"an index is an int32 or int64 tensor, not {describe(index)}")
    return index


def identity_of(combine: Combine, dtype: DType) -> float | int:
    """What leaves a value as it is that it is combined with."""
    match combine:
        case Combine.MULTIPLY:
            return 1
        case Combine.MAX:
            return -math.inf if dtype.is_float else int(np.iinfo(dtype.numpy).min) if dtype.is_integer else 0
        case Combine.MIN:
            return math.inf if dtype.is_float else int(np.iinfo(dtype.numpy).max) if dtype.is_integer else 1
        case _:
            return 0


def _mean(total: Node, update: Placed, *, include_self: bool) -> Node:
    dtype = total.type.dtype
    ones = filled(1, TensorType(dtype, update.index.type.shape))
    before = filled(int(include_self), total.type)
    count = Placed(update.axis, update.index, Combine.ADD).written(before, ones)
    divisor = apply("maximum", count, 1)
    return apply("div" if dtype.is_float else "floordiv", total, divisor)


def _part(node: Node, axis: int, index: Node) -> Node:
    """As much of a node as its indices have, but all of the axis."""
    shape = index.type.shape
    return _first(node, (*shape[:axis], node.type.shape[axis], *shape[axis + 1 :]))


def _first(node: Node, shape: Shape) -> Node:
    """The first elements along each axis."""
    if node.type.shape == shape:
        return node
    starts: tuple[Extent, ...] = (0,) * len(shape)
    return make_node(Slice(starts, shape, (1,) * len(shape)), [node])
