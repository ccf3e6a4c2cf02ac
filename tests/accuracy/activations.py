"""The rows of the table: each activation, what it is exactly, and how each system is asked for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from importlib import import_module
from typing import Any

import numpy as np

import tinytorch as tt
from tests.accuracy import functions, references
from tests.accuracy.references import Reference

Array = np.ndarray
Measured = Callable[[Array], tuple[Array, Array]]
"""Takes an array of x, gives the values and the slopes."""


@dataclass(frozen=True)
class Activation:
    """`ours` takes a tensor; `torch` names a function of `torch` or `torch.nn.functional`, and its options.

    Numbers above `above` and below `below` are measured.
    """

    name: str
    ours: Callable[[Any], Any]
    torch: str
    options: dict[str, Any] = field(default_factory=dict)
    above: float = -np.inf
    below: float = np.inf

    @property
    def value(self) -> Reference:
        return _reference(self.name)

    @property
    def slope(self) -> Reference:
        return _reference(f"{self.name}_slope")


def _reference(name: str) -> Reference:
    return getattr(references if hasattr(references, name) else functions, name)


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
    Activation("celu", tt.celu, "celu"),
    Activation("relu6", tt.relu6, "relu6"),
    Activation("hardtanh", tt.hardtanh, "hardtanh"),
    Activation("hard_shrink", tt.hard_shrink, "hardshrink"),
    Activation("soft_shrink", tt.soft_shrink, "softshrink"),
    Activation("threshold", tt.threshold, "threshold", {"threshold": 0.0, "value": 0.0}),
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
    Activation("exp2", tt.exp2, "exp2", below=128),
    Activation("log2", tt.log2, "log2", above=0),
    Activation("log10", tt.log10, "log10", above=0),
    Activation("cbrt", tt.cbrt, ""),
    Activation("tan", tt.tan, "tan"),
    Activation("logit", tt.logit, "logit", above=0, below=1),
    Activation("sinc", tt.sinc, "sinc"),
    Activation("asin", tt.asin, "asin", above=-1, below=1),
    Activation("acos", tt.acos, "acos", above=-1, below=1),
    Activation("atan", tt.atan, "atan"),
    Activation("sinh", tt.sinh, "sinh"),
    Activation("cosh", tt.cosh, "cosh"),
    Activation("asinh", tt.asinh, "asinh"),
    Activation("acosh", tt.acosh, "acosh", above=1),
    Activation("atanh", tt.atanh, "atanh", above=-1, below=1),
    Activation("erfinv", tt.erfinv, "erfinv", above=-1, below=1),
    Activation("lgamma", tt.lgamma, "lgamma", above=0),
    Activation("digamma", tt.digamma, "digamma", above=0),
    Activation("trigamma", lambda x: tt.polygamma(1, x), "", above=0),
    Activation("lgamma_left_of_0", tt.lgamma, "lgamma", above=-40, below=0),
    Activation("digamma_left_of_0", tt.digamma, "digamma", above=-40, below=0),
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
