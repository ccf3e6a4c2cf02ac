"""Losses: a scalar of what is predicted and what is wanted, with PyTorch's names, meanings and edge cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from compiler.errors import ArgumentError, DTypeError, ShapeError
from compiler.ir.build import apply
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.node import describe
from compiler.ir.op import Index
from compiler.ir.scope import scope
from tinytorch.axes import normalised_axis
from tinytorch.elementwise import elementwise
from tinytorch.guards import guard, missing_from
from tinytorch.indexing import check_classes
from tinytorch.ops.elementwise import exact_softplus, log, log1p, square, where, zmul
from tinytorch.ops.layout import arange, take, take_along_axis
from tinytorch.ops.normalise import log_softmax
from tinytorch.tensor import Tensor, as_tensor, as_tensors

__all__ = ["Reduction", "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "mse"]

Reduction: TypeAlias = Literal["mean", "sum", "none"]

_LOWEST_LOG: Final = -100.0


@scope("mse")
def mse(prediction: Any, target: Any, *, reduction: Reduction = "mean") -> Tensor:
    """The squared error. The shapes are equal (ShapeError): broadcasting here is a common silent mistake."""
    prediction, target = _alike(prediction, target, "mse")
    return _reduced(square(prediction - target), reduction)


@scope("cross_entropy")
def cross_entropy(
    logits: Any, target: Any, *, axis: int | None = None, reduction: Reduction = "mean"
) -> Tensor:
    """The cross-entropy of a target and `softmax(logits)`, in nats.

    `target` is class indices (int32 or int64, the shape of `logits` without the class axis), or
    probabilities (one-hot rows among them) in the shape of `logits`. The class axis is the second one, or
    the only one, unless `axis` says otherwise. `"mean"` is over everything but the classes; with an empty
    batch it is NaN. An index outside the classes raises IndexRangeError, when the program runs or, if it is
    known then, when the graph is built.
    """
    logits, probabilities = as_tensors(logits, target)
    classes = as_tensor(target)
    target = probabilities if classes.dtype.is_float else classes
    place = normalised_axis(min(1, logits.ndim - 1) if axis is None else axis, logits.ndim, logits.node)
    logs = log_softmax(logits, place)
    if target.shape == logits.shape:
        return _reduced(-zmul(target.astype(logs.dtype), logs).sum(place), reduction)
    _check_classes(logits, target, place)
    return _reduced(-_picked(logs, target, place), reduction)


_AT_CLASS: Final = parse_formula("at_class(x, i, k) = where(i == k, x, 0)")


def _picked(x: Tensor, classes: Tensor, axis: int) -> Tensor:
    """`out[a, b] = x[a, classes[a, b], b]`.

    Along the last axis it is a masked sum, which fuses with what makes `x`. A class outside the axis raises
    IndexRangeError when the program runs.
    """
    is_row = axis == x.ndim - 1
    if not is_row or x.shape[axis] == 0:  # a sum of nothing needs no classes, hence would not check them
        return take_along_axis(x, classes.unsqueeze(axis), axis).squeeze(axis)
    checked = take(arange(x.shape[axis]), classes, axis=0)  # the gather checks its indices
    return type(x)(apply(_AT_CLASS, x.node, Index(axis), checked.unsqueeze(axis).node)).sum(axis)


def _check_classes(logits: Tensor, target: Tensor, axis: int) -> None:
    rest = (*logits.shape[:axis], *logits.shape[axis + 1 :])
    places = f"\n  {describe(logits.node)}\n  {describe(target.node)}"
    if target.shape != rest:
        raise ShapeError(
            f"cross_entropy: targets are class indices of shape {list(rest)} or probabilities of shape "
            f"{list(logits.shape)}, not {list(target.shape)}{places}"
        )
    if not target.dtype.is_integer:
        sentence = f"cross_entropy: class indices are int32 or int64, not {target.dtype}"
        raise DTypeError(f"{sentence}{places}\n  fix: targets.astype('int64')")
    check_classes(target.node, logits.shape[axis])


def _of_probability(p: Any, t: Any) -> Any:
    return -(t * _floored(log(p)) + (1 - t) * _floored(log1p(-p)))


def _floored(logarithm: Any) -> Any:
    return where(logarithm < _LOWEST_LOG, _LOWEST_LOG, logarithm)


def _of_logit(x: Any, t: Any) -> Any:
    return zmul(t, exact_softplus(-x)) + zmul(1 - t, exact_softplus(x))


_cross_entropy_of_probability = elementwise("binary_cross_entropy", _of_probability)
_cross_entropy_of_logit = elementwise("binary_cross_entropy_with_logits", _of_logit)


@scope("binary_cross_entropy")
def binary_cross_entropy(probability: Any, target: Any, *, reduction: Reduction = "mean") -> Tensor:
    """`-(t log p + (1 - t) log(1 - p))`, with logarithms no smaller than -100: finite at 0 and 1.

    Where a logarithm is held its slope is 0. Better: `binary_cross_entropy_with_logits`.
    """
    probability, target = _alike(probability, target, "binary_cross_entropy")
    return _reduced(_cross_entropy_of_probability(probability, target), reduction)


@scope("binary_cross_entropy_with_logits")
def binary_cross_entropy_with_logits(logits: Any, target: Any, *, reduction: Reduction = "mean") -> Tensor:
    """`binary_cross_entropy(sigmoid(logits), target)`, without its overflow and cancellation."""
    logits, target = _alike(logits, target, "binary_cross_entropy_with_logits")
    return _reduced(_cross_entropy_of_logit(logits, target), reduction)


def _alike(prediction: Any, target: Any, what: str) -> tuple[Tensor, Tensor]:
    prediction, target = as_tensors(prediction, target)
    places = f"\n  {describe(prediction.node)}\n  {describe(target.node)}"
    if prediction.shape != target.shape:
        raise ShapeError(
            f"{what}: prediction and target have different shapes{places}\n  fix: reshape one of them"
        )
    if not prediction.dtype.is_float:
        raise DTypeError(f"{what}: a prediction is floating, not {prediction.dtype}{places}")
    return prediction, target.astype(prediction.dtype)


def _reduced(values: Tensor, reduction: Reduction) -> Tensor:
    match reduction:
        case "mean":
            return values.mean()
        case "sum":
            return values.sum()
        case "none":
            return values
        case _:
            raise ArgumentError(f"a reduction is 'mean', 'sum' or 'none', not {reduction!r}")


guard(__name__)

if not TYPE_CHECKING:
    __getattr__ = missing_from(__name__)
