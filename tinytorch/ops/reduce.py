"""Reductions over one axis, several, or all. `keepdims` leaves unit axes."""

from __future__ import annotations

from typing import Any

from compiler.ir.types import DType, floating
from tinytorch.axes import Axis
from tinytorch.elementwise import of_formula
from tinytorch.ops.elementwise import logical_not, square
from tinytorch.reductions import ROOT, Correction
from tinytorch.rounding import rounded_once
from tinytorch.tensor import Tensor, as_tensor


def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The elements added up, over some axes or all. bools and narrow integers are summed as int64."""
    return as_tensor(x).sum(axis, keepdims)


def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The arithmetic mean, floating; NaN of nothing."""
    return as_tensor(x).mean(axis, keepdims)


def var(x: Any, axis: Axis = None, keepdims: bool = False, *, correction: Correction = 1) -> Tensor:
    """The variance, the squared deviations divided by n - `correction`: 1 as in torch.var, 0 as in NumPy.

    `correction` is a number, whole or not, or an extent; a divisor below 0 is 0.
    """
    return as_tensor(x).var(axis, keepdims, correction=correction)


def std(x: Any, axis: Axis = None, keepdims: bool = False, *, correction: Correction = 1) -> Tensor:
    """The square root of `var`. Its gradient is 0 where all elements are equal (torch.std)."""
    return as_tensor(x).std(axis, keepdims, correction=correction)


def max(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The largest element, NaN where there is one. Tied elements share the gradient (torch.amax)."""
    return as_tensor(x).max(axis, keepdims)


def prod(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The product over axes, 1 of nothing; its gradient is right at zeros.

    bools and narrow integers are multiplied as int64.
    """
    return as_tensor(x).prod(axis, keepdims)


def min(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The smallest element, NaN where there is one. Tied elements share the gradient (torch.amin)."""
    return as_tensor(x).min(axis, keepdims)


amax, amin = max, min
"""PyTorch's names for them."""


def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The index (int64) of the first largest element; NaN counts as largest."""
    return as_tensor(x).argmax(axis, keepdims)


def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The index (int64) of the first smallest element; NaN counts as smallest."""
    return as_tensor(x).argmin(axis, keepdims)


def all(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether no element is 0 or False; True of nothing."""
    return logical_not(x).sum(axis, keepdims) == 0


def any(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether some element is neither 0 nor False (NaN is not 0); False of nothing."""
    return count_nonzero(x, axis, keepdims) != 0


def count_nonzero(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """How many elements are not 0 or False (int64); NaN is not 0."""
    x = as_tensor(x)
    holds = x if x.dtype is DType.BOOL else x != 0
    return holds.sum(axis, keepdims)


_root = of_formula(ROOT)


@rounded_once
def norm(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The Euclidean norm, the root of the sum of squares, floating as `mean` is; its gradient at 0 is 0."""
    x = as_tensor(x)
    return _root(square(x.astype(floating(x.dtype))).sum(axis, keepdims))
