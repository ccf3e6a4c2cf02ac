"""Prefix reductions: what the elements of an axis come to, up to each."""

from __future__ import annotations

import math
from typing import Any

from compiler.ir.node import make_node
from compiler.ir.op import Prefix, Scan
from compiler.ir.scope import scope
from compiler.ir.types import floating
from compiler.rewrite.stable import shift_of
from tinytorch.axes import normalised_axis
from tinytorch.elementwise import built_in
from tinytorch.ops.elementwise import exp, log, where
from tinytorch.ops.padding import pad
from tinytorch.rounding import rounded_once
from tinytorch.tensor import Tensor, as_tensor


def cumsum(x: Any, axis: int | None = None, *, reverse: bool = False) -> Tensor:
    """The sum of the elements of an axis up to each; with `reverse`, from each to the last.

    Without an axis, of the flattened tensor, as in NumPy. bools and narrow integers are summed as int64,
    float32 in float64. Its gradient is a `cumsum` the other way.
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


def _logarithm(x: Any) -> Any:
    return where(x == 0, -math.inf, log(x))


_LOG_OF_SUM = built_in("log_of_sum", _logarithm)
"""The logarithm of a sum of exponentials, with the slope 0 where all of them are 0."""


@scope("logcumsumexp")
@rounded_once
def logcumsumexp(x: Any, axis: int | None = None, *, reverse: bool = False) -> Tensor:
    """`log(cumsum(exp(x)))` without overflow, floating; of the flattened tensor without an axis, as `cumsum`.

    -inf where all up to an element are -inf, and there the gradient is 0. The sum is one of exponentials that
    are moved by the largest element so far, so it is between 1 and their number; where that grows, what was
    summed is scaled: a recurrence, as which it is differentiated to any order in linear work.
    """
    x = as_tensor(x)
    x = (x.reshape([x.size]) if axis is None else x).astype(floating(x.dtype))
    place = 0 if axis is None else normalised_axis(axis, x.ndim, x.node)
    shift = type(x)(shift_of(x.cummax(place, reverse=reverse).node))
    factors = exp(_before(shift, place, reverse) - shift)
    recurrence = Prefix(Scan.RECURRENCE, place, bool(reverse))
    total = type(x)(make_node(recurrence, [factors.node, exp(x - shift).node]))
    return _LOG_OF_SUM(total) + shift


def _before(x: Tensor, axis: int, reverse: bool) -> Tensor:
    """Each element replaced by the one before it in the direction of a walk; the first of it by a 0."""
    widths = [((0, 1) if reverse else (1, 0)) if k == axis else (0, 0) for k in range(x.ndim)]
    rest = slice(1, None) if reverse else slice(None, -1)
    return pad(x, widths)[tuple(rest if k == axis else slice(None) for k in range(x.ndim))]
