"""Activations as layers: an element-wise function each, under PyTorch's name for the layer.

tt.nn.Sequential(tt.nn.Dense(64, 32), tt.nn.LeakyReLU(negative_slope=0.1), tt.nn.Dense(32, 10))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from compiler.errors import ArgumentError
from compiler.ir.numbers import number
from tinytorch.nn.module import Module
from tinytorch.ops import activations, elementwise, normalise
from tinytorch.tensor import Tensor


class Activation(Module):
    """A layer without parameters. Its settings are those keywords of its function that `takes` names."""

    function: ClassVar[Callable[..., Any]]
    takes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *settings: Any, **named: Any) -> None:
        super().__init__()
        given = dict(zip(self.takes, settings, strict=False))
        wrong = [name for name in named if name not in self.takes or name in given]
        if wrong or len(settings) > len(self.takes):
            from tinytorch.hints import keyword_fix  # noqa: PLC0415  # for errors only

            fix = keyword_fix(wrong[0], named[wrong[0]], list(self.takes)) if wrong else ""
            raise ArgumentError(
                f"{type(self).__name__} takes {', '.join(self.takes) or 'no settings'}, each once, not "
                f"{', '.join([*map(repr, settings), *(f'{k}={v!r}' for k, v in named.items())])}{fix}"
            )
        self.settings = {name: _plain(value) for name, value in (given | named).items()}

    def forward(self, x: Tensor) -> Tensor:
        """The function of `x`."""
        return type(self).function(x, **self.settings)

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in self.settings.items())
        return f"{type(self).__name__}({settings})"


def _plain(value: Any) -> Any:
    """A NumPy scalar as the Python number that it is."""
    found = number(value)
    return value if found is None else found


class ReLU(Activation):
    """0 below 0, `x` above; the slope at 0 is 0."""

    function = activations.relu


class LeakyReLU(Activation):
    """`x`, or `negative_slope` (0.01) times it below 0, so that no unit is ever without a gradient."""

    function = activations.leaky_relu
    takes = ("negative_slope",)


class ELU(Activation):
    """`x`, or `alpha (exp(x) - 1)` below 0, which levels off at `-alpha` (Clevert et al., 2015)."""

    function = activations.elu
    takes = ("alpha",)


class SELU(Activation):
    """ELU scaled so that it keeps mean 0 and variance 1 (Klambauer et al., 2017)."""

    function = activations.selu


class Softplus(Activation):
    """A smooth ReLU: `log(1 + exp(beta x)) / beta`, and `x` itself where `beta x` is above `threshold`."""

    function = activations.softplus
    takes = ("beta", "threshold")


class SiLU(Activation):
    """`x sigmoid(x)`, also known as swish: smooth, with a dip of -0.28 left of 0."""

    function = activations.silu


class Mish(Activation):
    """`x tanh(softplus(x))`: smooth, with a dip of -0.31 left of 0 (Misra, 2019)."""

    function = activations.mish


class GELU(Activation):
    """`x` times the normal distribution function, or an approximation (`approximate="tanh"`, `"sigmoid"`)."""

    function = staticmethod(activations.gelu)
    takes = ("approximate",)


class Sigmoid(Activation):
    """The logistic function `1 / (1 + exp(-x))`, an S from 0 to 1; overflows nowhere."""

    function = activations.sigmoid


class LogSigmoid(Activation):
    """The logarithm of the logistic function, also where that is too small to be told from 0."""

    function = activations.log_sigmoid


class Tanh(Activation):
    """The hyperbolic tangent, an S from -1 to 1 with slope 1 at 0."""

    function = elementwise.tanh


class Softsign(Activation):
    """`x / (1 + |x|)`, an S from -1 to 1 that levels off more slowly than tanh."""

    function = activations.softsign


class Hardsigmoid(Activation):
    """A straight line instead of the logistic function: `(x + 3) / 6` held between 0 and 1."""

    function = activations.hard_sigmoid


class Hardswish(Activation):
    """`x` times Hardsigmoid of it: SiLU without an exponential (Howard et al., 2019)."""

    function = activations.hard_swish


class Softmax(Activation):
    """Shares that are positive and sum to 1 over `axis`, by default the last; overflows nowhere."""

    function = staticmethod(normalise.softmax)
    takes = ("axis",)


class LogSoftmax(Activation):
    """The logarithm of softmax over `axis`, by default the last, also where a share is 0."""

    function = staticmethod(normalise.log_softmax)
    takes = ("axis",)
