"""Prefix reductions: what the elements of an axis come to, up to each."""

from __future__ import annotations

from typing import Any

from tinytorch.tensor import Tensor, as_tensor


def cumsum(x: Any, axis: int | None = None, *, reverse: bool = False) -> Tensor:
    """The sum of the elements of an axis up to each; with `reverse`, from each to the last.

    Without an axis, of the flattened tensor, as in NumPy. bool and int32 are summed as int64, float32 in
    float64. Its gradient is a `cumsum` the other way.
    """
    return as_tensor(x).cumsum(axis, reverse=reverse)


def cumprod(x: Any, axis: int | None = None, *, reverse: bool = False) -> Tensor:
    """The product of the elements of an axis up to each, in the dtypes of `cumsum`.

    Its gradient takes linear work and divides nothing, so it is right where elements are 0.
    """
    return as_tensor(x).cumprod(axis, reverse=reverse)


def cummax(x: Any, axis: int | None = None, *, reverse: bool = False) -> Tensor:
    """The largest of the elements of an axis up to each, NaN from the first NaN on.

    The last of equal ones has the gradient (torch.cummax, which returns the places too).
    """
    return as_tensor(x).cummax(axis, reverse=reverse)


def cummin(x: Any, axis: int | None = None, *, reverse: bool = False) -> Tensor:
    """The smallest of the elements of an axis up to each, NaN from the first NaN on; else as `cummax`."""
    return as_tensor(x).cummin(axis, reverse=reverse)
