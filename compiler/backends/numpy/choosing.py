"""Maps that keep one element of each row, `where(k == class, x, 0)` with a counter k, without comparing."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import numpy as np

from compiler.ir.formula.tape import Const
from compiler.ir.op import Access, Index, MapReduce

Array: TypeAlias = np.ndarray[Any, Any]

LEAST_COLUMNS: Final = 64
"""Shorter rows take less by a comparison of every element."""


def chosen_arguments(op: MapReduce) -> tuple[int, int, int] | None:
    """The arguments k, class and x if an op is `where(k == class, x, 0)`; else None."""
    formula, first = op.formula, len(op.arguments)
    if len(formula.lines) != 2 or formula.result != first + 1:
        return None
    equal, where = formula.lines
    if equal.atom != "eq" or where.atom != "where" or where.arguments[0] != first:
        return None
    value, other = where.arguments[1:]
    if not isinstance(value, int) or value >= first or other not in (Const(0), Const(0.0)):
        return None
    pair = [ref for ref in equal.arguments if isinstance(ref, int)]
    pair.sort(key=lambda ref: not isinstance(op.arguments[ref], Index))
    if len(pair) != 2 or not isinstance(op.arguments[pair[1]], Access):
        return None
    return (pair[0], pair[1], value) if isinstance(op.arguments[pair[0]], Index) else None


def keep_chosen(classes: Array, x: Array, out: Array) -> None:
    """`out[i, k] = where(k == classes[i, 0], x[i, k], 0)`; `x` broadcasts, and may lie in `out`."""
    rows, columns = _places(classes, *out.shape)
    kept = _kept(x, rows, columns, out.shape)
    out.fill(0)
    out[rows, columns] = kept


def take_chosen(classes: Array, x: Array, width: int, out: Array) -> None:
    """`out[i, 0] = x[i, classes[i, 0]]`, which is 0 where the class is outside `0 .. width - 1`."""
    rows, columns = _places(classes, len(out), width)
    kept = _kept(x, rows, columns, (len(out), width))
    if len(rows) < len(out):
        out.fill(0)
    out[rows, 0] = kept


def _places(classes: Array, height: int, width: int) -> tuple[Array, Array]:
    """The rows with a class inside the row, and the classes."""
    rows, columns = np.arange(height), classes[:, 0]
    if len(columns) != height:
        columns = np.broadcast_to(columns, height)
    is_inside = (columns >= 0) & (columns < width)
    return (rows, columns) if is_inside.all() else (rows[is_inside], columns[is_inside])


def _kept(x: Array, rows: Array, columns: Array, shape: tuple[int, ...]) -> Array:
    if x.shape != shape:
        x = np.broadcast_to(x, shape)
    return x[rows, columns]
