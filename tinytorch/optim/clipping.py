"""Gradients held within bounds, before an optimiser is given them: `optimiser.updates_from(clipped)`."""

from __future__ import annotations

import math
from collections.abc import Sequence

from compiler.errors import ArgumentError
from compiler.ir.scope import scope
from tinytorch.ops.elementwise import clip, maximum, minimum, sqrt
from tinytorch.ops.norms import vector_norm
from tinytorch.tensor import Tensor, as_tensor
from tinytorch.values import checked_number


@scope("grad_norm")
def grad_norm(gradients: Sequence[Tensor], norm_type: float = 2.0) -> Tensor:
    """The norm of all gradients together, a scalar: Euclidean, or of another order above 0, infinity too."""
    order = checked_number("norm_type", norm_type)
    if not order > 0:
        raise ArgumentError(f"norm_type is above 0, not {norm_type!r}")
    if not gradients:
        raise ArgumentError("the norm of no gradients")
    if order != 2:
        return _norm_of_norms([vector_norm(g, order) for g in gradients], order)
    total = (gradients[0] * gradients[0]).sum()
    for g in gradients[1:]:
        total = total + (g * g).sum()
    return sqrt(total)


def _norm_of_norms(norms: list[Tensor], order: float) -> Tensor:
    total = norms[0] if math.isinf(order) else norms[0] ** order
    for norm in norms[1:]:
        total = maximum(total, norm) if math.isinf(order) else total + norm**order
    return total if math.isinf(order) else total ** (1 / order)


@scope("clip_grad_norm")
def clip_grad_norm(
    gradients: Sequence[Tensor], max_norm: float | Tensor, norm_type: float = 2.0
) -> list[Tensor]:
    """The gradients scaled down together so that `grad_norm` is at most `max_norm` (torch.nn.utils)."""
    if not gradients:
        return []
    scale = minimum(max_norm / (grad_norm(gradients, norm_type) + 1e-6), 1.0)
    return [g * scale.astype(g.dtype) for g in gradients]


@scope("clip_grad_value")
def clip_grad_value(gradients: Sequence[Tensor], clip_value: float | Tensor) -> list[Tensor]:
    """Each element of the gradients held between -`clip_value` and `clip_value` (torch.nn.utils)."""
    if not isinstance(clip_value, Tensor):
        limit = checked_number("clip_value", clip_value)
        if limit < 0:
            raise ArgumentError(f"clip_value is not negative: {limit}")
        return [clip(g, -limit, limit) for g in gradients]
    limits = [as_tensor(clip_value).astype(g.dtype) for g in gradients]
    return [clip(g, -limit, limit) for g, limit in zip(gradients, limits, strict=True)]
