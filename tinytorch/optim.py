"""Optimisers as graph updates: from a loss to the next value of every parameter and of every piece of state.

    step = tt.compile([x, labels], loss, updates=tt.optim.Adam(net.parameters(), lr=1e-3).updates(loss))

Formulas are those of torch.optim. State (moments, step counter) is made of parameters, so it lasts between
calls and is updated with the same all-or-nothing rule. Each `updates` belongs to the state of its optimiser.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from compiler.errors import ArgumentError
from compiler.ir.build import rename
from compiler.ir.node import describe
from compiler.ir.op import Parameter
from compiler.ir.scope import scope
from tinytorch.api import grad, parameter
from tinytorch.guards import guard, missing_from, raise_missing
from tinytorch.ops.elementwise import minimum, sqrt
from tinytorch.state import state_updates
from tinytorch.tensor import Tensor
from tinytorch.values import checked_number

__all__ = ["SGD", "Adam", "AdamW", "Optimiser", "Rate", "Updates", "clip_grad_norm", "grad_norm"]

Rate: TypeAlias = float | Tensor
"""A learning rate: a number, or a scalar tensor such as an input, so that it can change from call to call."""

Updates: TypeAlias = dict[Tensor, Tensor]


class Optimiser(ABC):
    """Parameters, a learning rate, and the state that an algorithm keeps."""

    def __init__(self, parameters: Iterable[Tensor], lr: Rate, name: str) -> None:
        self.parameters = _checked(parameters)
        """Those that are trained: without those whose `requires_grad` is False."""
        self.lr = lr if isinstance(lr, Tensor) else checked_number("lr", lr)
        self.state: list[Tensor] = []
        """The parameters that hold the state, for saving and restoring."""
        self._name = name
        _require(isinstance(self.lr, Tensor) or self.lr >= 0, f"a learning rate is not negative: lr={lr}")

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """For names that are missing alone: raises MissingNameError, which says what to write."""
            raise_missing("Optimiser", name, self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(parameters={len(self.parameters)}, lr={self.lr})"

    def updates(self, loss: Tensor) -> Updates:
        """The next value of each parameter, of each piece of state, and of each buffer of the network.

        Buffers are those that layers in training advance, as running statistics (`tt.nn.state_updates`).
        Raises GradientError for a parameter that the loss does not depend on.
        """
        return {**state_updates(loss), **self.updates_from(grad(loss, self.parameters))}

    @abstractmethod
    def updates_from(self, gradients: Sequence[Tensor]) -> Updates:
        """The next value of each parameter and piece of state, from gradients such as clipped ones.

        Gradients are in the order of `parameters`. Buffers of the network are not among them: add
        `tt.nn.state_updates(loss)`.
        """

    def _zeros_like(self, what: str) -> list[Tensor]:
        return [self._keep(np.zeros(_counts(p), p.dtype.numpy), p, what) for p in self.parameters]

    def _keep(self, value: Any, of: Tensor | None, what: str) -> Tensor:
        named = of is None or of.name is not None
        name = ".".join(part for part in (self._name, of.name if of is not None else None, what) if part)
        kept = parameter(value)
        if named:
            rename(kept.node, name)
        self.state.append(kept)
        return kept

    def _scope(self, k: int) -> scope:
        """The scope of a parameter's update: `adam.dense1.weight`, or its number where it has no name."""
        return scope(f"{self._name}.{self.parameters[k].name or k}")

    def _gradients(self, gradients: Sequence[Tensor], weight_decay: float) -> list[Tensor]:
        if len(gradients) != len(self.parameters):
            raise ArgumentError(f"{len(gradients)} gradients for {len(self.parameters)} parameters")
        if not weight_decay:
            return list(gradients)
        return [g + weight_decay * p for g, p in zip(gradients, self.parameters, strict=True)]


class SGD(Optimiser):
    """Stochastic gradient descent with momentum (Polyak's or Nesterov's) and weight decay (torch)."""

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: Rate = 1e-3,
        *,
        momentum: float = 0.0,
        dampening: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        name: str = "sgd",
    ) -> None:
        super().__init__(parameters, lr, name)
        self.momentum, self.weight_decay = (
            _setting("momentum", momentum),
            _setting("weight_decay", weight_decay),
        )
        self.dampening, self.nesterov = checked_number("dampening", dampening), nesterov
        _require(
            not nesterov or (momentum > 0 and dampening == 0), "nesterov needs a momentum and no dampening"
        )
        self._buffers = self._zeros_like("momentum") if momentum else []
        self._is_started = (
            self._keep(np.zeros((), np.bool_), None, "is_started") if momentum and dampening else None
        )

    def updates_from(self, gradients: Sequence[Tensor]) -> Updates:
        """p - lr d, where d is the gradient, the buffer, or Nesterov's look ahead."""
        found: Updates = {}
        grads = self._gradients(gradients, self.weight_decay)
        if self._is_started is not None:
            found[self._is_started] = self._is_started | True
        for k, (p, g) in enumerate(zip(self.parameters, grads, strict=True)):
            with self._scope(k):
                step = self._direction(k, g, found) if self.momentum else g
                found[p] = p - _like(self.lr, p) * step
        return found

    def _direction(self, k: int, gradient: Tensor, found: Updates) -> Tensor:
        buffer = self._buffers[k]
        # The first gradient enters undamped.
        damped = (
            None if self._is_started is None else self._is_started.astype(gradient.dtype) * self.dampening
        )
        found[buffer] = moved = self.momentum * buffer + gradient * (1 if damped is None else 1 - damped)
        return gradient + self.momentum * moved if self.nesterov else moved


