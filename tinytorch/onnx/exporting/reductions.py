"""Reductions and sums of products: Reduce*, ArgMax and ArgMin, MatMul, Einsum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_letters
from typing import Any, Final

import numpy as np

from compiler.ir.dims import product
from compiler.ir.node import Node
from compiler.ir.op import Access, MapReduce, Reducer
from compiler.ir.types import dtype_of
from tinytorch.onnx.exporting.context import Context
from tinytorch.onnx.exporting.values import Unsayable, Value, converted

_REDUCERS: Final[Mapping[Reducer, str]] = {
    Reducer.SUM: "ReduceSum",
    Reducer.PROD: "ReduceProd",
    Reducer.MAX: "ReduceMax",
    Reducer.MIN: "ReduceMin",
    Reducer.ARGMAX: "ArgMax",
    Reducer.ARGMIN: "ArgMin",
}


def write_reduction(context: Context, node: Node, *operands: Value, operator: str = "") -> Value:
    """The nodes of a MapReduce that reduces; `operator` stands for the one of its reducer."""
    op = node.op
    assert isinstance(op, MapReduce)
    if op.formula.factors is None or len(op.accesses) != len(op.arguments):
        raise Unsayable(f"a {op.reducer.value} of {op.formula}")
    x, *others = operands
    if others:
        return write_contraction(context, op, *operands)
    access = op.accesses[0]
    if op.reducer.has_identity:
        x = converted(x, op.dtype, dtype_of(x.dtype))
    name = operator or _REDUCERS[op.reducer]
    if op.reducer.is_search:
        return _searched(context, op, access, x)
    return _reduced(context, op, access, x, name)


def _reduced(context: Context, op: MapReduce, access: Access, x: Value, operator: str) -> Value:
    """Over several axes at once. Unit axes that no loop follows go with those that are reduced."""
    kept = [axis for axis in access.axes if axis is not None and axis < op.kept]
    gone = [k for k, axis in enumerate(access.axes) if axis is None or axis >= op.kept]
    stays = [None if k in gone else axis for k, axis in enumerate(access.axes)]
    is_in_place = tuple(stays) == op.output
    axes = context.writer.integers(*gone)
    found = x
    if gone:
        found = context.writer.node(operator, x, axes, keepdims=int(is_in_place))
    if is_in_place:
        return found
    found = context.moves.transposed(found, sorted(range(len(kept)), key=kept.__getitem__))
    return _placed(context, op, found)


def _searched(context: Context, op: MapReduce, access: Access, x: Value) -> Value:
    """The place in row-major order of the reduced loops, which become one axis."""
    rank = len(op.extents)
    x = context.moves.along(x, access.axes, rank, exact=True)
    kept = op.extents[: op.kept]
    if len(op.reduced) > 1:
        x = context.moves.reshaped(x, op.extents, (*kept, product(op.extents[op.kept :])))
    found = context.writer.node(_REDUCERS[op.reducer], x, kind=np.int64, axis=op.kept, keepdims=0)
    return _placed(context, op, found)


def _placed(context: Context, op: MapReduce, found: Value) -> Value:
    return context.moves.unsqueezed(found, [k for k, axis in enumerate(op.output) if axis is None])


def write_contraction(context: Context, op: MapReduce, *operands: Value) -> Value:
    """A sum of products: MatMul of matrices and stacks of them, Gemm of stored ones, else Einsum."""
    values: list[Value] = []
    loops: list[tuple[int, ...]] = []
    for x, access in zip(operands, op.accesses, strict=True):
        x = context.moves.squeezed(x, [k for k, axis in enumerate(access.axes) if axis is None])
        values.append(converted(x, op.dtype, dtype_of(x.dtype)))
        loops.append(tuple(axis for axis in access.axes if axis is not None))
    found = _matrix_product(context, op, values, loops)
    if found is None:
        terms = [_letters(item) for item in loops]
        equation = f"{','.join(terms)}->{_letters(range(op.kept))}"
        found = context.writer.node("Einsum", *values, equation=equation)
    return _placed(context, op, found)


def _letters(loops: Sequence[int]) -> str:
    return "".join(ascii_letters[loop] for loop in loops)


def _matrix_product(
    context: Context, op: MapReduce, values: Sequence[Value], loops: Sequence[tuple[int, ...]]
) -> Value | None:
    """MatMul of two operands over one loop, in whichever order the result has them; None for all else."""
    if len(values) != 2 or len(op.reduced) != 1:
        return None
    for left, right in ((0, 1), (1, 0)):
        orders = matrix_orders(op.kept, loops[left], loops[right])
        if orders is not None:
            return _product(context, [values[left], values[right]], orders)
    return None


def _product(context: Context, values: Sequence[Value], orders: Sequence[Sequence[int]]) -> Value:
    """Matrices that stand as they are stored, transposed, are Gemm's; others are turned for MatMul."""
    turned = [list(order) == [1, 0] for order in orders]
    is_plain = all(len(order) == 2 for order in orders) and values[0].dtype.kind == "f"
    if is_plain and any(turned):
        pairs = zip("AB", turned, strict=True)
        names: dict[str, Any] = {f"trans{name}": 1 for name, is_turned in pairs if is_turned}
        return context.writer.node("Gemm", *values, **names)
    a, b = (context.moves.transposed(x, order) for x, order in zip(values, orders, strict=True))
    return context.writer.node("MatMul", a, b)


def matrix_orders(
    kept: int, left: tuple[int, ...], right: tuple[int, ...]
) -> tuple[list[int], list[int]] | None:
    """The orders of axes in which two operands are matrices, stacks of them, or vectors, to MatMul.

    The result has the loops 0, 1, ... below `kept`, and the loop `kept` is summed. None where there are no
    such orders.
    """
    if kept not in left or kept not in right:
        return None
    rows, columns = (len(left) > 1), (len(right) > 1)
    ends = int(rows) + int(columns)
    if ends > kept:
        return None
    stack = range(kept - ends)
    row, column = kept - ends, kept - 1
    wanted_left = (*_stacked(stack, left), *([row] * rows), kept)
    wanted_right = (*_stacked(stack, right), kept, *([column] * columns))
    if sorted(wanted_left) != sorted(left) or sorted(wanted_right) != sorted(right):
        return None
    return [left.index(loop) for loop in wanted_left], [right.index(loop) for loop in wanted_right]


def _stacked(stack: range, loops: tuple[int, ...]) -> Sequence[int]:
    """The stack's last loops, as many as an operand has: what is missing in front is broadcast."""
    count = sum(loop in stack for loop in loops)
    return stack[len(stack) - count :]
