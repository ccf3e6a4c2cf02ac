"""Losses of how far apart things are: of two, of two that are ordered, of three."""

# A formula's parameters have no types: it is called with variables.
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

from __future__ import annotations

from typing import Any, Final

from compiler.errors import ShapeError
from compiler.ir.node import describe
from compiler.ir.scope import scope
from tinytorch.elementwise import built_in
from tinytorch.losses.common import Reduction, alike, check_floating, reduced
from tinytorch.ops.elementwise import clip, minimum, sqrt, where
from tinytorch.ops.norms import vector_norm
from tinytorch.tensor import Tensor, as_tensors
from tinytorch.values import checked_number

_hinge = built_in(
    "hinge_embedding",
    lambda x, y, *, margin=1.0: where(y == 1, 0, clip(margin - x, 0)) + where(y == -1, 0, x),
    doc="x where y is 1, and what is missing to a margin where y is -1.",
)
_ranking = built_in(
    "margin_ranking",
    lambda a, b, y, *, margin=0.0: clip(margin - y * (a - b), 0),
    doc="What is missing to a margin between a and b, of which a is the larger where y is 1.",
)
_of_cosine = built_in(
    "cosine_embedding",
    lambda c, y, *, margin=0.0: where(y == 1, 1 - c, 0) + where(y == -1, clip(c - margin, 0), 0),
    doc="1 - c where y is 1, and what c is above a margin where y is -1.",
)
_missing = built_in(
    "missing_margin",
    lambda near, far, *, margin=1.0: clip(margin + near - far, 0),
    doc="What is missing to a margin by which one distance is below another.",
)
_COSINE_EPS: Final = 1e-12
"""Added to both squared lengths, as PyTorch does: the cosine of a vector of zeros is 0."""


@scope("hinge_embedding")
def hinge_embedding(
    prediction: Any, target: Any, *, margin: float = 1.0, reduction: Reduction = "mean"
) -> Tensor:
    """A distance where the target is 1, and what it is short of `margin` where the target is -1."""
    prediction, target = alike(prediction, target, "hinge_embedding")
    return reduced(_hinge(prediction, target, margin=checked_number("margin", margin)), reduction)


@scope("margin_ranking")
def margin_ranking(
    first: Any, second: Any, target: Any, *, margin: float = 0.0, reduction: Reduction = "mean"
) -> Tensor:
    """`max(0, margin - y (first - second))`: the first should rank higher where y is 1, lower where -1."""
    first, wanted = alike(first, target, "margin_ranking")
    first, second = alike(first, second, "margin_ranking")
    values = _ranking(first, second, wanted, margin=checked_number("margin", margin))
    return reduced(values, reduction)


@scope("cosine_embedding")
def cosine_embedding(
    first: Any, second: Any, target: Any, *, margin: float = 0.0, reduction: Reduction = "mean"
) -> Tensor:
    """1 less the cosine between rows where the target is 1, and the cosine above `margin` where it is -1.

    Rows are the last axis of both, `[..., n]`; the target is `[...]`.
    """
    first, second = alike(first, second, "cosine_embedding")
    _, target = as_tensors(first, target)
    if not first.ndim or target.shape != first.shape[:-1]:
        raise ShapeError(
            f"cosine_embedding: a target for each row\n  {describe(first.node)}\n  {describe(target.node)}"
        )
    lengths = [(item * item).sum(-1) + _COSINE_EPS for item in (first, second)]
    cosine = (first * second).sum(-1) / sqrt(lengths[0] * lengths[1])
    values = _of_cosine(cosine, target.astype(first.dtype), margin=checked_number("margin", margin))
    return reduced(values, reduction)


@scope("triplet_margin")
def triplet_margin(
    anchor: Any,
    positive: Any,
    negative: Any,
    *,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: Reduction = "mean",
) -> Tensor:
    """`max(0, d(anchor, positive) - d(anchor, negative) + margin)` (Balntas et al., 2016).

    `d` is the `p`-norm along the last axis of the difference plus `eps`, as in PyTorch. With `swap` the
    negative is as near as it is to the anchor or to the positive, whichever is nearer.
    """
    near, small = checked_number("p", p), checked_number("eps", eps)
    first, second = alike(anchor, positive, "triplet_margin")
    first, third = alike(first, negative, "triplet_margin")
    check_floating(first, "triplet_margin")

    def apart(a: Tensor, b: Tensor) -> Tensor:
        return vector_norm(a - b + small, near, -1)

    far = apart(first, third)
    far = minimum(far, apart(second, third)) if swap else far
    values = _missing(apart(first, second), far, margin=checked_number("margin", margin))
    return reduced(values, reduction)
