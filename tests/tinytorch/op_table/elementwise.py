"""Rows of the element-wise ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.tinytorch.op_table.row import (
    F,
    Row,
    binary,
    bools,
    integers,
    positive,
    signed,
    torch,
    unary,
    with_settings,
)
from tinytorch.ops import elementwise as oe


def _each(ours: Any, theirs: Any, make: Callable[..., Any] = signed, *, name: str = "", **fields: Any) -> Row:
    return Row(name or ours.__name__, ours, theirs, unary(make), **fields)


UNARY = [
    _each(oe.negative, torch.neg, name="negative"),
    _each(oe.square, torch.square),
    _each(oe.reciprocal, torch.reciprocal),
    _each(oe.abs, torch.abs),
    _each(oe.sign, torch.sign),
    _each(oe.floor, torch.floor),
    _each(oe.ceil, torch.ceil),
    _each(oe.round, torch.round),
    _each(oe.sqrt, torch.sqrt, positive),
    _each(oe.rsqrt, torch.rsqrt, positive),
    _each(oe.exp, torch.exp),
    _each(oe.expm1, torch.expm1),
    _each(oe.log, torch.log, positive),
    _each(oe.log1p, torch.log1p, positive),
    _each(oe.sin, torch.sin),
    _each(oe.cos, torch.cos),
    _each(oe.tanh, torch.tanh),
    _each(oe.erf, torch.erf),
    _each(oe.erfc, torch.erfc),
    _each(oe.sigmoid, torch.sigmoid),
    _each(oe.log_sigmoid, F.logsigmoid),
    _each(oe.exact_softplus, lambda x: -F.logsigmoid(-x), name="exact_softplus"),
    _each(oe.softplus, F.softplus, name="softplus"),
    _each(
        with_settings(oe.softplus, beta=2.0, threshold=3.0),
        lambda x: F.softplus(x, 2.0, 3.0),
        name="softplus 2 3",
    ),
    _each(oe.relu, F.relu),
    _each(oe.leaky_relu, F.leaky_relu),
    _each(
        with_settings(oe.leaky_relu, negative_slope=0.3),
        lambda x: F.leaky_relu(x, 0.3),
        name="leaky_relu 0.3",
    ),
    _each(oe.elu, F.elu),
    _each(with_settings(oe.elu, alpha=0.7), lambda x: F.elu(x, 0.7), name="elu 0.7"),
    _each(oe.selu, F.selu),
    _each(oe.silu, F.silu),
    _each(oe.mish, F.mish),
    _each(oe.softsign, F.softsign),
    _each(oe.hard_sigmoid, lambda x: F.relu6(x + 3) / 6),  # torch's own has a float32 slope
    _each(oe.hard_swish, F.hardswish),
    _each(oe.gelu, F.gelu, name="gelu"),
    _each(
        with_settings(oe.gelu, approximate="tanh"), lambda x: F.gelu(x, approximate="tanh"), name="gelu tanh"
    ),
    _each(
        with_settings(oe.gelu, approximate="sigmoid"),
        lambda x: x * torch.sigmoid(1.702 * x),
        name="gelu sigmoid",
    ),
    _each(with_settings(oe.clip, min=-1, max=2), lambda x: torch.clamp(x, -1, 2), name="clip"),
    _each(with_settings(oe.clip, min=-1), lambda x: torch.clamp(x, min=-1), name="clip min"),
    _each(with_settings(oe.clip, max=2), lambda x: torch.clamp(x, max=2), name="clip max"),
    _each(oe.isnan, torch.isnan),
    _each(oe.isinf, torch.isinf),
    _each(oe.isfinite, torch.isfinite),
    _each(oe.stop_gradient, torch.Tensor.detach, name="stop_gradient", is_smooth=False),
    _each(lambda x: oe.pow(x, 2), lambda x: torch.pow(x, 2), name="pow 2"),
    _each(lambda x: oe.pow(x, 3.0), lambda x: torch.pow(x, 3.0), name="pow 3.0"),
    _each(lambda x: oe.pow(x, -2), lambda x: torch.pow(x, -2), name="pow -2"),
    _each(lambda x: oe.pow(x, 0.5), lambda x: torch.pow(x, 0.5), positive, name="pow 0.5"),
    _each(lambda x: oe.pow(x, 0), lambda x: torch.pow(x, 0), name="pow 0"),
    _each(lambda x: oe.pow(2.0, x), lambda x: torch.pow(2.0, x), name="pow of 2"),
]

BINARY = [
    Row("add", oe.add, torch.add, binary()),
    Row("subtract", oe.subtract, torch.sub, binary()),
    Row("multiply", oe.multiply, torch.mul, binary()),
    Row("divide", oe.divide, torch.div, binary()),
    Row("zmul", oe.zmul, torch.mul, binary()),
    Row("pow", oe.pow, torch.pow, binary(positive)),
    Row("maximum", oe.maximum, torch.maximum, binary()),
    Row("minimum", oe.minimum, torch.minimum, binary()),
    Row("equal", oe.equal, torch.eq, binary()),
    Row("not_equal", oe.not_equal, torch.ne, binary()),
    Row("less", oe.less, torch.lt, binary()),
    Row("less_equal", oe.less_equal, torch.le, binary()),
    Row("greater", oe.greater, torch.gt, binary()),
    Row("greater_equal", oe.greater_equal, torch.ge, binary()),
]

LOGICAL = [
    Row("logical_and", oe.logical_and, torch.logical_and, binary(bools, integers)),
    Row("logical_or", oe.logical_or, torch.logical_or, binary(bools, bools)),
    Row("logical_xor", oe.logical_xor, torch.logical_xor, binary(integers, signed)),
    Row("logical_not", oe.logical_not, torch.logical_not, unary(integers) + unary(bools)),
]

OTHERS = [
    Row(
        "where",
        oe.where,
        torch.where,
        [
            (bools(2, 3), signed(2, 3), signed(3)),
            (bools(2, 1), signed(1, 3), signed()),
            (bools(0), signed(1), signed(0)),
        ],
    ),
    Row(
        "clip of tensors",
        oe.clip,
        torch.clamp,
        [(signed(4, 3), signed(3), signed(4, 1)), (signed(5), np.full(5, -1.2), np.full(5, 1.2))],
    ),
]

ELEMENTWISE = [*UNARY, *BINARY, *LOGICAL, *OTHERS]
