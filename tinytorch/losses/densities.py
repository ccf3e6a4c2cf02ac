"""Losses that are negative logarithms of a density: Kullback-Leibler, Poisson, normal."""

# A formula's parameters have no types: it is called with variables.
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
from typing import Any, Literal

from compiler.errors import ShapeError
from compiler.ir.node import describe
from compiler.ir.scope import scope
from tinytorch.elementwise import built_in
from tinytorch.losses.common import Reduction, alike, positive, reduced
from tinytorch.ops.elementwise import exp, log, stop_gradient, where, zmul
from tinytorch.ops.functions import xlogy
from tinytorch.tensor import Tensor, as_tensor
from tinytorch.values import checked_number

_kl = built_in(
    "kl_div",
    lambda x, t: xlogy(t, t) - zmul(t, x),
    doc="t (log t - x): what a logarithm x costs where the probability is t.",
)
_kl_of_logarithms = built_in(
    "kl_div_log",
    lambda x, t: zmul(exp(t), t - x),
    doc="exp(t) (t - x): what a logarithm x costs where the logarithm of the probability is t.",
)
_poisson_of_log = built_in("poisson_nll_log", lambda x, t: exp(x) - t * x, doc="exp(x) - t x.")
_poisson = built_in("poisson_nll", lambda x, t, *, eps=1e-8: x - t * log(x + eps), doc="x - t log(x + eps).")
_stirling = built_in(
    "stirling",
    lambda t: where(t > 1, t * log(t) - t + 0.5 * log(2 * math.pi * t), 0),
    doc="An approximation of log(t!) by Stirling, 0 for t up to 1.",
)
_held = built_in(
    "held_variance",
    lambda v, *, eps=1e-6: where((v >= 0) & (v < eps), eps + (v - stop_gradient(v)), v),
    doc="v, or eps where v is below it, with slope 1 in both; what is negative stays.",
)
_gaussian = built_in(
    "gaussian_nll",
    lambda x, t, v: 0.5 * (log(v) + (x - t) * (x - t) / v),
    doc="Minus the logarithm of a normal density of variance v, without the constant.",
)


@scope("kl_div")
def kl_div(
    prediction: Any,
    target: Any,
    *,
    log_target: bool = False,
    reduction: Reduction | Literal["batchmean"] = "mean",
) -> Tensor:
    """The Kullback-Leibler divergence of a target from a prediction, which is logarithms of probabilities.

    `t (log t - x)` of equal shapes, 0 where t is 0; with `log_target` the target is logarithms too. It is
    `"batchmean"`, the sum divided by the first extent, that is the divergence of each example: `"mean"`
    divides by the number of elements, and is PyTorch's default.
    """
    prediction, target = alike(prediction, target, "kl_div")
    values = (_kl_of_logarithms if log_target else _kl)(prediction, target)
    if reduction != "batchmean":
        return reduced(values, reduction)
    if not prediction.ndim:
        return values
    return values.sum() / as_tensor(prediction.shape[0]).astype(values.dtype)


@scope("poisson_nll")
def poisson_nll(
    prediction: Any,
    target: Any,
    *,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: Reduction = "mean",
) -> Tensor:
    """Minus the logarithm of a Poisson probability of counts, without `log(t!)`, of equal shapes.

    The prediction is the logarithm of the rate, `exp(x) - t x`, or, without `log_input`, the rate itself,
    `x - t log(x + eps)`. `full` adds Stirling's approximation of `log(t!)` where t is above 1.
    """
    prediction, target = alike(prediction, target, "poisson_nll")
    small = checked_number("eps", eps)
    values = _poisson_of_log(prediction, target) if log_input else _poisson(prediction, target, eps=small)
    return reduced(values + _stirling(target) if full else values, reduction)


@scope("gaussian_nll")
def gaussian_nll(
    prediction: Any,
    target: Any,
    var: Any,
    *,
    full: bool = False,
    eps: float = 1e-6,
    reduction: Reduction = "mean",
) -> Tensor:
    """Minus the logarithm of a normal density with a predicted mean and variance (Nix and Weigend, 1994).

    `(log v + (x - t)^2 / v) / 2`, with `full` also `log(2 pi) / 2`. `var` has the prediction's shape, or that
    without the last axis, or one with a unit axis, or is a number. Below `eps` it counts as `eps`, with the
    slope of one that is not held (PyTorch); where it is negative the loss is NaN, where PyTorch raises.
    """
    prediction, target = alike(prediction, target, "gaussian_nll")
    variance = _held(_variance(var, prediction), eps=positive("eps", eps, "gaussian_nll"))
    values = _gaussian(prediction, target, variance)
    return reduced(values + 0.5 * math.log(2 * math.pi) if full else values, reduction)


def _variance(var: Any, prediction: Tensor) -> Tensor:
    found = as_tensor(var).astype(prediction.dtype)
    shape, wanted = found.shape, prediction.shape
    if shape == wanted or (not isinstance(var, Tensor) and not shape):
        return found
    if shape == wanted[:-1]:
        return found.unsqueeze(-1)
    apart = [mine for mine, theirs in zip(shape, wanted, strict=False) if mine != theirs]
    if len(shape) == len(wanted) and apart == [1]:
        return found
    raise ShapeError(
        f"gaussian_nll: var has the shape of the prediction, or one without its last axis, or with one unit "
        f"axis\n  {describe(found.node)}\n  {describe(prediction.node)}"
    )
