"""Training (ai.onnx.preview.training): gradients, and the steps of optimisers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from tinytorch.api import grad
from tinytorch.onnx.calling.operator import Call, operator
from tinytorch.onnx.calling.values import Unsupported, tensor_of
from tinytorch.ops.elementwise import sqrt, where
from tinytorch.tensor import Tensor

_DOMAIN = "ai.onnx.preview.training"

Rule: TypeAlias = Callable[..., tuple[Tensor, ...]]
"""From one weight, its gradient and its states to the new weight and the new states."""


def _stepped(inputs: Sequence[Tensor], kinds: int, rule: Rule) -> tuple[Tensor, ...]:
    """A step of several weights. All of a kind stand together: weights, gradients, then each state."""
    if not inputs or len(inputs) % kinds:
        raise Unsupported(f"{len(inputs)} inputs are not {kinds} for each weight")
    count = len(inputs) // kinds
    groups = [inputs[first : first + count] for first in range(0, len(inputs), count)]
    found = [rule(*row) for row in zip(*groups, strict=True)]
    return tuple(item for column in zip(*found, strict=True) for item in column)


@operator("Adagrad", since=1, domain=_DOMAIN)
def adagrad(
    r: Tensor, t: Tensor, *inputs: Tensor, decay_factor: float, epsilon: float, norm_coefficient: float
) -> tuple[Tensor, ...]:
    """Duchi et al., Adaptive Subgradient Methods (2011), with a rate that decays."""
    rate = r / (1 + t.astype(r.dtype) * decay_factor)

    def rule(x: Tensor, g: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        g = norm_coefficient * x + g
        h = h + g * g
        return x - rate * g / (sqrt(h) + epsilon), h

    return _stepped(inputs, 3, rule)


@operator("Adam", since=1, domain=_DOMAIN)
def adam(
    r: Tensor, t: Tensor, *inputs: Tensor, alpha: float, beta: float, epsilon: float, norm_coefficient: float,
    norm_coefficient_post: float,
) -> tuple[Tensor, ...]:  # fmt: skip
    """Kingma and Ba, Adam (2014): `alpha` and `beta` are the decays of the two moments."""
    steps = t.astype(r.dtype)
    corrected = r * sqrt(1 - beta**steps) / (1 - alpha ** where(t > 0, steps, 1.0))
    rate = where(t > 0, corrected, r)

    def rule(x: Tensor, g: Tensor, v: Tensor, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        g = norm_coefficient * x + g
        v, h = alpha * v + (1 - alpha) * g, beta * h + (1 - beta) * (g * g)
        return (1 - norm_coefficient_post) * (x - rate * v / (sqrt(h) + epsilon)), v, h

    return _stepped(inputs, 4, rule)


@operator("Momentum", since=1, domain=_DOMAIN)
def momentum(
    r: Tensor, t: Tensor, *inputs: Tensor, alpha: float, beta: float, mode: str, norm_coefficient: float
) -> tuple[Tensor, ...]:
    """Gradient descent with momentum `alpha`; `mode` nesterov looks a step ahead."""
    if mode not in ("standard", "nesterov"):
        raise Unsupported(f"there is no mode {mode!r}")
    share = where(t > 0, beta, 1.0).astype(r.dtype)

    def rule(x: Tensor, g: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        g = norm_coefficient * x + g
        v = alpha * v + share * g
        return x - r * (v if mode == "standard" else g + alpha * v), v

    return _stepped(inputs, 3, rule)


@operator("Gradient", since=1, domain=_DOMAIN, limits="At the values that the graph has itself.")
def gradient(
    *inputs: Tensor, xs: Sequence[str], y: str, zs: Sequence[str] = (), call: Call
) -> tuple[Tensor, ...]:
    """The gradients of the sum of the graph's value `y` by its values `xs`, which are derived here."""
    own = [tensor_of(call.value_of(name)) for name in (*xs, *zs)]
    if [item.node for item in own] != [item.node for item in inputs]:
        raise Unsupported("its inputs are not the values that xs and zs name, so the graph is another one")
    loss = tensor_of(call.value_of(y)).sum()
    return tuple(grad(loss, own[: len(xs)], allow_unused=True))
