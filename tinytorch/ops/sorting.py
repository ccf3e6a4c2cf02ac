"""Sorting, and what is found by order: ranks, medians, quantiles.

An order is one call, of short rows native, of long ones NumPy's; everything else is gathers of what it finds,
so gradients go to where elements came from, to any order. NaN is the greatest value, zeros of both signs are
equal, and of equal elements the first comes first.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from compiler.errors import ArgumentError, ShapeError
from compiler.ir.dims import Extent
from compiler.ir.node import describe
from compiler.ir.types import floating
from tinytorch.axes import Axis, normalised_axes
from tinytorch.elementwise import built_in
from tinytorch.handle import Handle
from tinytorch.ops import elementwise as op
from tinytorch.ops.layout import concatenate, split, take_along_axis
from tinytorch.rows import left_of, ranked_or_nan, rows_of
from tinytorch.tensor import Tensor, as_tensor
from tinytorch.values import checked_array


def sort(x: Any, axis: int | None = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """The elements along an axis in ascending order, or in descending; flattened where `axis` is None.

    NaN is the greatest value. torch.sort gives the places too, which are those of `argsort`. The gradient of
    an element goes to where it came from. Every sort is stable.
    """
    return as_tensor(x).sort(axis, descending, stable)


def argsort(x: Any, axis: int | None = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """The places (int64) of the elements along an axis in the order in which `sort` gives them.

    Of equal elements the first comes first, in a descending order too.
    """
    return as_tensor(x).argsort(axis, descending, stable)


def topk(
    x: Any, k: Extent | str, axis: int = -1, largest: bool = True, sorted: bool = True
) -> tuple[Tensor, Tensor]:
    """The `k` largest elements along an axis, largest first, and their places (int64); or the smallest.

    NaN is the greatest value, and of equal elements the first comes first. They are in order whatever
    `sorted` says. Raises ShapeError where there are fewer, for a symbolic axis when the program runs.
    """
    return as_tensor(x).topk(k, axis, largest, sorted)


def kthvalue(x: Any, k: Extent | str, axis: int = -1, keepdims: bool = False) -> tuple[Tensor, Tensor]:
    """The `k`-th smallest element along an axis, the first for k = 1, and its place (int64).

    Raises ShapeError where there are fewer, for a symbolic axis when the program runs.
    """
    return as_tensor(x).kthvalue(k, axis, keepdims)


def median(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The middle element over axes, of two the lower one as in torch.median; NaN where there is a NaN.

    numpy.median is the mean of the two: `quantile(x, 0.5, axis)`. Where torch.median has an axis it gives the
    place too. The gradient goes to one element.
    """
    return as_tensor(x).median(axis, keepdims)


