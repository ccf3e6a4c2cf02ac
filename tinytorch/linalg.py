"""Dense linear algebra on stacks of matrices, in their last two axes: `tt.linalg.solve(a, b)`.

Kernels of its own compute it where the sizes of matrices are numbers, else NumPy's LAPACK between kernels,
in float64; results are float32 and float64 as operands are, of integers float32. All of it has gradients, to
any order. A matrix that is singular where it must not be is a LinearAlgebraError when the program runs, which
names the operand. Names are NumPy's, and PyTorch's where NumPy has none.
"""

from __future__ import annotations

import math
from typing import Any

from compiler.errors import ShapeError
from compiler.ir.build import broadcast, broadcast_shape
from compiler.ir.linear_algebra import (
    CHOLESKY,
    DETERMINANT,
    EIGEN,
    EIGENVALUES,
    INVERSE,
    LOGARITHM,
    ORTHOGONAL,
    SIGN,
    SOLVE,
    eigen_parts,
    linear_node,
)
from compiler.ir.node import Node, describe
from compiler.ir.types import floating, promote
from tinytorch.axes import counted
from tinytorch.guards import guard, missing_from
from tinytorch.ops.elementwise import where
from tinytorch.ops.layout import tril, triu
from tinytorch.ops.making import eye
from tinytorch.ops.norms import matrix_norm, norm, vector_norm
from tinytorch.tensor import Tensor, as_tensor, as_tensors

__all__ = [
    "cholesky",
    "cholesky_solve",
    "det",
    "eigh",
    "eigvalsh",
    "inv",
    "logdet",
    "lstsq",
    "matrix_norm",
    "matrix_power",
    "norm",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "vector_norm",
]


def solve(a: Any, b: Any) -> Tensor:
    """X with a @ X = b: `[..., n, n]` and `[..., n, k]` to `[..., n, k]`; a `b` of one axis is one column.

    Stacks broadcast. Raises ShapeError for a matrix that is not square or has not as many rows as `b`.
    """
    left, right = _floats(*as_tensors(a, b))
    if right.ndim == 1:
        return solve(left, right.unsqueeze(-1)).squeeze(-1)
    left, right = _stacks("solve", _square("solve", left), _matrix("solve", right))
    if left.shape[-1] != right.shape[-2]:
        raise ShapeError(
            f"solve: a matrix of {left.shape[-1]} columns and a right side of {right.shape[-2]} rows\n"
            f"  {describe(left.node)}\n  {describe(right.node)}"
        )
    return _of(left, linear_node(SOLVE, left.node, right.node))


def inv(a: Any) -> Tensor:
    """The inverse of square matrices. To multiply with it, `solve` is faster and nearer."""
    matrix = _square("inv", *_floats(as_tensor(a)))
    return _of(matrix, linear_node(INVERSE, matrix.node))


def det(a: Any) -> Tensor:
    """The determinant of square matrices, `[..., n, n]` to `[...]`; its gradient needs an inverse."""
    matrix = _square("det", *_floats(as_tensor(a)))
    return _of(matrix, linear_node(DETERMINANT, matrix.node, shape=matrix.shape[:-2]))


def slogdet(a: Any) -> tuple[Tensor, Tensor]:
    """The sign of the determinant and the logarithm of its magnitude: 0 and -infinity of a singular matrix.

    The sign has no gradient, that of the logarithm is the transposed inverse.
    """
    matrix = _square("slogdet", *_floats(as_tensor(a)))
    sign, logarithm = (
        _of(matrix, linear_node(label, matrix.node, shape=matrix.shape[:-2])) for label in (SIGN, LOGARITHM)
    )
    return sign, logarithm


def logdet(a: Any) -> Tensor:
    """The logarithm of the determinant; NaN where that is negative (torch.logdet)."""
    sign, logarithm = slogdet(a)
    return where(sign < 0, math.nan, logarithm)


def cholesky(a: Any) -> Tensor:
    """The lower triangular L with L @ L.T = a, of positive definite matrices; the lower triangle is read."""
    matrix = _square("cholesky", *_floats(as_tensor(a)))
    return _of(matrix, linear_node(CHOLESKY, matrix.node))


def cholesky_solve(b: Any, factor: Any) -> Tensor:
    """X with L @ L.T @ X = b, of a factor L of `cholesky` (torch.cholesky_solve, in its order)."""
    right, lower = as_tensors(b, factor)
    return solve_triangular(lower.swapaxes(-1, -2), solve_triangular(lower, right, upper=False), upper=True)


