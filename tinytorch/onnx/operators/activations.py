"""Activations, where a function of ours is more exact or faster than the body that the standard has."""

from __future__ import annotations

from tinytorch.onnx.calling.operator import operator
from tinytorch.onnx.calling.values import Unsupported
from tinytorch.ops import activations as ours
from tinytorch.ops.elementwise import exact_softplus, expm1, maximum, minimum, where
from tinytorch.tensor import Tensor


@operator("Relu", since=1)
def relu(x: Tensor) -> Tensor:
    """max(x, 0)"""
    return ours.relu(x)


@operator("LeakyRelu", since=6)
def leaky_relu(x: Tensor, *, alpha: float) -> Tensor:
    """x, and alpha x where it is below 0."""
    return ours.leaky_relu(x, negative_slope=alpha)


@operator("PRelu", since=7)
def prelu(x: Tensor, slope: Tensor) -> Tensor:
    """x, and slope x where it is below 0; the slope broadcasts as in NumPy."""
    return where(x < 0, slope * x, x)


@operator("PRelu", since=6)
def prelu_6(x: Tensor, slope: Tensor) -> Tensor:
    """The same, of one slope, or one for each channel."""
    is_one = slope.ndim == 0 or slope.shape == (1,)
    return prelu(x, slope.reshape([]) if is_one else slope.reshape([-1, *[1] * (x.ndim - 2)]))


@operator("ThresholdedRelu", since=10)
def thresholded_relu(x: Tensor, *, alpha: float) -> Tensor:
    """x where it is above alpha, else 0."""
    return ours.threshold(x, threshold=alpha, value=0.0)


@operator("Elu", since=6)
def elu(x: Tensor, *, alpha: float) -> Tensor:
    """x, and alpha (exp(x) - 1) where it is below 0."""
    return ours.elu(x, alpha=alpha)


@operator("Selu", since=6)
def selu(x: Tensor, *, alpha: float, gamma: float) -> Tensor:
    """gamma x, and gamma alpha (exp(x) - 1) where it is not above 0."""
    return gamma * where(x > 0, x, alpha * expm1(x))


@operator("Celu", since=12)
def celu(x: Tensor, *, alpha: float) -> Tensor:
    """max(0, x) + min(0, alpha (exp(x / alpha) - 1))"""
    return ours.celu(x, alpha=alpha)


@operator("Gelu", since=20)
def gelu(x: Tensor, *, approximate: str) -> Tensor:
    """x times the normal distribution function, or its approximation by a tanh."""
    if approximate not in ("none", "tanh"):
        raise Unsupported(f"there is no approximation {approximate!r}")
    return ours.GELU_FORMS[approximate](x)


@operator("Softplus", since=1)
def softplus(x: Tensor) -> Tensor:
    """log(1 + exp(x)), without overflow."""
    return exact_softplus(x)


@operator("Softsign", since=1)
def softsign(x: Tensor) -> Tensor:
    """x / (1 + |x|)"""
    return ours.softsign(x)


@operator("Mish", since=18)
def mish(x: Tensor) -> Tensor:
    """x tanh(softplus(x))"""
    return ours.mish(x)


@operator("HardSigmoid", since=6)
def hard_sigmoid(x: Tensor, *, alpha: float, beta: float) -> Tensor:
    """alpha x + beta, held between 0 and 1."""
    return maximum(0, minimum(1, alpha * x + beta))


@operator("HardSwish", since=14)
def hard_swish(x: Tensor) -> Tensor:
    """x max(0, min(1, x / 6 + 1 / 2))"""
    return ours.hard_swish(x)


@operator("Swish", since=24)
def swish(x: Tensor, *, alpha: float) -> Tensor:
    """x sigmoid(alpha x)"""
    return x * ours.sigmoid(x if alpha == 1 else alpha * x)


@operator("SwiGLU", since=28)
def swiglu(a: Tensor, b: Tensor, *, alpha: float) -> Tensor:
    """a sigmoid(alpha a) b"""
    return swish(a, alpha=alpha) * b


@operator("Shrink", since=9)
def shrink(x: Tensor, *, lambd: float, bias: float) -> Tensor:
    """x moved towards 0 by `bias` where it is more than `lambd` away from it, else 0."""
    kept = where(x < -lambd, x + bias, where(x > lambd, x - bias, 0))
    return kept.astype(x.dtype)
