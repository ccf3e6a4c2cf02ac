"""What losses share: operands of one shape, weights, reductions."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from compiler.errors import ArgumentError, DTypeError, ShapeError
from compiler.ir.dims import Extent
from compiler.ir.node import describe
from tinytorch.tensor import Tensor, as_tensor, as_tensors
from tinytorch.values import checked_number

Reduction: TypeAlias = Literal["mean", "sum", "none"]


def alike(prediction: Any, target: Any, what: str) -> tuple[Tensor, Tensor]:
    """A floating prediction and a target in its dtype. Raises ShapeError where the shapes are not equal."""
    prediction, target = as_tensors(prediction, target)
    places = f"\n  {describe(prediction.node)}\n  {describe(target.node)}"
    if prediction.shape != target.shape:
        raise ShapeError(
            f"{what}: prediction and target have different shapes{places}\n  fix: reshape one of them"
        )
    check_floating(prediction, what, places)
    return prediction, target.astype(prediction.dtype)


def check_floating(prediction: Tensor, what: str, places: str | None = None) -> None:
    """Raises DTypeError for a prediction that has no slopes."""
    if not prediction.dtype.is_float:
        shown = f"\n  {describe(prediction.node)}" if places is None else places
        raise DTypeError(f"{what}: a prediction is floating, not {prediction.dtype}{shown}")


def reduced(values: Tensor, reduction: Reduction) -> Tensor:
    """The mean or the sum of all, or each. Raises ArgumentError for another word."""
    match reduction:
        case "mean":
            return values.mean()
        case "sum":
            return values.sum()
        case "none":
            return values
        case _:
            raise ArgumentError(f"a reduction is 'mean', 'sum' or 'none', not {reduction!r}")


def weight_like(weight: Any, values: Tensor, what: str) -> Tensor:
    """A weight in the dtype of the values. Raises ShapeError where it does not broadcast to their shape."""
    found = as_tensor(weight).astype(values.dtype)
    rest = values.shape[values.ndim - found.ndim :] if found.ndim <= values.ndim else ()
    fits = len(rest) == found.ndim and all(
        mine in (1, theirs) for mine, theirs in zip(found.shape, rest, strict=True)
    )
    if not fits:
        raise ShapeError(
            f"{what}: a weight broadcasts to the shape of what it weighs\n  {describe(found.node)}\n"
            f"  {describe(values.node)}"
        )
    return found


def class_weight(weight: Any, count: Extent, of: Tensor, what: str) -> Tensor:
    """A weight of each class, in the dtype of `of`. Raises ShapeError for another shape than `[count]`."""
    found = as_tensor(weight).astype(of.dtype)
    if found.shape != (count,):
        raise ShapeError(
            f"{what}: weight has one number a class, [{count}]\n  {describe(found.node)}\n"
            f"  {describe(of.node)}"
        )
    return found


def positive(name: str, value: Any, what: str) -> float:
    """A setting above 0. Raises ArgumentError."""
    found = checked_number(name, value)
    if not found > 0:
        raise ArgumentError(f"{what}: {name} is above 0, not {found}")
    return found
