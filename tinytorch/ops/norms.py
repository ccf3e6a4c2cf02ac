"""Norms of vectors and matrices, by PyTorch's names and orders: composites of maps and reductions."""

from __future__ import annotations

import math
from typing import Any

from compiler.errors import ArgumentError, ShapeError
from compiler.ir.node import describe
from compiler.ir.types import floating
from tinytorch.axes import Axis, items_of, normalised_axes, normalised_axis
from tinytorch.ops.elementwise import abs, pow, where
from tinytorch.ops.reduce import norm as euclidean
from tinytorch.rounding import rounded_once
from tinytorch.tensor import Tensor, as_tensor
from tinytorch.values import checked_number


@rounded_once
def vector_norm(x: Any, ord: float = 2, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The `ord`-norm over axes, all of them by default: the root of that order of the sum of such powers.

    0 counts what is not 0; infinity and -infinity are the largest and the smallest magnitude. Where all
    elements are 0 the gradient is 0.
    """
    x = as_tensor(x)
    power = checked_number("the order of a norm", ord)
    if power == 2:
        return euclidean(x, axis, keepdims)
    sizes = abs(x.astype(floating(x.dtype)))
    if math.isinf(power):
        return sizes.max(axis, keepdims) if power > 0 else sizes.min(axis, keepdims)
    if power == 0:
        return (sizes != 0).sum(axis, keepdims).astype(sizes.dtype)
    if power == 1:
        return sizes.sum(axis, keepdims)
    total = pow(sizes, power).sum(axis, keepdims)
    is_none = total == 0
    return where(is_none, 0, pow(where(is_none, 1, total), 1 / power)) if power > 0 else pow(total, 1 / power)


@rounded_once
def matrix_norm(
    x: Any, ord: str | float = "fro", axis: tuple[int, int] = (-2, -1), keepdims: bool = False
) -> Tensor:
    """A norm of the matrices in two axes: `"fro"`, or the largest sum of magnitudes of a column or a row.

    That of a column is the order 1 and that of a row infinity; -1 and -inf are the smallest such sums. Norms
    by singular values (2, -2, `"nuc"`) are not there.
    """
    x = as_tensor(x)
    places = [normalised_axis(item, x.ndim, x.node) for item in items_of(axis)]
    if len(places) != 2 or places[0] == places[1]:
        raise ShapeError(f"a matrix has two axes, not {axis!r}: {describe(x.node)}")
    if ord == "fro":
        return euclidean(x, places, keepdims)
    if ord not in (1, -1, math.inf, -math.inf):
        raise ArgumentError(
            f"matrix_norm has the orders 'fro', 1, -1, inf and -inf, not {ord!r}\n"
            "  fix: tt.sqrt(tt.linalg.eigvalsh(x.swapaxes(-1, -2) @ x)) are singular values"
        )
    rows, columns = places
    inner, outer = (rows, columns) if ord in (1, -1) else (columns, rows)
    sums = abs(x.astype(floating(x.dtype))).sum(inner, keepdims=True)
    found = sums.max(outer, keepdims=True) if ord in (1, math.inf) else sums.min(outer, keepdims=True)
    return found if keepdims else found.squeeze(places)


def norm(x: Any, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The norm of vectors or of matrices (numpy.linalg.norm, torch.linalg.norm).

    Without an order the Euclidean one, over all axes or those given. With one, `vector_norm` over one axis
    and of a vector, `matrix_norm` over two and of a matrix.
    """
    x = as_tensor(x)
    if ord is None:
        return euclidean(x, axis, keepdims)
    axes = normalised_axes(axis, x.ndim, x.node)
    if len(axes) == 1:
        return vector_norm(x, ord, axes, keepdims)
    if len(axes) != 2:
        raise ShapeError(f"a norm of order {ord!r} is of a vector or a matrix: {describe(x.node)}")
    first, second = axes if axis is None else items_of(axis)
    return matrix_norm(x, ord, (first, second), keepdims)
