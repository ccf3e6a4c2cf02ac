"""Softmax and its kin. Until opset 13 they saw a matrix: axes before `axis`, and those from it on."""

from __future__ import annotations

from collections.abc import Callable

from tinytorch.axes import normalised_axis
from tinytorch.onnx.calling.operator import operator
from tinytorch.ops.layout import arange
from tinytorch.ops.normalise import log_softmax as logarithms
from tinytorch.ops.normalise import softmax as shares
from tinytorch.tensor import Tensor


@operator("Softmax", since=13)
def softmax(x: Tensor, *, axis: int) -> Tensor:
    """exp(x), divided by its sum over an axis."""
    return shares(x, axis)


@operator("LogSoftmax", since=13)
def log_softmax(x: Tensor, *, axis: int) -> Tensor:
    """The logarithm of softmax."""
    return logarithms(x, axis)


@operator("Hardmax", since=13)
def hardmax(x: Tensor, *, axis: int) -> Tensor:
    """1 at the first of the largest elements of an axis, 0 elsewhere."""
    place = normalised_axis(axis, x.ndim, x.node)
    along = arange(x.shape[place]).reshape([-1, *[1] * (x.ndim - place - 1)])
    return (x.argmax(place, keepdims=True) == along).astype(x.dtype)


def _of_matrix(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function over all axes from one on, as if they were one."""

    def compute(x: Tensor, *, axis: int) -> Tensor:
        place = x.ndim if axis == x.ndim else normalised_axis(axis, x.ndim, x.node)
        tail = x.shape[place:]
        if len(tail) == 1:
            return function(x, axis=place)
        flat = x.reshape([*x.shape[:place], -1]) if tail else x.unsqueeze(-1)
        return function(flat, axis=-1).reshape(x.shape)

    return compute


operator("Softmax", since=1)(_of_matrix(softmax))
operator("LogSoftmax", since=1)(_of_matrix(log_softmax))
operator("Hardmax", since=1)(_of_matrix(hardmax))
