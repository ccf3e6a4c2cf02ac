"""Reductions as methods: `axis` is an int, several, or None for all; negative axes count from the last."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final, Self, TypeAlias

from compiler.errors import ArgumentError, ShapeError
from compiler.ir.build import Value, apply, reduce
from compiler.ir.dims import Dim, Extent, product
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.node import Node, describe, make_node
from compiler.ir.numbers import number
from compiler.ir.op import Prefix, Reducer, Reshape, Scan, Size
from compiler.ir.types import DType, floating
from tinytorch.arithmetic import Arithmetic
from tinytorch.axes import Axis, normalised_axes, normalised_axis
from tinytorch.rounding import rounded_once

ROOT: Final = parse_formula("root(x) = where(x == 0, 0, sqrt(x))")
"""The square root, with the slope 0 at 0."""

_LEFT: Final = parse_formula("left(n, less) = maximum(n - less, 0)")

Correction: TypeAlias = Extent | float
"""What is taken from the number of elements before a sum of squares is divided by it."""


class Reductions(Arithmetic):
    """Sums, means, extremes and their places, and what they are up to each element."""

    __slots__ = ()

    def sum(self, axis: Axis = None, keepdims: bool = False) -> Self:
        """The sum over axes. bools and narrow integers are summed as int64."""
        return self._reduce(Reducer.SUM, axis, keepdims)

    def prod(self, axis: Axis = None, keepdims: bool = False) -> Self:
        """The product over axes, 1 of nothing. bools and narrow integers are multiplied as int64.

        Its gradient is right at zeros.
        """
        return self._reduce(Reducer.PROD, axis, keepdims)

    def max(self, axis: Axis = None, keepdims: bool = False) -> Self:
        """The largest element over axes, NaN where there is one.

        Tied elements share the gradient (torch.amax).
        """
        return self._reduce(Reducer.MAX, axis, keepdims)

    def min(self, axis: Axis = None, keepdims: bool = False) -> Self:
        """The smallest element over axes, NaN where there is one.

        Tied elements share the gradient (torch.amin).
        """
        return self._reduce(Reducer.MIN, axis, keepdims)

    def argmax(self, axis: int | None = None, keepdims: bool = False) -> Self:
        """The index (int64) of the first largest element along an axis, or in the flattened tensor.

        NaN is largest.
        """
        return self._reduce(Reducer.ARGMAX, axis, keepdims)

    def argmin(self, axis: int | None = None, keepdims: bool = False) -> Self:
        """The index (int64) of the first smallest element along an axis, or in the flattened tensor.

        NaN is smallest.
        """
        return self._reduce(Reducer.ARGMIN, axis, keepdims)

    @rounded_once
    def mean(self, axis: Axis = None, keepdims: bool = False) -> Self:
        """The arithmetic mean over axes, floating: float32 of integers and bools.

        NaN of nothing.
        """
        floats = self.astype(floating(self.dtype))
        total = floats.sum(axis, keepdims)
        count = product(self.shape[k] for k in normalised_axes(axis, self.ndim, self.node))
        return self._wrap(apply("div", total.node, Size(count)))

    @rounded_once
    def var(self, axis: Axis = None, keepdims: bool = False, *, correction: Correction = 1) -> Self:
        """The variance over axes, divided by n - `correction` as torch.var does (NumPy's default is 0).

        `correction` is a number, whole or not, or an extent; a divisor below 0 is 0.
        """
        centred = self - self.mean(axis, keepdims=True)
        total = (centred * centred).sum(axis, keepdims)
        count = product(self.shape[k] for k in normalised_axes(axis, self.ndim, self.node))
        return self._wrap(apply("div", total.node, _divisor(count, correction, total.dtype)))

    @rounded_once
    def std(self, axis: Axis = None, keepdims: bool = False, *, correction: Correction = 1) -> Self:
        """The square root of `var`. Its gradient is 0 where all elements are equal, as in torch.std."""
        return self._wrap(apply(ROOT, self.var(axis, keepdims, correction=correction).node))

    def cumsum(self, axis: int | None = None, *, reverse: bool = False) -> Self:
        """The sum of the elements of an axis up to each; with `reverse`, from each to the last.

        Without an axis, of the flattened tensor, as in NumPy. bools and narrow integers are summed as int64,
        float32 in float64.
        """
        return self._prefix(Scan.SUM, axis, reverse)

    def cumprod(self, axis: int | None = None, *, reverse: bool = False) -> Self:
        """The product of the elements of an axis up to each, as `cumsum`. Its gradient is right at zeros."""
        return self._prefix(Scan.PRODUCT, axis, reverse)

    def cummax(self, axis: int | None = None, *, reverse: bool = False) -> Self:
        """The largest of the elements of an axis up to each, NaN from the first NaN on.

        The last of equal ones has the gradient (torch.cummax, which returns the places too).
        """
        return self._prefix(Scan.MAX, axis, reverse)

    def cummin(self, axis: int | None = None, *, reverse: bool = False) -> Self:
        """The smallest of the elements of an axis up to each, as `cummax`."""
        return self._prefix(Scan.MIN, axis, reverse)

    def _prefix(self, scan: Scan, axis: int | None, reverse: bool) -> Self:
        node, place = self.node, 0
        if axis is None:
            node = make_node(Reshape((node.type.size,)), [node]) if self.ndim != 1 else node
        else:
            place = normalised_axis(axis, self.ndim, node)
        return self._wrap(make_node(Prefix(scan, place, bool(reverse)), [node]))

    def _reduce(self, reducer: Reducer, axis: Axis, keepdims: bool) -> Self:
        axes = normalised_axes(axis, self.ndim, self.node)
        check_elements(reducer, self.node, axes)
        if not axes:
            return self.astype("int64") * 0 if reducer.is_search else self._sum_of_nothing(reducer)
        return self._wrap(reduce(reducer, self.node, axes, keepdims))

    def _sum_of_nothing(self, reducer: Reducer) -> Self:
        is_counted = reducer.has_identity and not self.dtype.is_float
        return self.astype("int64") if is_counted else self._wrap(self.node)


def check_elements(reducer: Reducer, node: Node, axes: Iterable[int]) -> None:
    """Raises ShapeError where an extremum, or its place, is asked for among no elements.

    Of symbolic extents a call is asked (`compiler.analysis.extents`).
    """
    if not reducer.has_identity and any(node.type.shape[axis] == 0 for axis in axes):
        raise ShapeError(f"{reducer.value} of no elements has no value: {describe(node)}")


def _divisor(count: Extent, correction: Any, dtype: DType) -> Value:
    """What is left of the extent, or 0 where that is less."""
    less = _checked(correction)
    if isinstance(less, float):
        return max(count - less, 0.0) if isinstance(count, int) else _left(count, less, dtype)
    rest = count - less
    return Size(max(rest, 0)) if isinstance(rest, int) else _left(rest, 0, dtype)


def _left(count: Extent, less: float, dtype: DType) -> Value:
    return apply(_LEFT, Size(count), less, dtype=dtype)


def _checked(correction: Any) -> Extent | float:
    """A correction; a whole number as an int. Raises ArgumentError."""
    if isinstance(correction, Dim):
        return correction
    value = number(correction)
    if value is None or not math.isfinite(value):
        raise ArgumentError(f"a correction is a finite number or an extent, not {correction!r}")
    return int(value) if float(value).is_integer() else value
