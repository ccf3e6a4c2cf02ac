"""Activations: one formula each, under PyTorch's names, with its values and its slopes at the corners.

Conditions are written so that NaN falls into a branch that keeps it.
"""

# A formula's parameters have no types: it is called with variables.
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
from typing import Any, Final, Literal

from compiler.errors import ArgumentError
from compiler.ir.scope import scope
from tinytorch.axes import normalised_axis
from tinytorch.elementwise import built_in, of_atom
from tinytorch.ops.elementwise import abs, exact_softplus, expm1, normal_cdf, tanh, where
from tinytorch.ops.layout import split
from tinytorch.tensor import Tensor, as_tensors

SELU_SCALE: Final = 1.0507009873554804934193349852946
SELU_ALPHA: Final = 1.6732632423543772848170429916717
"""Klambauer et al., Self-Normalizing Neural Networks (2017), equation 14."""

sigmoid = of_atom(
    "sigmoid", "The logistic function, an S from 0 to 1 with slope 1/4 at 0; overflows nowhere."
)
log_sigmoid = built_in(
    "log_sigmoid",
    lambda x: -exact_softplus(-x),
    doc="The logarithm of sigmoid(x), also where that is too small to be told from 0.",
)
softplus = built_in(
    "softplus_beta",
    lambda x, *, beta=1, threshold=20: where(beta * x > threshold, x, exact_softplus(beta * x) / beta),
    doc="A smooth relu: `log(1 + exp(beta x)) / beta`, and `x` itself where `beta x > threshold`.",
)
relu = built_in(
    "relu", lambda x: where(x <= 0, 0, x), doc="0 below 0, x itself above; NaN stays. The slope at 0 is 0."
)
leaky_relu = built_in(
    "leaky_relu",
    lambda x, *, negative_slope=0.01: where(x > 0, x, negative_slope * x),
    doc="x above 0, a small multiple of it below (Maas et al., 2013). The slope at 0 is the small one.",
)
elu = built_in(
    "elu",
    lambda x, *, alpha=1.0: where(x > 0, x, alpha * expm1(x)),
    doc="x above 0, an exponential that levels off at -alpha below (Clevert et al., 2015).",
)
selu = built_in(
    "selu",
    lambda x: SELU_SCALE * where(x > 0, x, SELU_ALPHA * expm1(x)),
    doc="elu with the two constants that keep mean 0 and variance 1 (Klambauer et al., 2017).",
)
celu = built_in(
    "celu",
    lambda x, *, alpha=1.0: where(x > 0, x, alpha * expm1(x / alpha)),
    doc="elu whose exponential is stretched, so that the slope is 1 at 0 for every alpha (Barron, 2017).",
)
silu = built_in(
    "silu",
    lambda x: x * sigmoid(x),
    doc="x times sigmoid(x), also known as swish (Elfwing et al., 2017).",
)
mish = built_in(
    "mish", lambda x: x * tanh(exact_softplus(x)), doc="x times the tanh of its softplus (Misra, 2019)."
)
softsign = built_in(
    "softsign",
    lambda x: x / (1 + abs(x)),
    doc="An S from -1 to 1 that levels off slowly, like 1/x.",
)
hard_sigmoid = built_in(
    "hard_sigmoid",
    lambda x: where(x <= -3, 0, where(x >= 3, 1, (x + 3) / 6)),
    doc="A straight line from 0 at -3 to 1 at 3, level outside. The slope at both corners is 0.",
)
hard_swish = built_in(
    "hard_swish",
    lambda x: where(x <= -3, 0, where(x >= 3, x, x * (x + 3) / 6)),
    doc="x times hard_sigmoid(x) (Howard et al., 2019). Its slope is 0 at -3 and 1 at 3.",
)