class Adam(Optimiser):
    """Adam (Kingma and Ba, 2015). Weight decay is added to the gradient (torch.optim.Adam)."""

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: Rate = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        name: str = "adam",
    ) -> None:
        super().__init__(parameters, lr, name)
        first, second = (checked_number("a beta", beta) for beta in betas)
        _require(0 <= first < 1 and 0 <= second < 1, f"betas lie in [0, 1): {betas}")
        self.betas, self.eps = (first, second), _setting("eps", eps)
        self.weight_decay = _setting("weight_decay", weight_decay)
        self._step = self._keep(np.zeros((), np.int64), None, "step")
        self._means, self._squares = self._zeros_like("mean"), self._zeros_like("square")

    def updates_from(self, gradients: Sequence[Tensor]) -> Updates:
        """p - lr m / (sqrt(v) + eps), with m and v corrected for their beginning at 0."""
        step = self._step + 1
        found: Updates = {self._step: step}
        # Scalars are computed in float64, as torch computes them in Python.
        count = step.astype("float64")
        size = self.lr / (1 - self.betas[0] ** count)
        root = sqrt(1 - self.betas[1] ** count)
        for k, g in enumerate(self._gradients(gradients, self._decay_of_gradient())):
            p, mean, square = self.parameters[k], self._means[k], self._squares[k]
            with self._scope(k):
                found[mean] = m = mean + (1 - self.betas[0]) * (g - mean)
                found[square] = v = self.betas[1] * square + (1 - self.betas[1]) * (g * g)
                found[p] = self._decayed(p) - _like(size, p) * (m / (sqrt(v) / _like(root, p) + self.eps))
        return found

    def _decay_of_gradient(self) -> float:
        return self.weight_decay

    def _decayed(self, p: Tensor) -> Tensor:
        return p


class AdamW(Adam):
    """Adam with weight decay apart from the gradient (Loshchilov and Hutter, 2019; torch.optim.AdamW)."""

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: Rate = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        name: str = "adamw",
    ) -> None:
        super().__init__(parameters, lr, betas=betas, eps=eps, weight_decay=weight_decay, name=name)

    def _decay_of_gradient(self) -> float:
        return 0.0

    def _decayed(self, p: Tensor) -> Tensor:
        return p * _like(1 - self.lr * self.weight_decay, p) if self.weight_decay else p


@scope("grad_norm")
def grad_norm(gradients: Sequence[Tensor]) -> Tensor:
    """The Euclidean norm of all gradients together, a scalar."""
    if not gradients:
        raise ArgumentError("the norm of no gradients")
    total = (gradients[0] * gradients[0]).sum()
    for g in gradients[1:]:
        total = total + (g * g).sum()
    return sqrt(total)


@scope("clip_grad_norm")
def clip_grad_norm(gradients: Sequence[Tensor], max_norm: float | Tensor) -> list[Tensor]:
    """The gradients scaled down together so that `grad_norm` is at most `max_norm` (torch.nn.utils)."""
    if not gradients:
        return []
    scale = minimum(max_norm / (grad_norm(gradients) + 1e-6), 1.0)
    return [g * _like(scale, g) for g in gradients]


def _like(value: Any, of: Tensor) -> Any:
    """A scalar in a parameter's dtype; Python numbers take it by themselves."""
    return value.astype(of.dtype) if isinstance(value, Tensor) else value


def _counts(p: Tensor) -> list[int]:
    return [extent for extent in p.shape if isinstance(extent, int)]


def _checked(parameters: Iterable[Tensor]) -> list[Tensor]:
    found = list(parameters)
    for tensor in found:
        _require(
            isinstance(tensor.node.op, Parameter), f"an optimiser updates parameters: {describe(tensor.node)}"
        )
        _require(tensor.dtype.is_float, f"not floating: {describe(tensor.node)}")
    ops = [tensor.node.op for tensor in found]
    _require(len(set(ops)) == len(ops), "a parameter is given twice")
    trained = [tensor for tensor in found if tensor.requires_grad]
    _require(
        bool(trained) or not found,
        "no parameter has requires_grad: set it before the optimiser is made, which then trains it",
    )
    return trained


def _setting(what: str, value: Any) -> float:
    """A number that is not negative. Raises ArgumentError."""
    found = checked_number(what, value)
    _require(found >= 0, f"{what} is not negative: {found}")
    return found


def _require(holds: bool, sentence: str) -> None:
    if not holds:
        raise ArgumentError(sentence)


guard(__name__)

if not TYPE_CHECKING:
    __getattr__ = missing_from(__name__)
