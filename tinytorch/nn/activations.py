"""Activations as layers: an element-wise function each, under PyTorch's name for the layer.

tt.nn.Sequential(tt.nn.Dense(64, 32), tt.nn.LeakyReLU(negative_slope=0.1), tt.nn.Dense(32, 10))
"""

from __future__ import annotations

from tinytorch.nn.stateless import Stateless
from tinytorch.ops import activations, elementwise, normalise


class Activation(Stateless):
    """An element-wise function, or one along an axis, as a layer with its settings."""


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
