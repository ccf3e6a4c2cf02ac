"""Orders of elements as methods: one call for what is sorted, and gathers of what it finds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from compiler.errors import ArgumentError, ShapeError
from compiler.ir.build import IDENTITY, apply, constant_node
from compiler.ir.dims import Dim, Extent, Shape, extent, product
from compiler.ir.known_calls import AtRanks, First, Order, Ranked, Sorted, call_of
from compiler.ir.node import Node, describe, make_node
from compiler.ir.numbers import whole_number
from compiler.ir.op import ArrayFunction, Gather, Reshape, Size, Slice, Transpose
from compiler.ir.types import INT64
from tinytorch.axes import Axis, normalised_axes, normalised_axis
from tinytorch.reductions import Reductions


class Orders(Reductions):
    """Sorting, and elements by their ranks. NaN is the greatest; of equal elements the first comes first."""

    __slots__ = ()

    def sort(self, axis: int | None = -1, descending: bool = False, stable: bool = True) -> Self:
        """The elements along an axis in ascending order, or in descending; flattened where `axis` is None.

        NaN is the greatest value. torch.sort gives the places too, which are those of `argsort`. The gradient
        of an element goes to where it came from. Every sort is stable.
        """
        return self._in_order(Sorted(bool(descending)), axis)

    def argsort(self, axis: int | None = -1, descending: bool = False, stable: bool = True) -> Self:
        """The places (int64) of the elements along an axis in the order in which `sort` gives them.

        Of equal elements the first comes first, in a descending order too.
        """
        return self._in_order(Order(bool(descending)), axis)

    def _in_order(self, function: ArrayFunction, axis: int | None) -> Self:
        flat = make_node(Reshape((self.size,)), [self.node]) if axis is None else self.node
        place = normalised_axis(-1 if axis is None else axis, flat.type.rank, self.node)
        return self._wrap(with_axis_at(called(function, rows_of(flat, (place,))), place))

    def topk(
        self, k: Extent | str, axis: int = -1, largest: bool = True, sorted: bool = True
    ) -> tuple[Self, Self]:
        """The `k` largest elements along an axis, largest first, and their places (int64); or the smallest.

        NaN is the greatest value, and of equal elements the first comes first. They are in order whatever
        `sorted` says. Raises ShapeError where there are fewer, for a symbolic axis when the program runs.
        """
        place = normalised_axis(axis, self.ndim, self.node)
        count = _checked_count("topk", k, self.node, place, 0)
        rows = rows_of(self.node, (place,))
        order = _first(rows, count, bool(largest))
        values, places = (self._wrap(with_axis_at(item, place)) for item in (picked(rows, order), order))
        return values, places

    def kthvalue(self, k: Extent | str, axis: int = -1, keepdims: bool = False) -> tuple[Self, Self]:
        """The `k`-th smallest element along an axis, the first for k = 1, and its place (int64).

        Raises ShapeError where there are fewer, for a symbolic axis when the program runs.
        """
        place = normalised_axis(axis, self.ndim, self.node)
        count = _checked_count("kthvalue", k, self.node, place, 1)
        rows = rows_of(self.node, (place,))
        order = _kth(rows, count)
        values = picked(rows, order)
        return self._reduced(values, (place,), keepdims), self._reduced(order, (place,), keepdims)

    def median(self, axis: Axis = None, keepdims: bool = False) -> Self:
        """The middle element over axes, of two the lower one as in torch.median; NaN where there is a NaN.

        numpy.median is the mean of the two: `tt.quantile(x, 0.5, axis)`. Where torch.median has an axis it
        gives the place too. The gradient goes to one element.
        """
        axes = normalised_axes(axis, self.ndim, self.node)
        count = product(self.shape[k] for k in axes)
        if count == 0:
            raise ShapeError(f"median of no elements has no value: {describe(self.node)}")
        middle = extents((count - 1) // 2) if isinstance(count, int) else _half(count - 1)
        rows = rows_of(self.node, axes)
        return self._reduced(called(Ranked(or_nan=True), rows, middle), axes, keepdims)

    def _reduced(self, rows: Node, axes: Sequence[int], keepdims: bool) -> Self:
        """What is left of rows of which one element each is left."""
        return self._wrap(make_node(Reshape(left_of(self.shape, axes, keepdims)), [rows]))


def called(function: ArrayFunction, *operands: Node) -> Node:
    """A known function of nodes."""
    return make_node(call_of(function, *(operand.type for operand in operands)), operands)


def rows_of(node: Node, axes: Sequence[int]) -> Node:
    """Some axes, or none, as one, behind the others."""
    rank, shape = node.type.rank, node.type.shape
    kept = [k for k in range(rank) if k not in axes]
    order = (*kept, *axes)
    moved = node if order == tuple(range(rank)) else make_node(Transpose(order), [node])
    if len(axes) == 1:
        return moved
    whole = product(shape[k] for k in axes)
    return make_node(Reshape((*(shape[k] for k in kept), whole)), [moved])


def left_of(shape: Shape, axes: Sequence[int], keepdims: bool) -> Shape:
    """The shape of a reduction over axes."""
    return tuple(1 if k in axes else n for k, n in enumerate(shape) if keepdims or k not in axes)


def with_axis_at(rows: Node, axis: int) -> Node:
    """The last axis at its place."""
    last = rows.type.rank - 1
    order = (*range(axis), last, *range(axis, last))
    return rows if axis == last else make_node(Transpose(order), [rows])


def picked(rows: Node, places: Node) -> Node:
    """Elements of rows."""
    return make_node(Gather(rows.type.rank - 1, batched=True), [rows, places])


def _first(rows: Node, count: Extent, largest: bool) -> Node:
    """The places of the first elements of an order."""
    if isinstance(count, int):
        return called(First(count, largest), rows)
    return _part(called(Order(largest), rows), 0, count)


def _kth(rows: Node, count: Extent) -> Node:
    """The place of the `count`-th smallest element; a call whose symbolic axis has fewer is an error."""
    if isinstance(count, int) and isinstance(rows.type.shape[-1], int):
        return called(AtRanks(), rows, extents(count - 1))
    return _part(_first(rows, count, largest=False), count - 1, 1)


def _part(rows: Node, start: Extent, size: Extent) -> Node:
    others, ones = rows.type.shape[:-1], (1,) * rows.type.rank
    return make_node(Slice((*[0] * len(others), start), (*others, size), ones), [rows])


def extents(*values: Extent) -> Node:
    """Extents, of which there is one if it is symbolic, as a tensor of one axis, int64."""
    if len(values) == 1 and isinstance(values[0], Dim):
        return apply(IDENTITY, Size(values[0]), shape=(1,), dtype=INT64)
    return constant_node(np.array(values, np.int64), INT64)


def _half(count: Extent) -> Node:
    return apply("floordiv", Size(count), 2, shape=(1,), dtype=INT64)


def _checked_count(what: str, k: Any, node: Node, axis: int, least: int) -> Extent:
    """How many elements of an axis are meant. Raises ArgumentError or ShapeError."""
    count = extent(k) if isinstance(k, Dim | str) else whole_number(k)
    if count is None:
        raise ArgumentError(f"{what} takes an int or an extent as k, not {k!r}: {describe(node)}")
    whole = node.type.shape[axis]
    is_small = isinstance(count, int) and count < least
    if is_small or (isinstance(count, int) and isinstance(whole, int) and count > whole):
        raise ShapeError(
            f"{what} of k = {count} along axis {axis} of {whole} elements: {describe(node)}\n"
            f"  fix: k from {least} to {whole}"
        )
    return count
