"""Places among what is sorted, and counts of what falls where.

A shape is known when the graph is built, so what counts values is told how many values there are.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from compiler.errors import ArgumentError, ShapeError
from compiler.ir.dims import Dim, Extent, extent
from compiler.ir.known_calls import Search
from compiler.ir.node import Node, describe, make_node
from compiler.ir.numbers import whole_number
from compiler.ir.op import Constant, ScatterAdd
from compiler.ir.types import BOOL, DType, floating, promote
from tinytorch.axes import counted
from tinytorch.elementwise import built_in
from tinytorch.ops import elementwise as op
from tinytorch.ops.layout import arange, concatenate, take
from tinytorch.ops.making import full, ones
from tinytorch.rows import called
from tinytorch.tensor import Tensor, as_tensor, as_tensors


def searchsorted(row: Any, values: Any, side: str = "left") -> Tensor:
    """How many elements of an ascending `row` are less than each value, or with side="right" not greater.

    So it is where each is to be inserted, int64. Of one row, or of one for each row of the values, which then
    have the same axes but the last. NaN is the greatest. Where a row is in no order, places have no meaning.
    """
    sides = {"left": False, "right": True}
    if side not in sides:
        raise ArgumentError(f"searchsorted takes the side 'left' or 'right', not {side!r}")
    return _searched("searchsorted", row, values, sides[side])


def bucketize(x: Any, boundaries: Any, right: bool = False) -> Tensor:
    """The number of the bucket of each element, of those that ascending boundaries part (torch.bucketize).

    Bucket i is boundaries[i-1] < x <= boundaries[i], or with `right` boundaries[i-1] <= x < boundaries[i],
    which is the other way round in `digitize`.
    """
    return _searched("bucketize", boundaries, x, bool(right), only_one=True)


def digitize(x: Any, bins: Any, right: bool = False) -> Tensor:
    """The number of the bin of each element (numpy.digitize): bins[i-1] <= x < bins[i].

    With `right`, bins[i-1] < x <= bins[i]. Bins ascend.
    """
    return _searched("digitize", bins, x, not right, only_one=True)


def _searched(what: str, row: Any, values: Any, right: bool, only_one: bool = False) -> Tensor:
    given, wanted = as_tensors(row, values)
    dtype = promote([given.dtype, wanted.dtype])
    if not given.ndim or (only_one and given.ndim > 1):
        raise ShapeError(f"{what} takes one sorted row, not {describe(given.node)}")
    if given.ndim > 1 and given.shape[:-1] != wanted.shape[:-1]:
        raise ShapeError(
            f"{what} takes one sorted row, or one for each row of the values:\n"
            f"  {describe(given.node)}\n  {describe(wanted.node)}"
        )
    return _places(given.astype(dtype), wanted.astype(dtype), right)


_BLOCK: Final = 32
"""Elements of a row that are all compared with a value, which vectors do faster than a search can branch."""


def _places(row: Tensor, values: Tensor, right: bool) -> Tensor:
    """How many elements of a row go before each value: whole blocks of them, and in the one that is left."""
    count = row.shape[-1]
    if not isinstance(count, int) or (count > 4 * _BLOCK and row.ndim > 1):
        return Tensor(called(Search(right), row.node, values.node))
    before = _NOT_AFTER if right else _BEFORE
    if count <= 2 * _BLOCK or row.ndim > 1:
        rows = row.unsqueeze(-2) if row.ndim > 1 else row
        return before(rows, values.unsqueeze(-1)).sum(-1)
    blocks = -(-count // _BLOCK)
    rest = full((blocks * _BLOCK - count,), _greatest(row.dtype), dtype=row.dtype)
    grid = concatenate([row, rest]).reshape([blocks, _BLOCK])
    block = _places(grid[:, -1], values, right)
    near = take(grid, op.minimum(block, blocks - 1), 0)
    found = block * _BLOCK + before(near, values.unsqueeze(-1)).sum(-1)
    return op.minimum(found, count)  # what fills the last block may go before a value, too


def _greatest(dtype: DType) -> Any:
    if dtype.is_float:
        return np.nan
    return True if dtype is BOOL else int(np.iinfo(dtype.numpy).max)


def _before(y: Any, x: Any) -> Any:
    return (y < x) | ((x != x) & (y == y))


def _not_after(y: Any, x: Any) -> Any:
    return (y <= x) | (x != x)


_BEFORE: Final = built_in("before", _before)
"""Whether one element is less than another, NaN being the greatest."""
_NOT_AFTER: Final = built_in("not_after", _not_after)
"""Whether one element is not greater than another."""


def bincount(x: Any, weights: Any = None, minlength: Extent | str = 0) -> Tensor:
    """How often 0, 1, ... `minlength` - 1 occur in integers of one axis (int64), or sums of their weights.

    Sums have the dtype of the weights, and gradients. A shape does not depend on values, so `minlength` is
    the length, unless the integers are known when the graph is built: then it is the least, as in NumPy. An
    integer that is not counted, and one below 0, raises IndexRangeError.
    """
    x = as_tensor(x)
    if x.ndim != 1 or not x.dtype.is_integer:
        raise ShapeError(f"bincount takes integers of one axis, not {describe(x.node)}\n  fix: x.flatten()")
    weighed = ones(x.shape, dtype="int64") if weights is None else as_tensor(weights)
    if weighed.shape != x.shape:
        raise ShapeError(
            f"bincount takes a weight for each integer:\n  {describe(x.node)}\n  {describe(weighed.node)}"
        )
    data = weighed.astype("int64") if weighed.dtype is BOOL else weighed
    length = _length(x.node, extent(minlength) if isinstance(minlength, Dim | str) else minlength)
    return Tensor(make_node(ScatterAdd(0, length), [x.node, data.node]))


def _length(x: Node, given: Any) -> Extent:
    """How many integers are counted. Raises ArgumentError where neither the graph nor the caller says it."""
    least = given if isinstance(given, Dim) else counted("minlength", given)
    if isinstance(least, int) and least < 0:
        raise ArgumentError(f"bincount takes a minlength that is not negative, not {least}")
    if isinstance(least, int) and isinstance(x.op, Constant) and x.op.buffer.is_bound:
        return max(least, int(x.op.buffer.array.max(initial=-1)) + 1)
    if least == 0:
        raise ArgumentError(
            f"the length of a bincount is to be known when the graph is built: {describe(x)}\n"
            "  fix: minlength=n, where all integers are below n"
        )
    return least


def histogram(
    x: Any, bins: Any = 10, range: tuple[Any, Any] | None = None, weights: Any = None, density: bool = False
) -> tuple[Tensor, Tensor]:
    """How many elements fall into each bin, all axes flattened, and the edges of the bins (numpy.histogram).

    `bins` is a number of bins of equal width over `range`, by default from the smallest element to the
    largest, or ascending edges. Bin i is edges[i] <= x < edges[i+1]; the last one has its upper edge as well.
    Elements outside, and NaN, are not counted. Counts are int64, with weights of their dtype; with `density`
    they are divided by their sum and the widths.
    """
    x = as_tensor(x)
    x = x.astype(floating(x.dtype)).reshape([x.size])
    edges = _edges(x, bins, range)
    number_of = edges.shape[0] - 1
    upper = take(edges, number_of, 0)
    found = Tensor(called(Search(right=True), edges.node, x.node)) - 1
    is_counted = (x >= edges[0]) & (x <= upper)
    found = op.where(is_counted, op.minimum(found, number_of - 1), 0)
    weighed = is_counted.astype("int64")
    if weights is not None:
        weighed = op.where(is_counted, as_tensor(weights).reshape([x.size]), 0)
    counts = bincount(found, weighed, number_of)
    if density:
        counts = counts.astype(x.dtype) / counts.sum() / (edges[1:] - edges[:-1])
    return counts, edges


def _edges(x: Tensor, bins: Any, range: tuple[Any, Any] | None) -> Tensor:
    """The edges, of one dtype with the elements."""
    if whole_number(bins) is None:
        edges = as_tensor(bins)
        if edges.ndim != 1 or edges.shape[0] == 1 or edges.shape[0] == 0:
            raise ArgumentError(f"histogram takes a number of bins, or edges of one axis, not {bins!r}")
        return edges.astype(x.dtype)
    many = counted("the number of bins", bins)
    if many < 1:
        raise ArgumentError(f"histogram takes a number of bins from 1 on, not {many}")
    low, high = (x.min(), x.max()) if range is None else as_tensors(*range)
    low, high = low.astype(x.dtype), high.astype(x.dtype)
    is_point = low == high
    low, high = op.where(is_point, low - 0.5, low), op.where(is_point, high + 0.5, high)
    steps = arange(many + 1).astype(x.dtype)
    return op.where(steps == many, high, low + steps * ((high - low) / many))
