"""Rows of the element-wise ops."""

from __future__ import annotations

import numpy as np

from tests.tinytorch.op_table.row import (
    F,
    Row,
    binary,
    bools,
    counts,
    each,
    integers,
    positive,
    signed,
    torch,
    unary,
    with_settings,
)
from tinytorch.ops import elementwise as oe

UNARY = [
    each(oe.negative, torch.neg, name="negative"),
    each(oe.square, torch.square),
    each(oe.reciprocal, torch.reciprocal),
    each(oe.abs, torch.abs),
    each(oe.sign, torch.sign),
    each(oe.floor, torch.floor),
    each(oe.ceil, torch.ceil),
    each(oe.round, torch.round),
    each(oe.sqrt, torch.sqrt, positive),
    each(oe.rsqrt, torch.rsqrt, positive),
    each(oe.exp, torch.exp),
    each(oe.expm1, torch.expm1),
    each(oe.log, torch.log, positive),
    each(oe.log1p, torch.log1p, positive),
    each(oe.sin, torch.sin),
    each(oe.cos, torch.cos),
    each(oe.tanh, torch.tanh),
    each(oe.erf, torch.erf),
    each(oe.erfc, torch.erfc),
    each(oe.normal_cdf, torch.special.ndtr, name="normal_cdf"),
    each(oe.exact_softplus, lambda x: -F.logsigmoid(-x), name="exact_softplus"),
    each(with_settings(oe.clip, min=-1, max=2), lambda x: torch.clamp(x, -1, 2), name="clip"),
    each(with_settings(oe.clip, min=-1), lambda x: torch.clamp(x, min=-1), name="clip min"),
    each(with_settings(oe.clip, max=2), lambda x: torch.clamp(x, max=2), name="clip max"),
    each(oe.isnan, torch.isnan),
    each(oe.isinf, torch.isinf),
    each(oe.isfinite, torch.isfinite),
    each(oe.stop_gradient, torch.Tensor.detach, name="stop_gradient", is_smooth=False),
    each(lambda x: oe.pow(x, 2), lambda x: torch.pow(x, 2), name="pow 2"),
    each(lambda x: oe.pow(x, 3.0), lambda x: torch.pow(x, 3.0), name="pow 3.0"),
    each(lambda x: oe.pow(x, -2), lambda x: torch.pow(x, -2), name="pow -2"),
    each(lambda x: oe.pow(x, 0.5), lambda x: torch.pow(x, 0.5), positive, name="pow 0.5"),
    each(lambda x: oe.pow(x, 0), lambda x: torch.pow(x, 0), name="pow 0"),
    each(lambda x: oe.pow(2.0, x), lambda x: torch.pow(2.0, x), name="pow of 2"),
]

BINARY = [
    Row("add", oe.add, torch.add, binary()),
    Row("subtract", oe.subtract, torch.sub, binary()),
    Row("multiply", oe.multiply, torch.mul, binary()),
    Row("divide", oe.divide, torch.div, binary()),
    Row("zmul", oe.zmul, torch.mul, binary()),
    Row("pow", oe.pow, torch.pow, binary(positive)),
    Row("pow of integers", oe.pow, torch.pow, binary(integers, integers)),
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

BITWISE = [
    Row("bitwise_and", oe.bitwise_and, torch.bitwise_and, binary(integers, integers)),
    Row("bitwise_or", oe.bitwise_or, torch.bitwise_or, binary(integers, bools)),
    Row("bitwise_xor", oe.bitwise_xor, torch.bitwise_xor, binary(bools, bools) + binary(integers, integers)),
    Row("bitwise_not", oe.bitwise_not, torch.bitwise_not, unary(integers) + unary(bools)),
    Row("bitwise_left_shift", oe.bitwise_left_shift, torch.bitwise_left_shift, binary(integers, counts)),
    Row("bitwise_right_shift", oe.bitwise_right_shift, torch.bitwise_right_shift, binary(integers, counts)),
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

ELEMENTWISE = [*UNARY, *BINARY, *LOGICAL, *BITWISE, *OTHERS]
