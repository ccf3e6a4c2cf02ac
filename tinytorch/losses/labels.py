"""Losses of margins between classes, and of several labels at once."""

# A formula's parameters have no types: it is called with variables.
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

from __future__ import annotations

from typing import Any

from compiler.errors import ArgumentError, DTypeError, ShapeError
from compiler.ir.node import describe
from compiler.ir.scope import scope
from tinytorch.axes import normalised_axis
from tinytorch.indexing import check_classes
from tinytorch.losses.binary import binary_cross_entropy_with_logits
from tinytorch.losses.classes import picked
from tinytorch.losses.common import Reduction, check_floating, class_weight, reduced
from tinytorch.ops.activations import relu
from tinytorch.ops.elementwise import square, where
from tinytorch.ops.layout import arange, take, take_along_axis
from tinytorch.ops.prefix import cummin
from tinytorch.ops.reduce import any
from tinytorch.tensor import Tensor, as_tensor
from tinytorch.values import checked_number


@scope("multi_margin")
def multi_margin(
    prediction: Any,
    target: Any,
    *,
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """What each other class lacks to be a `margin` below the wanted one, to the power `p`, 1 or 2.

    The mean over the classes, which are the last axis: `[..., n]`, with targets `[...]` of class indices.
    `weight` has a number for each class, that of the wanted one (Crammer and Singer, 2001).
    """
    x, classes = as_tensor(prediction), as_tensor(target)
    _check_labels(x, classes, x.shape[: normalised_axis(-1, x.ndim, x.node)], "multi_margin")
    check_classes(classes.node, x.shape[-1])
    if p not in (1, 2):
        raise ArgumentError(f"multi_margin has the powers p=1 and p=2, not {p!r}")
    wanted = picked(x, classes, x.ndim - 1).unsqueeze(-1)
    missing = relu(checked_number("margin", margin) - wanted + x)
    missing = square(missing) if p == 2 else missing
    if weight is not None:
        scale = class_weight(weight, x.shape[-1], x, "multi_margin")
        missing = missing * take(scale, classes, axis=0).unsqueeze(-1)
    is_other = arange(x.shape[-1]) != classes.unsqueeze(-1)
    return reduced(where(is_other, missing, 0).mean(-1), reduction)


@scope("multilabel_margin")
def multilabel_margin(prediction: Any, target: Any, *, reduction: Reduction = "mean") -> Tensor:
    """What each class that is not wanted lacks to be 1 below each that is, divided by the number of classes.

    Of `[..., n]` and class indices of that shape, of which a row counts up to its first negative one.
    """
    x, classes = as_tensor(prediction), as_tensor(target)
    _check_labels(x, classes, x.shape, "multilabel_margin")
    normalised_axis(-1, x.ndim, x.node)
    counts = cummin(classes, -1) >= 0
    known = where(counts, classes, 0)
    is_wanted = any((known.unsqueeze(-1) == arange(x.shape[-1])) & counts.unsqueeze(-1), -2)
    missing = relu(1 - take_along_axis(x, known, -1).unsqueeze(-1) + x.unsqueeze(-2))
    is_met = counts.unsqueeze(-1) & ~is_wanted.unsqueeze(-2)
    total = where(is_met, missing, 0).sum([-1, -2])
    return reduced(total / as_tensor(x.shape[-1]).astype(x.dtype), reduction)


@scope("multilabel_soft_margin")
def multilabel_soft_margin(
    prediction: Any, target: Any, weight: Any = None, *, reduction: Reduction = "mean"
) -> Tensor:
    """The mean over the last axis of `binary_cross_entropy_with_logits`, of any number of labels a row.

    `weight` broadcasts to the elements, such as a number for each label.
    """
    each = binary_cross_entropy_with_logits(prediction, target, weight, reduction="none")
    return reduced(each.mean(normalised_axis(-1, each.ndim, each.node)), reduction)


def _check_labels(x: Tensor, classes: Tensor, shape: tuple[Any, ...], what: str) -> None:
    check_floating(x, what)
    places = f"\n  {describe(x.node)}\n  {describe(classes.node)}"
    if classes.shape != shape:
        raise ShapeError(
            f"{what}: targets are class indices of shape {list(shape)}, not {list(classes.shape)}{places}"
        )
    if not classes.dtype.is_integer:
        raise DTypeError(
            f"{what}: class indices are int32 or int64, not {classes.dtype}{places}\n"
            "  fix: targets.astype('int64')"
        )
