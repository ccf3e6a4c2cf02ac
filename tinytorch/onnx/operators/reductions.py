"""Reductions over axes, which are attributes of older opsets and an input of newer ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from compiler.ir.dims import product
from compiler.ir.types import DType
from tinytorch.axes import normalised_axes, normalised_axis
from tinytorch.onnx.calling.operator import Extents, operator
from tinytorch.onnx.operators.arithmetic import quotient
from tinytorch.ops import reduce as plain
from tinytorch.ops.elementwise import abs as magnitude
from tinytorch.ops.elementwise import log
from tinytorch.ops.layout import flip
from tinytorch.ops.making import full
from tinytorch.ops.normalise import logsumexp
from tinytorch.ops.reduce import prod
from tinytorch.rounding import rounded_once
from tinytorch.tensor import Tensor, as_tensor

Axes = tuple[int, ...]
Reduction = Callable[[Tensor, Axes, bool], Tensor]


def _mean(x: Tensor, axes: Axes, keepdims: bool) -> Tensor:
    if x.dtype.is_float:
        return x.mean(axes, keepdims)
    return quotient(x.sum(axes, keepdims), as_tensor(product(x.shape[axis] for axis in axes)))


def _extreme(reduction: Any, of_none: float) -> Reduction:
    def reduced(x: Tensor, axes: Axes, keepdims: bool) -> Tensor:
        if not any(x.shape[axis] == 0 for axis in axes):
            return reduction(x, axes, keepdims)
        kept = [1 if k in axes else n for k, n in enumerate(x.shape) if keepdims or k not in axes]
        return full(kept, _limit(x.dtype, of_none), dtype=x.dtype)

    return reduced


def _limit(dtype: DType, infinity: float) -> Any:
    """What a dtype has in the place of an infinity."""
    if dtype.is_float:
        return infinity
    limits = (0, 1) if dtype is DType.BOOL else (np.iinfo(dtype.numpy).min, np.iinfo(dtype.numpy).max)
    return int(limits[infinity > 0])


@rounded_once
def _log_of_sum(x: Tensor, axes: Axes, keepdims: bool) -> Tensor:
    return log(x.sum(axes, keepdims))


@rounded_once
def _sum_of_squares(x: Tensor, axes: Axes, keepdims: bool) -> Tensor:
    return (x * x).sum(axes, keepdims)


_REDUCTIONS: Final[Mapping[str, tuple[Reduction, str]]] = {
    "ReduceSum": (lambda x, axes, keepdims: x.sum(axes, keepdims), "The sum over axes."),
    "ReduceMean": (_mean, "The mean over axes; of integers rounded towards 0."),
    "ReduceProd": (prod, "The product over axes, 1 of nothing."),
    "ReduceMax": (_extreme(plain.max, -math.inf), "The largest element; of none what is least."),
    "ReduceMin": (_extreme(plain.min, math.inf), "The smallest element; of none what is greatest."),
    "ReduceL1": (
        lambda x, axes, keepdims: magnitude(x).sum(axes, keepdims),
        "The sum of the magnitudes.",
    ),
    "ReduceL2": (plain.norm, "The root of the sum of the squares, with the slope 0 at 0."),
    "ReduceSumSquare": (_sum_of_squares, "The sum of the squares."),
    "ReduceLogSum": (_log_of_sum, "The logarithm of the sum."),
    "ReduceLogSumExp": (logsumexp, "The logarithm of the sum of the exponentials, without overflow."),
}


def _reduced(x: Tensor, axes: Any, keepdims: int, reduction: Reduction) -> Tensor:
    found = reduction(x, normalised_axes(axes, x.ndim, x.node), bool(keepdims))
    return found.astype(x.dtype)


def _register(name: str, reduction: Reduction, meaning: str, as_input: int) -> None:
    """Both forms of a reduction, the newer of which begins with an opset."""

    def by_attribute(data: Tensor, *, axes: list[int] | None = None, keepdims: int) -> Tensor:
        return _reduced(data, axes, keepdims, reduction)

    def by_input(
        data: Tensor, axes: Extents | None = None, *, keepdims: int, noop_with_empty_axes: int
    ) -> Tensor:
        if not axes and noop_with_empty_axes:
            return _reduced(data, (), keepdims, reduction)
        return _reduced(data, axes or None, keepdims, reduction)

    for since, function in ((1, by_attribute), (as_input, by_input)):
        function.__name__, function.__doc__ = name.lower(), meaning
        operator(name, since=since)(function)


for _name, (_reduction, _meaning) in _REDUCTIONS.items():
    _register(_name, _reduction, _meaning, as_input=13 if _name == "ReduceSum" else 18)


def _place(data: Tensor, find: Callable[..., Tensor], axis: int, keepdims: int, last: int) -> Tensor:
    if not last:
        return find(data, axis, bool(keepdims))
    extent = data.shape[normalised_axis(axis, data.ndim, data.node)]
    return (extent - 1) - find(flip(data, axis), axis, bool(keepdims))


@operator("ArgMax", since=1)
def place_of_largest(data: Tensor, *, axis: int, keepdims: int, select_last_index: int = 0) -> Tensor:
    """The index of the largest element along an axis, of equal ones the first or the last."""
    return _place(data, plain.argmax, axis, keepdims, select_last_index)


@operator("ArgMin", since=1)
def place_of_smallest(data: Tensor, *, axis: int, keepdims: int, select_last_index: int = 0) -> Tensor:
    """The index of the smallest element along an axis, of equal ones the first or the last."""
    return _place(data, plain.argmin, axis, keepdims, select_last_index)
