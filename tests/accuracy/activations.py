"""The rows of the table: each activation, what it is exactly, and how each system is asked for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from importlib import import_module
from typing import Any

import numpy as np

import tinytorch as tt
from tests.accuracy import references
from tests.accuracy.references import Reference

Array = np.ndarray
Measured = Callable[[Array], tuple[Array, Array]]
"""Takes an array of x, gives the values and the slopes."""


@dataclass(frozen=True)
class Activation:
    """`ours` takes a tensor; `torch` names a function of `torch` or `torch.nn.functional`, and its options.

    Numbers above `above` are measured.
    """

    name: str
    ours: Callable[[Any], Any]
    torch: str
    options: dict[str, Any] = field(default_factory=dict)
    above: float = -np.inf

    @property
    def value(self) -> Reference:
        return getattr(references, self.name)

    @property
    def slope(self) -> Reference:
        return getattr(references, f"{self.name}_slope")


ACTIVATIONS = (
    Activation("relu", tt.relu, "relu"),
    Activation("leaky_relu", tt.leaky_relu, "leaky_relu"),
    Activation("elu", tt.elu, "elu"),
    Activation("selu", tt.selu, "selu"),
    Activation("softplus", tt.softplus, "softplus"),
    Activation("silu", tt.silu, "silu"),
    Activation("mish", tt.mish, "mish"),
    Activation("sigmoid", tt.sigmoid, "sigmoid"),
    Activation("log_sigmoid", tt.log_sigmoid, "logsigmoid"),
    Activation("tanh", tt.tanh, "tanh"),
    Activation("softsign", tt.softsign, "softsign"),
    Activation("hard_sigmoid", tt.hard_sigmoid, "hardsigmoid"),
    Activation("hard_swish", tt.hard_swish, "hardswish"),
    Activation("gelu", tt.gelu, "gelu"),
    Activation("gelu_tanh", partial(tt.gelu, approximate="tanh"), "gelu", {"approximate": "tanh"}),
    Activation("gelu_sigmoid", partial(tt.gelu, approximate="sigmoid"), ""),
)
"""PyTorch has no function for the sigmoid form of GELU."""

FUNCTIONS = (
    Activation("exp", tt.exp, "exp"),
    Activation("expm1", tt.expm1, "expm1"),
    Activation("log", tt.log, "log", above=0),
    Activation("log1p", tt.log1p, "log1p", above=-1),
    Activation("sin", tt.sin, "sin"),
    Activation("cos", tt.cos, "cos"),
    Activation("erf", tt.erf, "erf"),
    Activation("erfc", tt.erfc, "erfc"),
    Activation("sqrt", tt.sqrt, "sqrt", above=0),
    Activation("rsqrt", tt.rsqrt, "rsqrt", above=0),
    Activation("power_of_minus_half", lambda x: x**-0.5, "pow", {"exponent": -0.5}, above=0),
    Activation("reciprocal", tt.reciprocal, "reciprocal"),
    Activation("cube", lambda x: x**3, "pow", {"exponent": 3}),
    Activation("seventh_power", lambda x: x**7, "pow", {"exponent": 7}),
    Activation("power_of_five_halves", lambda x: x**2.5, "pow", {"exponent": 2.5}, above=0),
    Activation("power_of_seven_quarters", lambda x: x**1.75, "pow", {"exponent": 1.75}, above=0),
    Activation("power_of_three", lambda x: 3**x, ""),
)
"""What activations and losses are made of."""

MEASURED = (*ACTIVATIONS, *FUNCTIONS)


def ours(activation: Activation, backend: str) -> Measured:
    """The activation and the gradient of its sum, compiled for a backend."""

    def measured(x: Array) -> tuple[Array, Array]:
        value, slope = _program(activation.name, backend, x.dtype.name)(x)
        return value, slope

    return measured


@cache
def _program(name: str, backend: str, dtype: str) -> Callable[..., Any]:
    activation = next(item for item in MEASURED if item.name == name)
    x = tt.input("x", ("n",), dtype)
    y = activation.ours(x)
    return tt.compile([x], [y, tt.grad(y.sum(), x)], backend=backend)


def torch(activation: Activation) -> Measured | None:
    """The same of PyTorch, or None where it has no such function."""
    if not activation.torch:
        return None
    library = import_module("torch")
    place = import_module("torch.nn.functional")
    function = getattr(place if hasattr(place, activation.torch) else library, activation.torch)

    def measured(x: Array) -> tuple[Array, Array]:
        leaf = library.from_numpy(x.copy()).requires_grad_()
        y = function(leaf, **activation.options)
        (slope,) = library.autograd.grad(y.sum(), leaf)
        return y.detach().numpy(), slope.numpy()

    return measured
