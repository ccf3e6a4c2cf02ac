"""softmax and its kin, and layer normalisation: composites of reductions and maps.

Exponents are shifted by the largest one, which carries no gradient and is held at a finite number: a row of
-inf has the log-sum-exp -inf, and no softmax (NaN), as in PyTorch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from compiler.errors import ArgumentError, ShapeError
from compiler.ir.build import reduce
from compiler.ir.dims import Dim, divide_exactly
from compiler.ir.node import describe
from compiler.ir.numbers import number
from compiler.ir.op import Reducer
from compiler.ir.scope import scope
from compiler.ir.types import floating
from compiler.rewrite.stable import shift_of
from tinytorch.axes import Axis, counted, normalised_axes
from tinytorch.ops.elementwise import exp, log, rsqrt
from tinytorch.rounding import rounded_once
from tinytorch.tensor import Tensor, as_tensor
from tinytorch.values import checked_number


@scope("logsumexp")
@rounded_once
def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """`log(sum(exp(x)))` without overflow; -inf of nothing."""
    x = _floating(x)
    shift = _shift(x, axis)
    total = log(exp(x - shift).sum(axis, keepdims=True)) + shift
    return total if keepdims else total.squeeze(normalised_axes(axis, x.ndim, x.node))


@scope("softmax")
@rounded_once
def softmax(x: Any, axis: Axis = -1) -> Tensor:
    """`exp(x) / sum(exp(x))` over an axis or several (None for all)."""
    x = _floating(x)
    raised = exp(x - _shift(x, axis))
    return raised / raised.sum(axis, keepdims=True)


@scope("softmin")
def softmin(x: Any, axis: Axis = -1) -> Tensor:
    """softmax of -x: the smallest element of an axis gets the most."""
    return softmax(-as_tensor(x), axis)


@scope("log_softmax")
@rounded_once
def log_softmax(x: Any, axis: Axis = -1) -> Tensor:
    """`log(softmax(x))` over an axis or several, without underflow."""
    x = _floating(x)
    shifted = x - _shift(x, axis)
    return shifted - log(exp(shifted).sum(axis, keepdims=True))


@scope("layer_norm")
@rounded_once
def layer_norm(x: Any, weight: Any = None, bias: Any = None, *, axis: Axis = -1, eps: float = 1e-5) -> Tensor:
    """`(x - mean) / sqrt(var + eps)` over `axis`, then times `weight` plus `bias` if given.

    The variance is divided by n. `weight` and `bias` broadcast against `x`: for trailing axes they have
    their shape (torch.nn.functional.layer_norm). A number or a shape in their place is what PyTorch calls
    normalized_shape, and an ArgumentError. Ba, Kiros and Hinton, Layer Normalization (2016).
    """
    _check_no_shape("weight", weight, "layer_norm")
    _check_no_shape("bias", bias, "layer_norm")
    x, eps = _floating(x), checked_number("eps", eps)
    centred = x - x.mean(axis, keepdims=True)
    variance = (centred * centred).mean(axis, keepdims=True)
    result = centred * rsqrt(variance + eps)
    result = result if weight is None else result * weight
    return result if bias is None else result + bias


@scope("rms_norm")
@rounded_once
def rms_norm(x: Any, weight: Any = None, *, axis: Axis = -1, eps: float | None = None) -> Tensor:
    """`x / sqrt(mean(x^2) + eps)` over `axis`, then times `weight` if given (torch.nn.functional.rms_norm).

    `eps` is the machine epsilon of the dtype unless it is given. Zhang and Sennrich, Root Mean Square Layer
    Normalization (2019).
    """
    _check_no_shape("weight", weight, "rms_norm")
    x = _floating(x)
    small = float(np.finfo(x.dtype.numpy).eps) if eps is None else checked_number("eps", eps)
    result = x * rsqrt((x * x).mean(axis, keepdims=True) + small)
    return result if weight is None else result * weight


@scope("group_norm")
@rounded_once
def group_norm(x: Any, num_groups: int, weight: Any = None, bias: Any = None, *, eps: float = 1e-5) -> Tensor:
    """`(x - mean) / sqrt(var + eps)` over groups of the channels of `[n, channels, ...]`.

    Then times `weight` plus `bias`, of the shape `[channels]`, if given. Raises ShapeError where the channels
    are no groups of equal size. Wu and He, Group Normalization (2018); torch.nn.functional.group_norm.
    """
    x = _floating(x)
    groups = counted("a count of groups", num_groups)
    channels = x.shape[1] if x.ndim > 1 else 0
    each = None if groups < 1 or channels == 0 else divide_exactly(channels, groups)
    if each is None:
        raise ShapeError(
            f"group_norm takes [n, channels, ...], of channels that are {groups} groups of equal size, not "
            f"{describe(x.node)}"
        )
    grouped = x.reshape(x.shape[0], groups, each, *x.shape[2:])
    normal = layer_norm(grouped, axis=tuple(range(2, grouped.ndim)), eps=eps).reshape(x.shape)
    per_channel = (-1, *[1] * (x.ndim - 2))
    scaled = normal if weight is None else normal * as_tensor(weight).reshape(per_channel)
    return scaled if bias is None else scaled + as_tensor(bias).reshape(per_channel)


def _check_no_shape(what: str, value: Any, where: str) -> None:
    """PyTorch's second argument is the shape that is normalised, which would scale in silence here."""
    is_many = isinstance(value, list | tuple)
    items: list[Any] = list(cast("Sequence[Any]", value)) if is_many else [value]
    is_shape = bool(items) and all(isinstance(item, Dim) or isinstance(number(item), int) for item in items)
    if not is_shape and (is_many or number(value) is None):
        return
    axes = tuple(range(-len(items), 0)) if len(items) > 1 else -1
    raise ArgumentError(
        f"the {what} of {where} is a tensor or an array, not {value!r}\n"
        f"  fix: tt.{where}(x, axis={axes}) normalises over what PyTorch calls normalized_shape"
    )


def _floating(x: Any) -> Tensor:
    x = as_tensor(x)
    return x.astype(floating(x.dtype))


def _shift(x: Tensor, axis: Axis) -> Tensor:
    axes = normalised_axes(axis, x.ndim, x.node)
    largest = reduce(Reducer.MAX, x.node, axes, keepdims=True) if axes else x.node  # -inf of nothing
    return type(x)(shift_of(largest))
