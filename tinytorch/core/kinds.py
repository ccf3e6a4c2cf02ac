"""Activations: callables with `forward`, `forward_` (in place) and `backward`, on tensors and variables.

    relu = ReLU()
    relu(x)                # a Tensor of a Tensor, a Variable of a Variable
    relu.forward_(x)       # x itself, its buffer changed
    relu.backward(grad)    # the cotangent of the last argument

In place, gradients stay right. Where the slope follows from the new value nothing is kept; otherwise the old
value is, and `why()` says why.
"""

from __future__ import annotations

from numbers import Real
from typing import Any, Literal, cast

import numpy as np

from compiler.errors import ArgumentError
from compiler.ir.build import broadcast, constant_node
from compiler.ir.node import Node
from tinytorch import tensor as symbolic
from tinytorch.api import grad
from tinytorch.core.activation import SECOND_CHANGE, Activation
from tinytorch.core.gradients import Rule
from tinytorch.core.variable import Variable
from tinytorch.elementwise import elementwise as make_elementwise
from tinytorch.ops import activations, elementwise, normalise


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ArgumentError(f"{name} is a number, not {value!r}")
    return float(value)


class ReLU(Activation):
    """`max(x, 0)`; NaN stays NaN, ints stay ints."""

    function = activations.relu


class Sigmoid(Activation):
    """The logistic function `1 / (1 + exp(-x))`, an S from 0 to 1; overflows nowhere."""

    function = activations.sigmoid


class Tanh(Activation):
    """The hyperbolic tangent, an S from -1 to 1 with slope 1 at 0."""

    function = elementwise.tanh


class GELU(Activation):
    """`x` times the normal distribution function, or `approximate="tanh"` or `"sigmoid"` (with 1.702)."""

    function = staticmethod(activations.gelu)

    def __init__(self, approximate: Literal["none", "tanh", "sigmoid"] = "none") -> None:
        if approximate not in ("none", "tanh", "sigmoid"):
            raise ArgumentError(f"approximate is 'none', 'tanh' or 'sigmoid', not {approximate!r}")
        super().__init__(approximate=approximate)


class LeakyReLU(Activation):
    """`x`, or `negative_slope` times it below 0."""

    function = activations.leaky_relu

    def __init__(self, negative_slope: float = 0.01) -> None:
        super().__init__(negative_slope=_number("negative_slope", negative_slope))


class ELU(Activation):
    """`x`, or `alpha (exp(x) - 1)` below 0."""

    function = activations.elu

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__(alpha=_number("alpha", alpha))


class SELU(Activation):
    """ELU scaled so that it keeps mean 0 and variance 1."""

    function = activations.selu


class SiLU(Activation):
    """`x sigmoid(x)`, also known as swish: smooth, with a dip of -0.28 left of 0."""

    function = activations.silu


Swish = SiLU


class Mish(Activation):
    """`x tanh(softplus(x))`: smooth, with a dip of -0.31 left of 0."""

    function = activations.mish


def _of_scaled(x: Any, *, beta: float = 1.0) -> Any:
    return elementwise.exact_softplus(beta * x) / beta


_scaled_softplus = make_elementwise("softplus_scaled", _of_scaled)


def _softplus(x: Any, *, beta: float = 1.0) -> Any:
    return elementwise.exact_softplus(x) if beta == 1 else _scaled_softplus(x, beta=beta)


class Softplus(Activation):
    """`log(1 + exp(beta x)) / beta`, for every x: `tt.softplus` is linear from 20 on, as PyTorch's."""

    function = staticmethod(_softplus)

    def __init__(self, beta: float = 1.0) -> None:
        super().__init__(beta=_number("beta", beta))


class Softsign(Activation):
    """`x / (1 + |x|)`, an S from -1 to 1 that levels off more slowly than tanh."""

    function = activations.softsign


class LogSigmoid(Activation):
    """The logarithm of the logistic function, also where that is too small to be told from 0."""

    function = activations.log_sigmoid


class Hardsigmoid(Activation):
    """A straight line instead of the logistic function: `(x + 3) / 6` held between 0 and 1."""

    function = activations.hard_sigmoid


class Hardswish(Activation):
    """`x` times Hardsigmoid of it: SiLU without an exponential."""

    function = activations.hard_swish


class _Normalised(Activation):
    """A function of rows that does not change when the same number is added to a whole row."""

    def __init__(self, dim: int = -1) -> None:
        if isinstance(dim, bool) or not isinstance(cast(Any, dim), int | np.integer):
            raise ArgumentError(f"a dim is an int, not {dim!r}")
        super().__init__(axis=int(dim))

    @property
    def dim(self) -> int:
        """The dim along which the rows lie."""
        return self.settings["axis"]

    def forward(self, x: Any, dim: int | None = None) -> Any:
        """The function along `dim`, or along that given at construction."""
        if dim is None or dim == self.dim:
            return super().forward(x)
        other = type(self)(dim)
        result = other.forward(x)
        self._last = other._last
        return result

    def __call__(self, x: Any, dim: int | None = None) -> Any:
        return self.forward(x, dim)

    def forward_(self, x: Any, dim: int | None = None) -> Any:
        """`forward` in the buffer of `x`, along `dim` or along that given at construction."""
        if dim is None or dim == self.dim:
            return super().forward_(x)
        self._last = None
        return type(self)(dim).forward_(x)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(dim={self.dim})"

    def why(self) -> str:
        """That the slopes of a row follow from its new values."""
        slopes = "the slopes of a row follow from its new values"
        return f"{self.name} in place keeps nothing: {slopes}; {SECOND_CHANGE}"

    def _rule(self, x: Variable) -> Rule | None:
        if not x.requires_grad or not x.dtype.is_float:
            return None
        return Rule((type(self), self.dim), self._pull)

    def _pull(self, value: Node, cotangent: Node) -> Node:
        """By the same function moved from the new value by 0: adding to a row commutes with it."""
        still = broadcast(constant_node(0.0, value.type.dtype), value.type.shape)
        at, step = symbolic.Tensor(value), symbolic.Tensor(still)
        return grad(self._moved(at, step), step, seed=symbolic.Tensor(cotangent)).node

    def _moved(self, value: symbolic.Tensor, step: symbolic.Tensor) -> symbolic.Tensor:
        raise NotImplementedError(f"{type(self).__name__} says how a step moves its values")


class Softmax(_Normalised):
    """Shares that are positive and sum to 1 along `dim`: exponentials over their sum; overflows nowhere."""

    function = staticmethod(normalise.softmax)

    def _moved(self, value: symbolic.Tensor, step: symbolic.Tensor) -> symbolic.Tensor:
        raised = value * elementwise.exp(step)
        return raised / raised.sum(self.dim, keepdims=True)


class LogSoftmax(_Normalised):
    """The logarithm of shares that sum to 1 along `dim`, also where such a share is 0."""

    function = staticmethod(normalise.log_softmax)

    def _moved(self, value: symbolic.Tensor, step: symbolic.Tensor) -> symbolic.Tensor:
        return normalise.log_softmax(value + step, self.dim)


ACTIVATIONS: tuple[type[Activation], ...] = (
    ReLU, LeakyReLU, ELU, SELU, GELU, SiLU, Mish, Sigmoid, LogSigmoid, Tanh, Softplus, Softsign, Hardsigmoid,
    Hardswish, Softmax, LogSoftmax,
)  # fmt: skip
"""Every activation."""