def nanmedian(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """`median` of the elements that are numbers, of two the lower one (torch.nanmedian); NaN of none."""
    x = as_tensor(x)
    if not x.dtype.is_float:
        return x.median(axis, keepdims)
    axes, rows = _rows("nanmedian", x, axis)
    middle = _last_number(rows) // 2
    return take_along_axis(rows.sort(), middle, -1).reshape(left_of(x.shape, axes, keepdims))


INTERPOLATIONS: Final = ("linear", "lower", "higher", "nearest", "midpoint")
"""What a quantile between two elements is."""


def quantile(
    x: Any, q: Any, axis: Axis = None, keepdims: bool = False, interpolation: str = "linear"
) -> Tensor:
    """The elements below which lies a share `q` of all over axes: a number in [0, 1], or a list of such.

    Between the elements at ranks i and i + 1 it is, of (n - 1) q = i + share, their `linear` interpolation,
    the `lower`, the `higher`, the `nearest` (of two as near the one of even rank), or their `midpoint`. A
    list of them is a new first axis. NaN where there is a NaN. Integers become float32, as in `mean`.
    """
    return _quantile("quantile", x, q, axis, keepdims, interpolation)


def nanquantile(
    x: Any, q: Any, axis: Axis = None, keepdims: bool = False, interpolation: str = "linear"
) -> Tensor:
    """`quantile` of the elements that are numbers; NaN of none."""
    return _quantile("nanquantile", x, q, axis, keepdims, interpolation)


def _interpolated(low: Any, high: Any, share: Any) -> Any:
    is_endless = (low == high) & (op.abs(low) == np.inf)
    return low + op.where(is_endless, 0, high - low) * share


_BETWEEN: Final = built_in("between", _interpolated)
"""Linear interpolation, of equal infinities too."""


def _quantile(what: str, x: Any, q: Any, axis: Axis, keepdims: bool, interpolation: str) -> Tensor:
    x = as_tensor(x)
    x = x.astype(floating(x.dtype))
    shares = _shares(what, q)
    if interpolation not in INTERPOLATIONS:
        raise ArgumentError(f"{what} interpolates {', '.join(INTERPOLATIONS)}, not {interpolation!r}")
    axes, rows = _rows(what, x, axis)
    last = _last_number(rows) if what == "nanquantile" else rows.shape[-1] - 1
    ranks, part = _neighbours(last, np.atleast_1d(shares), interpolation)
    found = _at_ranks(rows, ranks) if what == "quantile" else [_among_numbers(rows, item) for item in ranks]
    result = found[0] if part is None else _BETWEEN(*found, as_tensor(part).astype(x.dtype))
    kept = left_of(x.shape, axes, keepdims)
    if not shares.ndim:
        return result.reshape(kept)
    return result.transpose([result.ndim - 1, *range(result.ndim - 1)]).reshape([shares.size, *kept])


def _shares(what: str, q: Any) -> np.ndarray[Any, Any]:
    """Numbers in [0, 1]. Raises ArgumentError."""
    sentence = f"{what} takes a number from 0 to 1, or a list of them, not {q!r}"
    if isinstance(q, Handle):
        raise ArgumentError(f"{sentence}\n  fix: numbers that are known when the graph is built")
    found = checked_array(q)
    if found.ndim > 1 or found.dtype.kind not in "biuf" or not ((found >= 0) & (found <= 1)).all():
        raise ArgumentError(sentence)
    return found.astype(np.float64)


def _rows(what: str, x: Tensor, axis: Axis) -> tuple[tuple[int, ...], Tensor]:
    """Axes, and them as one behind the others. Raises ShapeError where there are no elements."""
    axes = normalised_axes(axis, x.ndim, x.node)
    if any(x.shape[k] == 0 for k in axes):
        raise ShapeError(f"{what} of no elements has no value: {describe(x.node)}")
    return axes, type(x)(rows_of(x.node, axes))


def _last_number(rows: Tensor) -> Tensor:
    """The rank of the greatest element that is a number, int64[.., 1]; 0 where there is none."""
    return op.maximum((~op.isnan(rows)).sum(-1, keepdims=True) - 1, 0)


def _neighbours(last: Any, shares: np.ndarray[Any, Any], interpolation: str) -> tuple[list[Any], Any]:
    """The ranks beside each share of the ranks up to the last, and how much the upper one counts, if it does.

    NumPy's arrays where the last rank is known when the graph is built, else tensors.
    """
    xp: Any = np if isinstance(last, int) else op
    places = shares * last if isinstance(last, int) else as_tensor(last).astype("float64") * shares
    low, high = xp.floor(places), xp.ceil(places)
    match interpolation:
        case "linear":
            return [low, high], places - low
        case "midpoint":
            return [low, high], (high - low) * 0.5
        case "nearest":
            return [xp.round(places)], None
        case _:
            return [low if interpolation == "lower" else high], None


def _at_ranks(rows: Tensor, ranks: list[Any]) -> list[Tensor]:
    """The elements at ranks, NaN where a row has one: for each of the lists of ranks those of all rows."""
    wanted = concatenate([as_tensor(item).astype("int64") for item in ranks])
    found = type(rows)(ranked_or_nan(rows.node, wanted.node))
    return split(found, len(ranks), -1)


def _among_numbers(rows: Tensor, ranks: Any) -> Tensor:
    return take_along_axis(rows.sort(), ranks.astype("int64"), -1)
