"""Opaque calls: orders and searches of ours. Linear algebra, and a stranger's functions, are not said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from compiler.ir.known_calls import AtRanks, First, Order, Ranked, Search, Sorted
from compiler.ir.linear_algebra import DETERMINANT, FUNCTIONS
from compiler.ir.node import Node
from compiler.ir.op import Call
from tinytorch.onnx.exporting.context import Context
from tinytorch.onnx.exporting.values import Unsayable, Value, numpy

_CARRIERS: Final = {
    "bool": "int32", "uint8": "int32", "int8": "int32", "int16": "int32", "float16": "float32",
    "bfloat16": "float32",
}  # fmt: skip
"""In what dtypes are ordered of which ONNX Runtime has no kernel; nothing is lost there and back."""


def _ordered(context: Context, x: Value, count: Value, *, largest: bool) -> list[Value]:
    """The first elements of an order and their places. Of equal ones TopK takes the first in place first."""
    kind = x.dtype
    x = x.astype(_CARRIERS.get(kind.name, kind))
    values, places = context.writer.results(
        "TopK", [x, count], [x.dtype, np.int64], axis=-1, largest=int(largest), sorted=1
    )
    return [values.astype(kind), places]


def _sorted(context: Context, node: Node, function: Sorted, x: Value) -> Value:
    count = context.extents.row(node.type.shape[-1])
    return _ordered(context, x, count, largest=function.descending)[0]


def _order(context: Context, node: Node, function: Order, x: Value) -> Value:
    count = context.extents.row(node.type.shape[-1])
    return _ordered(context, x, count, largest=function.descending)[1]


def _first(context: Context, node: Node, function: First, x: Value) -> Value:
    count = context.writer.integers(function.count)
    return _ordered(context, x, count, largest=function.largest)[1]


def _ranked(context: Context, node: Node, function: Any, x: Value, ranks: Value) -> Value:
    extent = node.operands[0].type.shape[-1]
    both = _ordered(context, x, context.extents.row(extent), largest=False)
    found = both[0 if isinstance(function, Ranked) else 1]
    picked: Any = context.writer.node("Gather", found, ranks, axis=node.operands[0].type.rank - 1)
    if not function.or_nan or x.dtype.kind != "f":
        return picked
    if isinstance(function, AtRanks):
        raise Unsayable("the place of the last NaN of a row")
    unknown = numpy.isnan(x)
    last = context.writer.integers(node.operands[0].type.rank - 1)
    has_nan: Any = context.writer.node("ReduceMax", unknown.astype(np.int32), last, keepdims=1)
    return numpy.where(has_nan > 0, np.nan, picked)


def _searched(context: Context, node: Node, function: Search, row: Value, values: Value) -> Value:
    """How many elements of the row are less: each is compared with each."""
    rank = node.type.rank
    if node.operands[0].type.rank > 1:
        row = context.moves.unsqueezed(row, [rank - 1])
    each: Any = context.moves.unsqueezed(values, [rank])
    less = numpy.less_equal(row, each) if function.right else numpy.less(row, each)
    last = context.writer.integers(rank)
    return context.writer.node("ReduceSum", less.astype(np.int64), last, keepdims=0)


_FUNCTIONS: Final[Mapping[Any, Callable[..., Value]]] = {
    Sorted: _sorted,
    Order: _order,
    First: _first,
    Ranked: _ranked,
    AtRanks: _ranked,
    Search: _searched,
}


def write_call(context: Context, node: Node, *operands: Value) -> Value:
    """The nodes of an opaque call. Raises Unsayable for what ONNX has no operator for."""
    op = node.op
    assert isinstance(op, Call)
    write = _FUNCTIONS.get(type(op.function))
    if write is not None:
        function: Any = op.function
        return write(context, node, function, *operands)
    if op.label == DETERMINANT:
        return context.writer.node("Det", *operands)
    if op.label in FUNCTIONS:
        raise Unsayable("ONNX has no operator of linear algebra but Det")
    raise Unsayable("a Python function, of which nothing but its result's type is known")
