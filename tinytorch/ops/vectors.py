"""Products of vectors and what statistics and geometry make of them: composites of contractions and maps."""

from __future__ import annotations

import math
from typing import Any

from compiler.errors import ArgumentError, ShapeError
from compiler.ir.dims import Dim
from compiler.ir.node import describe
from compiler.ir.types import FLOAT32, DType, dtype_of, floating
from tinytorch.axes import counted, normalised_axis
from tinytorch.ops.arrays import tensordot
from tinytorch.ops.contract import matmul
from tinytorch.ops.elementwise import clip, maximum, pow, sqrt
from tinytorch.ops.layout import diagonal, flip, split, stack
from tinytorch.ops.making import linspace
from tinytorch.ops.norms import vector_norm
from tinytorch.ops.padding import pad
from tinytorch.rounding import rounded_once
from tinytorch.tensor import Tensor, as_tensor, as_tensors
from tinytorch.values import checked_number

# Products


def inner(left: Any, right: Any) -> Tensor:
    """The sum of products over the last axes of both: (..., n), (***, n) -> (..., ***)."""
    first, second = as_tensors(left, right)
    return tensordot(first, second, ([-1], [-1])) if first.ndim and second.ndim else first * second


def vecdot(left: Any, right: Any, axis: int = -1) -> Tensor:
    """The sum of products along one axis of both, which broadcast along the others."""
    first, second = as_tensors(left, right)
    return (first * second).sum(normalised_axis(axis, max(first.ndim, second.ndim), first.node))


def cross(left: Any, right: Any, axis: int = -1) -> Tensor:
    """The vector that stands on two others, of three elements each along `axis` (torch.linalg.cross)."""
    first, second = as_tensors(left, right)
    for item in (first, second):
        if item.shape[normalised_axis(axis, item.ndim, item.node)] != 3:
            raise ShapeError(
                f"cross takes vectors of three elements along axis {axis}: {describe(item.node)}"
            )
    (a, b, c), (u, v, w) = ([part.squeeze(axis) for part in split(x, 3, axis)] for x in (first, second))
    return stack([b * w - c * v, c * u - a * w, a * v - b * u], axis)


def vander(x: Any, count: int | None = None, increasing: bool = False) -> Tensor:
    """Powers of each element, the highest first, or with `increasing` the lowest.

    (..., n) -> (..., n, count), from the power 0 on; as many as there are elements, unless a count is
    given. Integers as int64.
    """
    x = as_tensor(x)
    if not x.ndim:
        raise ShapeError(f"vander takes a vector: {describe(x.node)}")
    if count is None and isinstance(x.shape[-1], Dim):
        raise ShapeError(
            f"vander of a symbolic extent needs a count: {describe(x.node)}\n  fix: vander(x, 3)"
        )
    size = counted("the count", x.shape[-1] if count is None else count)
    if size < 0:
        raise ArgumentError(f"vander makes a count of powers, not {size}")
    factors = x.unsqueeze(-1).broadcast_to([*x.shape, max(size - 1, 0)])
    powers = pad(factors, [(0, 0)] * x.ndim + [(1, 0)], value=1).cumprod(-1)[..., :size]
    return powers if increasing else flip(powers, -1)


# Statistics


@rounded_once
def cov(x: Any, *, correction: int = 1) -> Tensor:
    """Covariances of variables in rows, observed in columns: (n, m) -> (n, n); of one its variance."""
    x = as_tensor(x)
    if x.ndim > 2:
        raise ShapeError(f"cov takes a matrix with a variable in each row: {describe(x.node)}")
    rows = x.astype(floating(x.dtype)).reshape([1, x.size] if x.ndim < 2 else x.shape)
    apart = rows - rows.mean(1, keepdims=True)
    count = maximum(as_tensor(rows.shape[1]) - counted("the correction", correction), 0)
    found = matmul(apart, apart.T) / count
    return found.reshape([]) if found.size == 1 else found


def corrcoef(x: Any) -> Tensor:
    """Pearson's correlations of variables in rows, within [-1, 1]: (n, m) -> (n, n)."""
    found = cov(x)
    if not found.ndim:
        return found / found
    scale = sqrt(diagonal(found))
    return clip(found / scale.unsqueeze(1) / scale, -1, 1)


# Distances


def cdist(left: Any, right: Any, p: float = 2.0) -> Tensor:
    """Distances between all rows of the one and all of the other: (..., n, d), (..., m, d) -> (..., n, m).

    The p-norm of their differences, for p from 0 (how many differ) to infinity (the largest). Its gradient
    is 0 between equal rows. Differences are taken for every p, so that rows that lie close to each other keep
    their digits; PyTorch takes products instead from 26 rows on where p is 2, which is faster and loses them.
    """
    first, second = as_tensors(left, right)
    power = checked_number("p", p)
    if power < 0 or math.isnan(power):
        raise ArgumentError(f"cdist takes a p that is not negative, not {p!r}")
    for item in (first, second):
        if item.ndim < 2:
            raise ShapeError(f"cdist takes matrices: {describe(item.node)}")
    return vector_norm(first.unsqueeze(-2) - second.unsqueeze(-3), power, -1)


# Integrals and slopes of samples


@rounded_once
def trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Tensor:
    """The integral of samples along an axis by trapezoids, at places `x` or at distances `dx`.

    `x` is a vector, or broadcasts with y.
    """
    return _trapezoids(y, x, dx, axis, "trapezoid").sum(axis)


@rounded_once
def cumulative_trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Tensor:
    """The integral up to each sample but the first, as `trapezoid` has the whole."""
    return _trapezoids(y, x, dx, axis, "cumulative_trapezoid").cumsum(axis)


def _trapezoids(y: Any, x: Any, dx: float, axis: int, what: str) -> Tensor:
    heights = as_tensor(y)
    heights = heights.astype(floating(heights.dtype))
    place = normalised_axis(axis, heights.ndim, heights.node)
    before, after = _neighbours(heights, place)
    if x is None:
        return (before + after) * (checked_number("dx", dx) / 2)
    places = as_tensor(x)
    if places.ndim == 1:
        places = places.reshape([*places.shape, *[1] * (heights.ndim - place - 1)])
    if places.ndim > heights.ndim:
        raise ShapeError(f"{what} takes places that broadcast with y: {describe(places.node)}")
    first, second = _neighbours(places, place - heights.ndim)
    return (before + after) * (second - first) / 2


def _neighbours(x: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """All but the last element along an axis, and all but the first."""
    place = normalised_axis(axis, x.ndim, x.node)
    whole = (slice(None),) * place
    return x[(*whole, slice(None, -1))], x[(*whole, slice(1, None))]


def logspace(start: Any, stop: Any, count: int, base: float = 10.0, *, dtype: Any = None) -> Tensor:
    """`base` to the powers of `linspace(start, stop, count)`."""
    kind = FLOAT32 if dtype is None else dtype_of(dtype)
    places = linspace(start, stop, count, dtype=kind if kind.is_float else DType.FLOAT64)
    return pow(checked_number("base", base), places).astype(kind)
