"""Losses of one class among several: cross-entropy of logits, and of logarithms of probabilities."""

from __future__ import annotations

import math
from typing import Any, Final

from compiler.errors import ArgumentError, DTypeError, ShapeError
from compiler.ir.build import apply
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.node import describe
from compiler.ir.op import Index
from compiler.ir.scope import scope
from tinytorch.axes import counted, normalised_axis
from tinytorch.indexing import check_classes
from tinytorch.losses.common import Reduction, check_floating, class_weight, reduced
from tinytorch.ops.elementwise import where, zmul
from tinytorch.ops.layout import arange, take, take_along_axis
from tinytorch.ops.normalise import log_softmax
from tinytorch.tensor import Tensor, as_tensor, as_tensors
from tinytorch.values import checked_number


@scope("cross_entropy")
def cross_entropy(
    logits: Any,
    target: Any,
    weight: Any = None,
    *,
    axis: int | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    reduction: Reduction = "mean",
) -> Tensor:
    """The cross-entropy of a target and `softmax(logits)`, in nats.

    `target` is class indices (int32 or int64, the shape of `logits` without the class axis), or
    probabilities (one-hot rows among them) in the shape of `logits`. The class axis is the second one, or
    the only one, unless `axis` says otherwise. `"mean"` is over everything but the classes; with an empty
    batch it is NaN. An index outside the classes raises IndexRangeError, when the program runs or, if it is
    known then, when the graph is built.

    `weight` has a number for each class; the mean of class indices is then divided by the sum of the weights
    met, as in PyTorch. A target of `ignore_index` costs nothing and does not count. Nothing is ignored unless
    it is given, where PyTorch ignores -100. `label_smoothing` in [0, 1] mixes that share of a uniform
    distribution into the target (Szegedy et al., 2015).
    """
    logits, probabilities = as_tensors(logits, target)
    classes = as_tensor(target)
    target = probabilities if classes.dtype.is_float else classes
    place = normalised_axis(min(1, logits.ndim - 1) if axis is None else axis, logits.ndim, logits.node)
    smoothing = checked_number("label_smoothing", label_smoothing)
    if not 0 <= smoothing <= 1:
        raise ArgumentError(f"cross_entropy: label_smoothing lies in [0, 1]: {smoothing}")
    logs = log_softmax(logits, place)
    if target.shape == logits.shape:
        _check_nothing_ignored(target, ignore_index)
        return _of_shares(logs, target, weight, place, smoothing, reduction)
    _check_classes(logits, target, place, ignore_index, "cross_entropy")
    return _of_classes(logs, target, weight, place, ignore_index, smoothing, reduction, "cross_entropy")


