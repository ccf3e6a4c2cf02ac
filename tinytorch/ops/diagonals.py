"""Diagonals put into matrices: the ways back from `diagonal`, each one map."""

from __future__ import annotations

from typing import Any, Final

from compiler.errors import ShapeError
from compiler.ir.dims import Extent
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.formula.tape import Const
from compiler.ir.node import Node, describe, make_node
from compiler.ir.op import Access, Argument, Index, MapReduce, Pad
from tinytorch.arithmetic import as_nodes
from tinytorch.axes import counted, normalised_axis
from tinytorch.indexing import fitting
from tinytorch.ops.layout import diagonal
from tinytorch.tensor import Tensor, as_tensor

_EMBEDDED: Final = parse_formula("diag_embed(v, i, j, k) = where(j - i == k, v, 0)")
_SET: Final = parse_formula("diagonal_scatter(x, v, i, j, k) = where(j - i == k, v, x)")


def diag(x: Any, k: int = 0) -> Tensor:
    """The matrix with a vector on diagonal `k` and 0 elsewhere, or the diagonal of a matrix (numpy.diag)."""
    x = as_tensor(x)
    if x.ndim not in (1, 2):
        raise ShapeError(f"diag is of 1 or 2 axes: {describe(x.node)}\n  fix: tt.diagonal, tt.diag_embed")
    return diag_embed(x, k) if x.ndim == 1 else diagonal(x, k)


def diag_embed(x: Any, offset: int = 0, axis1: int = -2, axis2: int = -1) -> Tensor:
    """Matrices with the last axis on their diagonals and 0 elsewhere (torch.diag_embed).

    They are square, with `axis1` and `axis2` as rows and columns, and as large as the diagonal needs.
    """
    x, offset = as_tensor(x), counted("offset", offset)
    if x.ndim == 0:
        raise ShapeError(f"diag_embed is of one axis at least: {describe(x.node)}")
    rows, columns = _two(x.ndim + 1, axis1, axis2, x.node)
    size = x.shape[-1] + abs(offset)
    rest = iter(x.shape[:-1])
    shape = tuple(size if k in (rows, columns) else next(rest) for k in range(x.ndim + 1))
    values = _along_rows(x, offset, size)
    access = Access((*(k for k in range(x.ndim + 1) if k not in (rows, columns)), rows))
    arguments: tuple[Argument, ...] = (access, Index(rows), Index(columns), Const(offset))
    op = MapReduce(_EMBEDDED, arguments, shape, tuple(range(x.ndim + 1)), x.dtype)
    return Tensor(make_node(op, [values.node]))


def diagonal_scatter(x: Any, values: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """x with values on the diagonal that `diagonal` reads (torch.diagonal_scatter).

    Values have its shape, or broadcast to it, and take x's dtype.
    """
    x, offset = as_tensor(x), counted("offset", offset)
    rows, columns = _two(x.ndim, axis1, axis2, x.node)
    shown = diagonal(x, offset, rows, columns)
    given = fitting(x.node, as_nodes(x, values)[1])
    values = _along_rows(Tensor(given).broadcast_to(shown.shape), offset, x.shape[rows])
    loops = tuple(range(x.ndim))
    access = Access((*(k for k in loops if k not in (rows, columns)), rows))
    arguments: tuple[Argument, ...] = (Access(loops), access, Index(rows), Index(columns), Const(offset))
    return Tensor(make_node(MapReduce(_SET, arguments, x.shape, loops, x.dtype), [x.node, values.node]))


def fill_diagonal(x: Any, value: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """x with one value on a diagonal (numpy.fill_diagonal, which changes its argument; it wraps nowhere)."""
    return diagonal_scatter(x, value, offset, axis1, axis2)


def _two(rank: int, first: int, second: int, of: Node) -> tuple[int, int]:
    rows, columns = normalised_axis(first, rank, of), normalised_axis(second, rank, of)
    if rows == columns:
        raise ShapeError(f"a diagonal needs two different axes: {describe(of)}")
    return rows, columns


def _along_rows(values: Tensor, offset: int, rows: Extent) -> Tensor:
    """The values of a diagonal at the rows in which they stand, with 0 at the others."""
    before = max(-offset, 0)
    behind = rows - before - values.shape[-1]
    low, high = [0] * values.ndim, [*[0] * (values.ndim - 1), behind]
    low[-1] = before
    op = Pad(tuple(low), tuple(high), (0,) * values.ndim)
    return Tensor(make_node(op, [values.node]))
