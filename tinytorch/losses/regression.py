"""Losses of numbers: a function of the distance between prediction and target."""

# A formula's parameters have no types: it is called with variables.
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

from __future__ import annotations

from typing import Any

from compiler.errors import ArgumentError
from compiler.ir.scope import scope
from tinytorch.elementwise import built_in
from tinytorch.losses.common import Reduction, alike, positive, reduced
from tinytorch.ops.elementwise import abs, square, where
from tinytorch.tensor import Tensor
from tinytorch.values import checked_number

_huber = built_in(
    "huber",
    lambda z, *, delta=1.0: where(abs(z) < delta, 0.5 * z * z, delta * (abs(z) - 0.5 * delta)),
    doc="Half the square of z, and a line of slope delta where |z| is at least delta.",
)
_smooth_l1 = built_in(
    "smooth_l1",
    lambda z, *, beta=1.0: where(abs(z) < beta, 0.5 * z * z / beta, abs(z) - 0.5 * beta),
    doc="|z|, rounded off by a parabola where |z| is below beta.",
)


@scope("mse")
def mse(prediction: Any, target: Any, *, reduction: Reduction = "mean") -> Tensor:
    """The squared error. The shapes are equal (ShapeError): broadcasting here is a common silent mistake."""
    prediction, target = alike(prediction, target, "mse")
    return reduced(square(prediction - target), reduction)


@scope("l1")
def l1(prediction: Any, target: Any, *, reduction: Reduction = "mean") -> Tensor:
    """The absolute error, of equal shapes. Its slope is the sign of the difference, 0 where there is none."""
    prediction, target = alike(prediction, target, "l1")
    return reduced(abs(prediction - target), reduction)


@scope("huber")
def huber(prediction: Any, target: Any, *, reduction: Reduction = "mean", delta: float = 1.0) -> Tensor:
    """Half the squared error, but from an error of `delta` on a line of that slope (Huber, 1964).

    Outliers pull on it no harder than `delta`. Raises ArgumentError for a `delta` that is not above 0.
    """
    prediction, target = alike(prediction, target, "huber")
    return reduced(_huber(prediction - target, delta=positive("delta", delta, "huber")), reduction)


@scope("smooth_l1")
def smooth_l1(prediction: Any, target: Any, *, reduction: Reduction = "mean", beta: float = 1.0) -> Tensor:
    """The absolute error less `beta / 2`, rounded off by a parabola below `beta`: `huber` divided by it.

    With a `beta` of 0 it is `l1` (Girshick, Fast R-CNN, 2015). Raises ArgumentError where it is negative.
    """
    prediction, target = alike(prediction, target, "smooth_l1")
    width = checked_number("beta", beta)
    if not width >= 0:
        raise ArgumentError(f"smooth_l1: beta is not negative: {width}")
    apart = prediction - target
    return reduced(_smooth_l1(apart, beta=width) if width else abs(apart), reduction)