@scope("nll")
def nll(
    log_probabilities: Any,
    target: Any,
    weight: Any = None,
    *,
    axis: int | None = None,
    ignore_index: int | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """The negative logarithm that a model gives to the wanted class, from logarithms of probabilities.

    `nll(log_softmax(x, 1), target)` is `cross_entropy(x, target)`, which says more of shapes, `weight`,
    `axis` and `ignore_index`; here a target is class indices only.
    """
    logs = as_tensor(log_probabilities)
    check_floating(logs, "nll")
    place = normalised_axis(min(1, logs.ndim - 1) if axis is None else axis, logs.ndim, logs.node)
    classes = as_tensor(target)
    _check_classes(logs, classes, place, ignore_index, "nll")
    return _of_classes(logs, classes, weight, place, ignore_index, 0.0, reduction, "nll")


def _of_shares(
    logs: Tensor, target: Tensor, weight: Any, axis: int, smoothing: float, reduction: Reduction
) -> Tensor:
    shares = target.astype(logs.dtype)
    if smoothing:
        shares = shares * (1 - smoothing) + smoothing / as_tensor(logs.shape[axis]).astype(logs.dtype)
    if weight is not None:
        shares = shares * _along(class_weight(weight, logs.shape[axis], logs, "cross_entropy"), logs, axis)
    return reduced(-zmul(shares, logs).sum(axis), reduction)


def _of_classes(
    logs: Tensor,
    target: Tensor,
    weight: Any,
    axis: int,
    ignore_index: int | None,
    smoothing: float,
    reduction: Reduction,
    what: str,
) -> Tensor:
    """The loss of class indices. Weights of what counts are summed for the mean alone."""
    ignored = None if ignore_index is None else target == counted("ignore_index", ignore_index)
    classes = target if ignored is None else where(ignored, 0, target)
    weights = None if weight is None else class_weight(weight, logs.shape[axis], logs, what)
    # Weighed before it is picked, so that the rows are read without a gather, which the sum of weights needs.
    each = logs if weights is None else zmul(_along(weights, logs, axis), logs)
    values = -picked(each, classes, axis)
    scale = None if weights is None else take(weights, classes, axis=0)
    if smoothing:
        count = as_tensor(logs.shape[axis]).astype(logs.dtype)
        values = (1 - smoothing) * values - smoothing / count * each.sum(axis)
    if ignored is not None:
        values = where(ignored, 0, values)
        scale = where(ignored, 0, 1 if scale is None else scale).astype(logs.dtype)
    if reduction == "mean" and scale is not None:
        return _mean_by(scale, values)
    return reduced(values, reduction)


def _mean_by(scale: Tensor, values: Tensor) -> Tensor:
    """The sum of the values divided by that of the scale, NaN where this is 0.

    Each value is divided, and the sum is not: so the slopes wait for the scale alone, and rows are read once,
    for the loss and for its gradient.
    """
    total = scale.sum()
    return (values / total).sum() + where(total == 0, math.nan, 0).astype(values.dtype)


_AT_CLASS: Final = parse_formula("at_class(x, i, k) = where(i == k, x, 0)")


def picked(x: Tensor, classes: Tensor, axis: int) -> Tensor:
    """`out[a, b] = x[a, classes[a, b], b]`.

    Along the last axis it is a masked sum, which fuses with what makes `x`. A class outside the axis raises
    IndexRangeError when the program runs.
    """
    is_row = axis == x.ndim - 1
    if not is_row or x.shape[axis] == 0:  # a sum of nothing needs no classes, hence would not check them
        return take_along_axis(x, classes.unsqueeze(axis), axis).squeeze(axis)
    checked = take(arange(x.shape[axis]), classes, axis=0)  # the gather checks its indices
    return type(x)(apply(_AT_CLASS, x.node, Index(axis), checked.unsqueeze(axis).node)).sum(axis)


def _along(weights: Tensor, x: Tensor, axis: int) -> Tensor:
    """A number for each place of one axis, shaped so that it broadcasts along the others."""
    return weights.reshape([*weights.shape, *[1] * (x.ndim - 1 - axis)])


def _check_nothing_ignored(target: Tensor, ignore_index: int | None) -> None:
    if ignore_index is not None and counted("ignore_index", ignore_index) >= 0:
        raise ArgumentError(
            f"cross_entropy: ignore_index={ignore_index} is of class indices, and the targets are "
            f"probabilities: {describe(target.node)}\n  fix: multiply what reduction='none' gives by a mask"
        )


def _check_classes(logits: Tensor, target: Tensor, axis: int, ignored: int | None, what: str) -> None:
    rest = (*logits.shape[:axis], *logits.shape[axis + 1 :])
    places = f"\n  {describe(logits.node)}\n  {describe(target.node)}"
    shares = f" or probabilities of shape {list(logits.shape)}" if what == "cross_entropy" else ""
    if target.shape != rest:
        raise ShapeError(
            f"{what}: targets are class indices of shape {list(rest)}{shares}, not {list(target.shape)}"
            f"{places}"
        )
    if not target.dtype.is_integer:
        sentence = f"{what}: class indices are int32 or int64, not {target.dtype}"
        raise DTypeError(f"{sentence}{places}\n  fix: targets.astype('int64')")
    if ignored is None:
        check_classes(target.node, logits.shape[axis])
