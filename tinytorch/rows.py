"""Rows along the last axis, and what is found in their order.

Rows are sorted by a call (`compiler.ir.known_calls`). Of dtypes that native code does not sort, elements of a
short row are compared each with each, and an element's place in the order is how many others come before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from compiler.ir.build import IDENTITY, apply, constant_node, reduce
from compiler.ir.dims import Dim, Extent, Shape, product
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.known_calls import AtRanks, First, Order, Ranked, Sorted, call_of
from compiler.ir.node import Node, make_node
from compiler.ir.op import (
    ArrayFunction,
    Gather,
    Index,
    Reducer,
    Reshape,
    ScatterAdd,
    Size,
    Slice,
    Transpose,
)
from compiler.ir.ordering import has_network
from compiler.ir.types import INT64

_SHORT: Final = 16
"""Up to so many elements of any number of rows are compared: more are sorted faster."""
_FEW_COMPARED: Final = 1 << 17
"""Comparisons in all up to which they take less than a call, 40 us."""

_COMES_BEFORE: Final = {
    False: parse_formula(
        "comes_before(y, x, j, i) = where(j < i, (y <= x) | (x != x), (y < x) | (x != x) & (y == y))"
    ),
    True: parse_formula(
        "comes_first(y, x, j, i) = where(j < i, (y >= x) | (y != y), (y > x) | (y != y) & (x == x))"
    ),
}
"""Whether element j comes before element i in ascending, and in descending order."""
_OR_LAST: Final = parse_formula("or_last(found, last, x) = where(x != x, last, found)")
"""The place that was found, or the last one of the order where that is of a NaN."""


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


def _part(rows: Node, start: Extent, size: Extent) -> Node:
    others, ones = rows.type.shape[:-1], (1,) * rows.type.rank
    return make_node(Slice((*[0] * len(others), start), (*others, size), ones), [rows])


def is_short(rows: Node) -> bool:
    """Whether elements are compared each with each."""
    count = rows.type.shape[-1]
    if not isinstance(count, int) or count == 0 or has_network(rows.type.dtype, count):
        return False
    compared = rows.type.size * count
    return count <= _SHORT or (isinstance(compared, int) and compared <= _FEW_COMPARED)


def order_of(rows: Node, descending: bool) -> Node:
    """The places of the elements in order."""
    if not is_short(rows):
        return called(Order(descending), rows)
    *others, count = rows.type.shape
    last = len(others)
    others_of, each = (
        make_node(Reshape(tuple(shape)), [rows]) for shape in ([*others, 1, count], [*others, count, 1])
    )
    pairs = apply(_COMES_BEFORE[descending], others_of, each, Index(last + 1), Index(last))
    ranks = reduce(Reducer.SUM, pairs, (last + 1,))
    places = apply(IDENTITY, Index(last), shape=rows.type.shape, dtype=INT64)
    return make_node(ScatterAdd(last, count, batched=True), [ranks, places])


def sorted_rows(rows: Node, descending: bool) -> Node:
    """The elements in order."""
    if is_short(rows):
        return picked(rows, order_of(rows, descending))
    return called(Sorted(descending), rows)


def first_of(rows: Node, count: Extent, largest: bool) -> Node:
    """The places of the first elements of an order."""
    if isinstance(count, int) and not is_short(rows):
        return called(First(count, largest), rows)
    return _part(order_of(rows, largest), 0, count)


def at_rank(rows: Node, rank: Extent) -> Node:
    """The place of the element of a rank; where a symbolic axis of a call has fewer it is an error."""
    if isinstance(rank, int) and isinstance(rows.type.shape[-1], int) and not is_short(rows):
        return called(AtRanks(), rows, extents(rank))
    return _part(first_of(rows, rank + 1, largest=False), rank, 1)


def ranked_or_nan(rows: Node, ranks: Node) -> Node:
    """The elements of some ranks, int64[n], and NaN where a row has one."""
    if not is_short(rows):
        return called(Ranked(or_nan=True), rows, ranks)
    order = order_of(rows, descending=False)
    found = make_node(Gather(rows.type.rank - 1), [order, ranks])
    if rows.type.dtype.is_float:
        last = _part(order, rows.type.shape[-1] - 1, 1)
        found = apply(_OR_LAST, found, last, picked(rows, last), dtype=INT64)
    return picked(rows, found)


def extents(*values: Extent) -> Node:
    """Extents, of which there is one if it is symbolic, as a tensor of one axis, int64."""
    if len(values) == 1 and isinstance(values[0], Dim):
        return apply(IDENTITY, Size(values[0]), shape=(1,), dtype=INT64)
    return constant_node(np.array(values, np.int64), INT64)


def half(count: Extent) -> Node:
    """Half of an extent, rounded down, as `extents` has it."""
    if isinstance(count, int):
        return extents(count // 2)
    return apply("floordiv", Size(count), 2, shape=(1,), dtype=INT64)
