"""Rows of the activations."""

from __future__ import annotations

from tests.tinytorch.op_table.row import F, Row, binary, each, positive, signed, torch, with_settings
from tinytorch.ops import activations as oa

UNARY = [
    each(oa.sigmoid, torch.sigmoid),
    each(oa.log_sigmoid, F.logsigmoid),
    each(oa.softplus, F.softplus, name="softplus"),
    each(
        with_settings(oa.softplus, beta=2.0, threshold=3.0),
        lambda x: F.softplus(x, 2.0, 3.0),
        name="softplus 2 3",
    ),
    each(oa.relu, F.relu),
    each(oa.leaky_relu, F.leaky_relu),
    each(
        with_settings(oa.leaky_relu, negative_slope=0.3),
        lambda x: F.leaky_relu(x, 0.3),
        name="leaky_relu 0.3",
    ),
    each(oa.elu, F.elu),
    each(with_settings(oa.elu, alpha=0.7), lambda x: F.elu(x, 0.7), name="elu 0.7"),
    each(oa.selu, F.selu),
    each(oa.silu, F.silu),
    each(oa.mish, F.mish),
    each(oa.softsign, F.softsign),
    each(oa.hard_sigmoid, lambda x: F.relu6(x + 3) / 6),  # torch's own has a float32 slope
    each(oa.hard_swish, F.hardswish),
    each(oa.gelu, F.gelu, name="gelu"),
    each(
        with_settings(oa.gelu, approximate="tanh"), lambda x: F.gelu(x, approximate="tanh"), name="gelu tanh"
    ),
    each(
        with_settings(oa.gelu, approximate="sigmoid"),
        lambda x: x * torch.sigmoid(1.702 * x),
        name="gelu sigmoid",
    ),
    each(oa.celu, F.celu),
    each(with_settings(oa.celu, alpha=0.5), lambda x: F.celu(x, 0.5), name="celu 0.5"),
    each(oa.relu6, F.relu6),
    each(oa.hardtanh, F.hardtanh),
    each(
        with_settings(oa.hardtanh, min_val=-2.0, max_val=0.5),
        lambda x: F.hardtanh(x, -2.0, 0.5),
        name="hardtanh -2 0.5",
    ),
    each(oa.tanh_shrink, F.tanhshrink),
    each(oa.hard_shrink, F.hardshrink),
    each(with_settings(oa.hard_shrink, lambd=1.5), lambda x: F.hardshrink(x, 1.5), name="hard_shrink 1.5"),
    each(oa.soft_shrink, F.softshrink),
    each(with_settings(oa.soft_shrink, lambd=1.5), lambda x: F.softshrink(x, 1.5), name="soft_shrink 1.5"),
    each(oa.threshold, lambda x: F.threshold(x, 0.0, 0.0), name="threshold"),
    each(
        with_settings(oa.threshold, threshold=1.0, value=20.0),
        lambda x: F.threshold(x, 1.0, 20.0),
        name="threshold 1 20",
    ),
]


def _swiglu(x):
    first, second = x.chunk(2, -1)
    return F.silu(first) * second


OTHERS = [
    Row(
        "prelu",
        oa.prelu,
        F.prelu,
        [(signed(2, 3, 4), signed(3)), (signed(3), signed(1)), (signed(0, 2), signed(2))],
    ),
    Row("prelu broadcast", oa.prelu, lambda x, w: torch.where(x > 0, x, w * x), binary(signed, positive)),
    Row("glu", oa.glu, F.glu, [(signed(2, 6),), (signed(4),), (signed(0, 2),)]),
    Row("glu 0", lambda x: oa.glu(x, 0), lambda x: F.glu(x, 0), [(signed(2, 3),), (signed(4, 1),)]),
    Row("swiglu", oa.swiglu, _swiglu, [(signed(2, 6),), (signed(4),)]),
]

ACTIVATIONS = [*UNARY, *OTHERS]