GELU_FORMS: Final = {
    "none": built_in("gelu", lambda x: x * normal_cdf(x), doc="x times the normal distribution."),
    "tanh": built_in(
        "gelu_tanh",
        lambda x: x * sigmoid(2 * math.sqrt(2 / math.pi) * (x + 0.044715 * (x * x * x))),
        doc="gelu by a tanh of a cubic, off by less than 5e-4 (Hendrycks and Gimpel, 2016).",
    ),
    "sigmoid": built_in(
        "gelu_sigmoid",
        lambda x: x * sigmoid(1.702 * x),
        doc="gelu by one sigmoid, off by up to 0.021.",
    ),
}
"""The ops behind `gelu`, by what `approximate` says."""


def gelu(x: Any, *, approximate: Literal["none", "tanh", "sigmoid"] = "none") -> Any:
    """`x` times the normal distribution function (Hendrycks and Gimpel, 2016), or an approximation.

    The tanh form is written with `sigmoid(2u)`, which is `(1 + tanh(u)) / 2` without its cancellation.
    """
    if approximate not in GELU_FORMS:
        raise ArgumentError(f"gelu has approximate={', '.join(map(repr, GELU_FORMS))}, not {approximate!r}")
    return GELU_FORMS[approximate](x)


# Made of straight lines

tanh_shrink = built_in(
    "tanh_shrink",
    lambda x: x - tanh(x),
    doc="x less its tanh. Near 0, where that is x^3 / 3, digits cancel, as in PyTorch.",
)
relu6 = built_in(
    "relu6",
    lambda x: where(x <= 0, 0, where(x >= 6, 6, x)),
    doc="relu that is level from 6 on (Howard et al., 2017). The slope at both corners is 0.",
)
hardtanh = built_in(
    "hardtanh",
    lambda x, *, min_val=-1.0, max_val=1.0: where(x <= min_val, min_val, where(x >= max_val, max_val, x)),
    doc="x held between two numbers; unlike that of `clip`, the slope at both corners is 0.",
)
hard_shrink = built_in(
    "hard_shrink",
    lambda x, *, lambd=0.5: where((x >= -lambd) & (x <= lambd), 0, x),
    doc="0 where |x| is at most lambd, else x itself: a jump at both ends.",
)
soft_shrink = built_in(
    "soft_shrink",
    lambda x, *, lambd=0.5: where(x > lambd, x - lambd, where(x >= -lambd, 0, x + lambd)),
    doc="x moved towards 0 by lambd, 0 where it would cross it: the proximal step of an L1 penalty.",
)
threshold = built_in(
    "threshold",
    lambda x, *, threshold=0.0, value=0.0: where(x <= threshold, value, x),
    doc="x where it is above a threshold, else a value. The slope at the threshold is 0.",
)
_prelu = built_in(
    "prelu",
    lambda x, weight: where(x > 0, x, weight * x),
    doc="leaky_relu whose slope below 0 is an operand.",
)


def prelu(x: Any, weight: Any, axis: int = 1) -> Any:
    """leaky_relu whose slope below 0 is learned (He et al., 2015): `x` above 0, `weight * x` elsewhere.

    A weight of one axis follows `axis` of x, the channels; any other broadcasts.
    """
    if not isinstance(x, Tensor) and not isinstance(weight, Tensor):
        return _prelu(x, weight)
    x, weight = as_tensors(x, weight)
    if weight.ndim == 1 and x.ndim > 1:
        place = normalised_axis(axis, x.ndim, x.node)
        weight = weight.reshape([*weight.shape, *[1] * (x.ndim - place - 1)])
    return _prelu(x, weight)


# Gates


@scope("glu")
def glu(x: Any, axis: int = -1) -> Tensor:
    """The first half of an axis times the sigmoid of the second (Dauphin et al., 2016)."""
    first, gate = split(x, 2, axis)
    return first * sigmoid(gate)


@scope("swiglu")
def swiglu(x: Any, axis: int = -1) -> Tensor:
    """The silu of the first half of an axis times the second half (Shazeer, 2020)."""
    gate, second = split(x, 2, axis)
    return silu(gate) * second
