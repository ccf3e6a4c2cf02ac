"""Losses of yes or no, each element for itself."""

from __future__ import annotations

from typing import Any, Final

from compiler.ir.scope import scope
from tinytorch.elementwise import built_in
from tinytorch.losses.common import Reduction, alike, reduced, weight_like
from tinytorch.ops.elementwise import exact_softplus, log, log1p, where, zmul
from tinytorch.tensor import Tensor

_LOWEST_LOG: Final = -100.0


def _of_probability(p: Any, t: Any) -> Any:
    return -(t * _floored(log(p)) + (1 - t) * _floored(log1p(-p)))


def _floored(logarithm: Any) -> Any:
    return where(logarithm < _LOWEST_LOG, _LOWEST_LOG, logarithm)


def _of_logit(x: Any, t: Any) -> Any:
    return zmul(t, exact_softplus(-x)) + zmul(1 - t, exact_softplus(x))


def _of_weighted_logit(x: Any, t: Any, weight: Any) -> Any:
    return zmul(weight * t, exact_softplus(-x)) + zmul(1 - t, exact_softplus(x))


def _soft_margin(x: Any, y: Any) -> Any:
    return exact_softplus(-y * x)


_cross_entropy_of_probability = built_in("binary_cross_entropy", _of_probability)
_cross_entropy_of_logit = built_in("binary_cross_entropy_with_logits", _of_logit)
_cross_entropy_of_weighted_logit = built_in("binary_cross_entropy_with_pos_weight", _of_weighted_logit)
_soft_margin_of = built_in("soft_margin", _soft_margin)


@scope("binary_cross_entropy")
def binary_cross_entropy(
    probability: Any, target: Any, weight: Any = None, *, reduction: Reduction = "mean"
) -> Tensor:
    """`-(t log p + (1 - t) log(1 - p))`, with logarithms no smaller than -100: finite at 0 and 1.

    Where a logarithm is held its slope is 0. `weight` broadcasts to the elements and multiplies what each
    costs; a mean is divided by their number all the same. Better: `binary_cross_entropy_with_logits`.
    """
    probability, target = alike(probability, target, "binary_cross_entropy")
    values = _cross_entropy_of_probability(probability, target)
    return reduced(_weighted(values, weight, "binary_cross_entropy"), reduction)


@scope("binary_cross_entropy_with_logits")
def binary_cross_entropy_with_logits(
    logits: Any,
    target: Any,
    weight: Any = None,
    *,
    pos_weight: Any = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """`binary_cross_entropy(sigmoid(logits), target)`, without its overflow and cancellation.

    `pos_weight` broadcasts to the elements and multiplies what a yes costs that is not seen: above 1 more
    are found, below 1 fewer are made up.
    """
    what = "binary_cross_entropy_with_logits"
    logits, target = alike(logits, target, what)
    if pos_weight is None:
        values = _cross_entropy_of_logit(logits, target)
    else:
        scale = weight_like(pos_weight, logits, what)
        values = _cross_entropy_of_weighted_logit(logits, target, scale)
    return reduced(_weighted(values, weight, what), reduction)


@scope("soft_margin")
def soft_margin(prediction: Any, target: Any, *, reduction: Reduction = "mean") -> Tensor:
    """`log(1 + exp(-y x))` of a target that is 1 or -1; unlike PyTorch's it does not overflow."""
    prediction, target = alike(prediction, target, "soft_margin")
    return reduced(_soft_margin_of(prediction, target), reduction)


def _weighted(values: Tensor, weight: Any, what: str) -> Tensor:
    return values if weight is None else values * weight_like(weight, values, what)
