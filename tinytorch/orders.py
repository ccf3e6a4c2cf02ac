"""Orders of elements as methods: places of what is sorted, and gathers of what lies there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

from compiler.errors import ArgumentError, ShapeError
from compiler.ir.dims import Dim, Extent, extent, product
from compiler.ir.node import Node, describe, make_node
from compiler.ir.numbers import whole_number
from compiler.ir.op import Reshape
from tinytorch.axes import Axis, normalised_axes, normalised_axis
from tinytorch.reductions import Reductions
from tinytorch.rows import (
    at_rank,
    first_of,
    half,
    left_of,
    order_of,
    picked,
    ranked_or_nan,
    rows_of,
    sorted_rows,
    with_axis_at,
)


class Orders(Reductions):
    """Sorting, and elements by their ranks. NaN is the greatest; of equal elements the first comes first."""

    __slots__ = ()

    def sort(self, axis: int | None = -1, descending: bool = False, stable: bool = True) -> Self:
        """The elements along an axis in ascending order, or in descending; flattened where `axis` is None.

        NaN is the greatest value. torch.sort gives the places too, which are those of `argsort`. The gradient
        of an element goes to where it came from. Every sort is stable.
        """
        return self._in_order(sorted_rows, axis, bool(descending))

    def argsort(self, axis: int | None = -1, descending: bool = False, stable: bool = True) -> Self:
        """The places (int64) of the elements along an axis in the order in which `sort` gives them.

        Of equal elements the first comes first, in a descending order too.
        """
        return self._in_order(order_of, axis, bool(descending))

    def _in_order(self, find: Callable[[Node, bool], Node], axis: int | None, descending: bool) -> Self:
        flat = make_node(Reshape((self.size,)), [self.node]) if axis is None else self.node
        place = normalised_axis(-1 if axis is None else axis, flat.type.rank, self.node)
        return self._wrap(with_axis_at(find(rows_of(flat, (place,)), descending), place))

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
        order = first_of(rows, count, bool(largest))
        values, places = (self._wrap(with_axis_at(item, place)) for item in (picked(rows, order), order))
        return values, places

    def kthvalue(self, k: Extent | str, axis: int = -1, keepdims: bool = False) -> tuple[Self, Self]:
        """The `k`-th smallest element along an axis, the first for k = 1, and its place (int64).

        Raises ShapeError where there are fewer, for a symbolic axis when the program runs.
        """
        place = normalised_axis(axis, self.ndim, self.node)
        count = _checked_count("kthvalue", k, self.node, place, 1)
        rows = rows_of(self.node, (place,))
        order = at_rank(rows, count - 1)
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
        rows = rows_of(self.node, axes)
        return self._reduced(ranked_or_nan(rows, half(count - 1)), axes, keepdims)

    def _reduced(self, rows: Node, axes: Sequence[int], keepdims: bool) -> Self:
        """What is left of rows of which one element each is left."""
        return self._wrap(make_node(Reshape(left_of(self.shape, axes, keepdims)), [rows]))


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
