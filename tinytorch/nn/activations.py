"""Activations as layers: an element-wise function each, under PyTorch's name for the layer.

tt.nn.Sequential(tt.nn.Dense(64, 32), tt.nn.LeakyReLU(negative_slope=0.1), tt.nn.Dense(32, 10))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from compiler.errors import ArgumentError
from compiler.ir.numbers import number
from tinytorch.nn.module import Module
from tinytorch.ops import elementwise, normalise
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
    """`max(x, 0)`."""

    function = staticmethod(elementwise.relu)


class LeakyReLU(Activation):
    """`x`, or `negative_slope` times it below 0."""

    function = staticmethod(elementwise.leaky_relu)
    takes = ("negative_slope",)


class ELU(Activation):
    """`x`, or `alpha (exp(x) - 1)` below 0."""

    function = staticmethod(elementwise.elu)
    takes = ("alpha",)


class SELU(Activation):
    """ELU scaled so that it keeps mean 0 and variance 1."""

    function = staticmethod(elementwise.selu)


class Softplus(Activation):
    """`log(1 + exp(beta x)) / beta`, linear above `threshold`."""

    function = staticmethod(elementwise.softplus)
    takes = ("beta", "threshold")


class SiLU(Activation):
    """`x sigmoid(x)`."""

    function = staticmethod(elementwise.silu)


class Mish(Activation):
    """`x tanh(softplus(x))`."""

    function = staticmethod(elementwise.mish)


class GELU(Activation):
    """`x` times the normal distribution function, or an approximation (`approximate="tanh"`, `"sigmoid"`)."""

    function = staticmethod(elementwise.gelu)
    takes = ("approximate",)


class Sigmoid(Activation):
    """`1 / (1 + exp(-x))`."""

    function = staticmethod(elementwise.sigmoid)


class LogSigmoid(Activation):
    """`log(sigmoid(x))`."""

    function = staticmethod(elementwise.log_sigmoid)


class Tanh(Activation):
    """`tanh(x)`."""

    function = staticmethod(elementwise.tanh)


class Softsign(Activation):
    """`x / (1 + |x|)`."""

    function = staticmethod(elementwise.softsign)


class Hardsigmoid(Activation):
    """`(x + 3) / 6` held between 0 and 1."""

    function = staticmethod(elementwise.hard_sigmoid)


class Hardswish(Activation):
    """`x` times Hardsigmoid of it."""

    function = staticmethod(elementwise.hard_swish)


class Softmax(Activation):
    """`exp(x) / sum(exp(x))` over `axis`, by default the last."""

    function = staticmethod(normalise.softmax)
    takes = ("axis",)


class LogSoftmax(Activation):
    """`log(softmax(x))` over `axis`, by default the last."""

    function = staticmethod(normalise.log_softmax)
    takes = ("axis",)