def solve_triangular(
    a: Any, b: Any, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Tensor:
    """X with a @ X = b, or X @ a = b where not `left`, of a triangle of `a` (torch.linalg.solve_triangular).

    The other triangle is not read, and with `unitriangular` the diagonal is taken to be 1. It is solved as
    any matrix is, which exchanges no rows of a triangle but lower ones.
    """
    matrix, right = _floats(*as_tensors(a, b))
    matrix = _square("solve_triangular", matrix)
    kept = (triu if upper else tril)(matrix, (1 if upper else -1) if unitriangular else 0)
    if unitriangular:
        kept = kept + eye(matrix.shape[-1], dtype=matrix.dtype)
    if left:
        return solve(kept, _matrix("solve_triangular", right))
    turned = _matrix("solve_triangular", right).swapaxes(-1, -2)
    return solve(kept.swapaxes(-1, -2), turned).swapaxes(-1, -2)


def qr(a: Any) -> tuple[Tensor, Tensor]:
    """Q with orthonormal columns and upper triangular R with Q @ R = a: `[..., m, k]` and `[..., k, n]`.

    k is the lesser of m and n (the reduced form). R is Q.T @ a. The gradient needs the first k columns to be
    independent.
    """
    matrix = _matrix("qr", *_floats(as_tensor(a)))
    rows, columns = matrix.shape[-2:]
    if rows != columns and not (isinstance(rows, int) and isinstance(columns, int)):
        raise ShapeError(
            f"qr of a matrix needs to know which of {rows} and {columns} is less: {describe(matrix.node)}\n"
            "  fix: give the matrix extents that are ints; those of the stack may be symbols"
        )
    tall = matrix
    if isinstance(rows, int) and isinstance(columns, int) and columns > rows:
        tall = matrix[..., :rows]
    factor = _of(matrix, linear_node(ORTHOGONAL, tall.node))
    return factor, triu(factor.swapaxes(-1, -2) @ matrix)


def eigh(a: Any) -> tuple[Tensor, Tensor]:
    """The ascending eigenvalues `[..., n]` and, in columns, the eigenvectors of symmetric matrices.

    The lower triangle is read. Signs of vectors are LAPACK's; the gradient of vectors is infinite where two
    eigenvalues are equal.
    """
    matrix = _square("eigh", *_floats(as_tensor(a)))
    shape = (*matrix.shape[:-1], matrix.shape[-1] + 1)
    values, vectors = eigen_parts(linear_node(EIGEN, matrix.node, shape=shape))
    return _of(matrix, values), _of(matrix, vectors)


def eigvalsh(a: Any) -> Tensor:
    """The eigenvalues of `eigh` alone, `[..., n, n]` to `[..., n]`, which takes half of its time or less."""
    matrix = _square("eigvalsh", *_floats(as_tensor(a)))
    return _of(matrix, linear_node(EIGENVALUES, matrix.node, shape=matrix.shape[:-1]))


def lstsq(a: Any, b: Any) -> Tensor:
    """X for which a @ X is nearest to b, of matrices with independent columns and as many rows or more.

    By `qr`; NumPy's lstsq also returns residuals and the rank, and takes dependent columns.
    """
    left, right = _floats(*as_tensors(a, b))
    if right.ndim == 1:
        return lstsq(left, right.unsqueeze(-1)).squeeze(-1)
    q, r = qr(left)
    if r.shape[-2] != r.shape[-1]:
        raise ShapeError(f"lstsq needs as many rows as columns, or more: {describe(left.node)}")
    return solve(r, q.swapaxes(-1, -2) @ _matrix("lstsq", right))


def matrix_power(a: Any, n: int) -> Tensor:
    """Square matrices times themselves, n factors, by squares; of the inverse if n is negative."""
    count, matrix = counted("the power of a matrix", n), _square("matrix_power", as_tensor(a))
    if count < 0:
        return matrix_power(inv(matrix), -count)
    if count == 0:
        return eye(matrix.shape[-1], dtype=matrix.dtype).broadcast_to(matrix.shape)
    total: Tensor | None = None
    while True:
        if count & 1:
            total = matrix if total is None else total @ matrix
        count >>= 1
        if not count:
            assert total is not None
            return total
        matrix = matrix @ matrix


def _of(like: Tensor, node: Node) -> Tensor:
    return type(like)(node)


def _floats(*tensors: Tensor) -> list[Tensor]:
    """The tensors in the floating dtype that they have together."""
    dtype = floating(promote([item.dtype for item in tensors]))
    return [item.astype(dtype) for item in tensors]


def _matrix(what: str, x: Tensor) -> Tensor:
    if x.ndim < 2:
        raise ShapeError(f"{what} is of matrices, in the last two axes: {describe(x.node)}")
    return x


def _square(what: str, x: Tensor) -> Tensor:
    if _matrix(what, x).shape[-1] != x.shape[-2]:
        raise ShapeError(
            f"{what} is of square matrices, not {x.shape[-2]} by {x.shape[-1]}: {describe(x.node)}"
        )
    return x


def _stacks(what: str, *tensors: Tensor) -> list[Tensor]:
    """The tensors with stacks of one shape, as they broadcast."""
    if len({item.shape[:-2] for item in tensors}) == 1:
        return list(tensors)
    one_each = [item.node.type.shape for item in tensors]
    heads = [item[..., 0, 0].node for item in tensors]
    shape = broadcast_shape(what, heads)
    return [
        _of(item, broadcast(item.node, (*shape, *own[-2:])))
        for item, own in zip(tensors, one_each, strict=True)
    ]


guard(__name__)
__getattr__ = missing_from(__name__)
