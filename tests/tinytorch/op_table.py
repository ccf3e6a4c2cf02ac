"""Every op with its counterpart in torch and operands to try it on. An op without a row is reported."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import tinytorch.ops.contract as oc
import tinytorch.ops.elementwise as oe
import tinytorch.ops.layout as ol
import tinytorch.ops.normalise as on
import tinytorch.ops.reduce as orr

try:
    import torch as _torch

    torch: Any = _torch
except ImportError:

    class _Absent:
        """Stands for torch where it is not installed: the table can be read, and nobody compares."""

        def __getattr__(self, name: str) -> Any:
            return self

    torch = _Absent()

F = torch.nn.functional
R = np.random.default_rng(7)


@dataclass(frozen=True)
class Row:
    """An op under `name`, torch's function of the same operands, and lists of operands to try.

    Float operands are converted to the dtype under test; others stay as they are.
    """

    name: str
    ours: Callable[..., Any]
    torch: Callable[..., Any]
    cases: Sequence[tuple[Any, ...]]
    is_smooth: bool = True
    """Whether it has derivatives at the cases' points, so that finite differences apply."""
    orders: int = 2
    """How many times torch can differentiate it."""

    def __repr__(self) -> str:
        return self.name


def signed(*shape: int) -> Any:
    """Both signs, away from every break point of ours (0, +-1, +-3 and halves)."""
    values = R.uniform(0.07, 0.43, shape) + R.integers(-4, 4, shape)
    return np.where(R.integers(0, 2, shape) == 0, values, values + 0.5)


def positive(*shape: int) -> Any:
    return R.uniform(0.2, 3.0, shape)


def within(*shape: int) -> Any:
    """Inside (-0.9, 0.9)."""
    return R.uniform(-0.9, 0.9, shape)


SHAPES = [(), (1,), (0,), (3,), (2, 3), (2, 0, 3), (1, 1), (2, 1, 3)]
PAIRS = [
    ((), ()),
    ((3,), ()),
    ((2, 3), (3,)),
    ((2, 1), (1, 3)),
    ((0, 3), (1, 3)),
    ((1,), (1,)),
    ((2, 1, 3), (4, 1)),
]


def unary(make: Callable[..., Any] = signed) -> list[tuple[Any, ...]]:
    return [(make(*shape),) for shape in SHAPES]


def binary(left: Callable[..., Any] = signed, right: Callable[..., Any] = signed) -> list[tuple[Any, ...]]:
    return [(left(*a), right(*b)) for a, b in PAIRS]


def integers(*shape: int) -> Any:
    return R.integers(-3, 4, shape)


def bools(*shape: int) -> Any:
    return R.integers(0, 2, shape) == 1


def _each(ours: Any, theirs: Any, make: Callable[..., Any] = signed, *, name: str = "", **fields: Any) -> Row:
    return Row(name or ours.__name__, ours, theirs, unary(make), **fields)


def _with(ours: Any, /, **settings: Any) -> Callable[..., Any]:
    return lambda *operands: ours(*operands, **settings)


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
        _with(oe.softplus, beta=2.0, threshold=3.0), lambda x: F.softplus(x, 2.0, 3.0), name="softplus 2 3"
    ),
    _each(oe.relu, F.relu),
    _each(oe.leaky_relu, F.leaky_relu),
    _each(_with(oe.leaky_relu, negative_slope=0.3), lambda x: F.leaky_relu(x, 0.3), name="leaky_relu 0.3"),
    _each(oe.elu, F.elu),
    _each(_with(oe.elu, alpha=0.7), lambda x: F.elu(x, 0.7), name="elu 0.7"),
    _each(oe.selu, F.selu),
    _each(oe.silu, F.silu),
    _each(oe.mish, F.mish),
    _each(oe.softsign, F.softsign),
    _each(oe.hard_sigmoid, lambda x: F.relu6(x + 3) / 6),  # torch's own has a float32 slope
    _each(oe.hard_swish, F.hardswish),
    _each(oe.gelu, F.gelu, name="gelu"),
    _each(_with(oe.gelu, approximate="tanh"), lambda x: F.gelu(x, approximate="tanh"), name="gelu tanh"),
    _each(_with(oe.gelu, approximate="sigmoid"), lambda x: x * torch.sigmoid(1.702 * x), name="gelu sigmoid"),
    _each(_with(oe.clip, min=-1, max=2), lambda x: torch.clamp(x, -1, 2), name="clip"),
    _each(_with(oe.clip, min=-1), lambda x: torch.clamp(x, min=-1), name="clip min"),
    _each(_with(oe.clip, max=2), lambda x: torch.clamp(x, max=2), name="clip max"),
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


def _axes(
    ours: Any, theirs: Any, name: str, make: Callable[..., Any] = signed, *, empty: bool = True
) -> list[Row]:
    """A reduction with torch's meaning of (x, axis, keepdims), over several axes."""
    rows: list[Row] = []
    for axis in (None, 0, -1, (0, 2), (1, 2, 0)):
        for keepdims in (False, True):
            if isinstance(axis, tuple) and name in ("argmax", "argmin"):
                continue
            shapes = [(2, 3, 4), (1, 3, 1), *([(2, 3, 0), (0, 2, 3)] if empty else [])]
            rows.append(
                Row(
                    f"{name} {axis} {'kept' if keepdims else 'gone'}",
                    lambda x, axis=axis, keepdims=keepdims: ours(x, axis=axis, keepdims=keepdims),
                    lambda x, axis=axis, keepdims=keepdims: theirs(
                        x,
                        tuple(range(x.ndim)) if axis is None and name not in ("argmax", "argmin") else axis,
                        keepdims,
                    ),
                    [(make(*shape),) for shape in shapes],
                )
            )
    return rows


def _all_axes(theirs: Any) -> Any:
    """torch.all and torch.any take one axis at a time."""

    def over(x: Any, axis: Any, keepdims: bool) -> Any:
        axes = axis if isinstance(axis, tuple) else (axis,)
        for k in sorted((k % x.ndim for k in axes), reverse=True):
            x = theirs(x, dim=k, keepdim=keepdims)
        return x

    return over


REDUCING = [
    *_axes(orr.sum, lambda x, axis, keep: torch.sum(x, axis, keepdim=keep), "sum"),
    *_axes(orr.mean, lambda x, axis, keep: torch.mean(x, axis, keepdim=keep), "mean"),
    *_axes(orr.max, lambda x, axis, keep: torch.amax(x, axis, keepdim=keep), "max", empty=False),
    *_axes(orr.min, lambda x, axis, keep: torch.amin(x, axis, keepdim=keep), "min", empty=False),
    *_axes(orr.argmax, lambda x, axis, keep: torch.argmax(x, axis, keepdim=keep), "argmax", empty=False),
    *_axes(orr.argmin, lambda x, axis, keep: torch.argmin(x, axis, keepdim=keep), "argmin", empty=False),
    *_axes(orr.all, _all_axes(torch.all), "all", integers),
    *_axes(orr.any, _all_axes(torch.any), "any", integers),
    *_axes(orr.norm, lambda x, axis, keep: torch.linalg.vector_norm(x, 2, axis, keepdim=keep), "norm"),
    *_axes(on.logsumexp, lambda x, axis, keep: torch.logsumexp(x, axis, keepdim=keep), "logsumexp"),
    Row("var", orr.var, torch.var, [(signed(2, 3),), (signed(5),)]),
    Row(
        "var 0",
        _with(orr.var, axis=1, correction=0),
        lambda x: torch.var(x, 1, correction=0),
        [(signed(2, 3),)],
    ),
    Row("std", _with(orr.std, axis=0), lambda x: torch.std(x, 0), [(signed(4, 3),)]),
    Row(
        "softmax",
        on.softmax,
        lambda x: torch.softmax(x, -1),
        [(signed(2, 3),), (signed(3),), (signed(2, 1),), (signed(0, 3),), (signed(3, 0),)],
    ),
    Row("softmax 0", _with(on.softmax, axis=0), lambda x: torch.softmax(x, 0), [(signed(2, 3),)]),
    Row(
        "log_softmax",
        on.log_softmax,
        lambda x: torch.log_softmax(x, -1),
        [(signed(2, 3),), (signed(0, 3),), (signed(3, 0),)],
    ),
    Row(
        "log_softmax 1",
        _with(on.log_softmax, axis=1),
        lambda x: torch.log_softmax(x, 1),
        [(signed(2, 3, 2),)],
    ),
    Row(
        "softmax of all axes",
        _with(on.softmax, axis=None),
        lambda x: torch.softmax(x.reshape(-1), 0).reshape(x.shape),
        [(signed(2, 3),)],
    ),
    Row(
        "layer_norm",
        on.layer_norm,
        lambda x, w, b: F.layer_norm(x, (4,), w, b),
        [(signed(2, 3, 4), signed(4), signed(4)), (signed(0, 4), signed(4), signed(4))],
    ),
    Row(
        "layer_norm plain",
        _with(on.layer_norm, axis=(-1, -2)),
        lambda x: F.layer_norm(x, (3, 4)),
        [(signed(2, 3, 4),)],
    ),
]


def _einsum(subscripts: str, *shapes: tuple[int, ...]) -> Row:
    return Row(
        f"einsum {subscripts}",
        lambda *operands: oc.einsum(subscripts, *operands),
        lambda *operands: torch.einsum(subscripts, *operands),
        [tuple(signed(*shape) for shape in shapes)],
    )


def _matmul(*shapes: tuple[int, ...]) -> Row:
    return Row(f"matmul {shapes}", oc.matmul, torch.matmul, [tuple(signed(*shape) for shape in shapes)])


CONTRACTING = [
    _matmul((2, 3), (3, 4)),
    _matmul((3,), (3,)),
    _matmul((3,), (3, 2)),
    _matmul((2, 3), (3,)),
    _matmul((5, 2, 3), (3, 4)),
    _matmul((5, 2, 3), (5, 3, 4)),
    _matmul((1, 5, 2, 3), (4, 1, 3, 2)),
    _matmul((0, 3), (3, 2)),
    _matmul((2, 0), (0, 3)),
    _matmul((1, 1), (1, 1)),
    Row("outer", oc.outer, torch.outer, [(signed(2), signed(3)), (signed(0), signed(3))]),
    _einsum("ij,jk->ik", (2, 3), (3, 4)),
    _einsum("bij,bjk", (2, 3, 4), (2, 4, 5)),
    _einsum("ij->ji", (2, 3)),
    _einsum("ii->i", (3, 3)),
    _einsum("ii", (3, 3)),
    _einsum("ij->", (2, 3)),
    _einsum("i,j,k->kji", (2,), (3,), (4,)),
    _einsum("...ij,...jk->...ik", (5, 2, 3), (3, 4)),
    _einsum("...i,...i", (2, 3), (2, 3)),
    _einsum("i...->...", (2, 3, 4)),
    _einsum("ij,ij,j->i", (2, 3), (2, 3), (3,)),
    _einsum("ba", (2, 3)),
    _einsum("a...,...b->...ab", (2, 3), (3, 4)),
    _einsum("ij,jk->ik", (2, 0), (0, 3)),
    _einsum("i,i->i", (3,), (3,)),
    _einsum("iij->j", (2, 2, 3)),
    Row(
        "map_reduce product",
        lambda x, w: oc.map_reduce("sum", "ik,kj->ij", x, w),
        torch.matmul,
        [(signed(2, 3), signed(3, 4))],
    ),
    Row(
        "map_reduce tropical",
        lambda x, w: oc.map_reduce("max", "ik,kj->ij", x, w, map=lambda a, b: a + b),
        lambda x, w: (x[:, :, None] + w[None]).amax(1),
        [(signed(2, 3), signed(3, 4))],
    ),
    Row(
        "map_reduce causal",
        lambda x: oc.map_reduce(None, "qk->qk", x, map=lambda s, q, k: oe.where(k > q, 0.0, s)),
        torch.tril,
        [(signed(3, 3),), (signed(2, 4),)],
    ),
    Row(
        "map_reduce distance",
        lambda x, y: oc.map_reduce("sum", "ik,jk->ij", x, y, map=lambda a, b: (a - b) ** 2),
        lambda x, y: ((x[:, None] - y[None]) ** 2).sum(-1),
        [(signed(2, 3), signed(4, 3))],
    ),
    Row(
        "map_reduce mean by size",
        lambda x: oc.map_reduce("sum", "ij->j", x, map=lambda a, size_i: a / size_i),
        lambda x: x.mean(0),
        [(signed(4, 3),)],
    ),
    Row("map_reduce transpose", lambda x: oc.map_reduce(None, "ij->ji", x), lambda x: x.T, [(signed(2, 3),)]),
    Row(
        "map_reduce spread",
        lambda x: oc.map_reduce(None, "i->ji", x, sizes={"j": 2}),
        lambda x: x.expand(2, 3),
        [(signed(3),)],
    ),
    Row("map_reduce rows", lambda x: oc.map_reduce("sum", "ij->i", x), lambda x: x.sum(1), [(signed(2, 3),)]),
    Row(
        "map_reduce argmax",
        lambda x: oc.map_reduce("argmax", "ij->i", x),
        lambda x: x.argmax(1),
        [(signed(2, 3),)],
    ),
    Row("map_reduce min", lambda x: oc.map_reduce("min", "ij->", x), lambda x: x.amin(), [(signed(2, 3),)]),
]

INDEX = np.array([[2, 0, 1], [1, 1, 2]])

LAYOUT = [
    Row(
        "reshape",
        lambda x: ol.reshape(x, (3, -1)),
        lambda x: x.reshape(3, -1),
        [(signed(2, 3),), (signed(6),)],
    ),
    Row(
        "transpose",
        ol.transpose,
        lambda x: x.permute(*range(x.ndim)[::-1]),
        [(signed(2, 3, 4),), (signed(0, 2),)],
    ),
    Row(
        "transpose axes",
        lambda x: ol.transpose(x, (1, 2, 0)),
        lambda x: x.permute(1, 2, 0),
        [(signed(2, 3, 4),)],
    ),
    Row(
        "swapaxes", lambda x: ol.swapaxes(x, 0, -1), lambda x: torch.transpose(x, 0, -1), [(signed(2, 3, 4),)]
    ),
    Row("squeeze", ol.squeeze, torch.squeeze, [(signed(1, 2, 1),), (signed(1),)]),
    Row("squeeze axis", lambda x: ol.squeeze(x, 1), lambda x: torch.squeeze(x, 1), [(signed(2, 1, 3),)]),
    Row(
        "unsqueeze",
        lambda x: ol.unsqueeze(x, -1),
        lambda x: torch.unsqueeze(x, -1),
        [(signed(2, 3),), (signed(),)],
    ),
    Row(
        "flatten",
        lambda x: ol.flatten(x, 1),
        lambda x: torch.flatten(x, 1),
        [(signed(2, 3, 4),), (signed(0, 3, 2),)],
    ),
    Row(
        "broadcast_to",
        lambda x: ol.broadcast_to(x, (2, 3, 4)),
        lambda x: x.expand(2, 3, 4),
        [(signed(3, 1),), (signed(2, 1, 1),)],
    ),
    Row(
        "concatenate",
        lambda a, b: ol.concatenate([a, b], -1),
        lambda a, b: torch.cat([a, b], -1),
        [(signed(2, 3), signed(2, 1)), (signed(2, 0), signed(2, 3))],
    ),
    Row("concatenate one", lambda a: ol.concatenate([a]), lambda a: torch.cat([a]), [(signed(2, 3),)]),
    Row(
        "stack",
        lambda a, b: ol.stack([a, b], 1),
        lambda a, b: torch.stack([a, b], 1),
        [(signed(2, 3), signed(2, 3))],
    ),
    Row("split", lambda a: ol.split(a, 2)[1], lambda a: torch.split(a, 2)[1], [(signed(4, 3),)]),
    Row(
        "split sizes",
        lambda a: ol.split(a, [1, 0, 3], 1)[2],
        lambda a: torch.split(a, [1, 0, 3], 1)[2],
        [(signed(2, 4),)],
    ),
    Row(
        "flip",
        ol.flip,
        lambda x: torch.flip(x, tuple(range(x.ndim))),
        [(signed(2, 3),), (signed(1, 0),), (signed(),)],
    ),
    Row("flip axis", lambda x: ol.flip(x, -1), lambda x: torch.flip(x, (-1,)), [(signed(2, 3),)]),
    Row(
        "pad",
        lambda x: ol.pad(x, [1, 2, 0, 3], 1.5),
        lambda x: F.pad(x, [1, 2, 0, 3], value=1.5),
        [(signed(2, 3),), (signed(2, 1, 0),)],
    ),
    Row(
        "pad pairs",
        lambda x: ol.pad(x, [(1, 0), (0, 2)]),
        lambda x: F.pad(x, [0, 2, 1, 0]),
        [(signed(2, 3),)],
    ),
    Row(
        "take",
        lambda x, i: ol.take(x, i, 1),
        lambda x, i: x[:, i],
        [(signed(2, 3), INDEX), (signed(2, 3, 4), INDEX[0])],
    ),
    Row("take flat", ol.take, torch.take, [(signed(2, 3), INDEX)]),
    Row("take from the end", lambda x: ol.take(x, [-1, 0], 0), lambda x: x[[-1, 0]], [(signed(2, 3),)]),
    Row(
        "take_along_axis",
        lambda x, i: ol.take_along_axis(x, i, 1),
        lambda x, i: torch.take_along_dim(x, i, 1),
        [(signed(2, 4), INDEX), (signed(1, 4), INDEX), (signed(2, 4), INDEX[:1])],
    ),
    Row(
        "one_hot",
        lambda i: ol.one_hot(i, 4),
        lambda i: F.one_hot(i, 4),
        [(INDEX,), (INDEX[0, 0],), (INDEX[:0],)],
    ),
    Row(
        "arange",
        lambda x: x + ol.arange(3, start=2, step=-2, dtype="float32"),
        lambda x: x + torch.tensor([2.0, 0.0, -2.0]),
        [(signed(3),)],
    ),
    Row(
        "tril",
        lambda x: ol.tril(x, -1),
        lambda x: torch.tril(x, -1),
        [(signed(3, 4),), (signed(2, 3, 3),), (integers(3, 3),)],
    ),
    Row("triu", ol.triu, torch.triu, [(signed(3, 4),), (signed(0, 3, 3),), (bools(3, 3),)]),
    Row("diagonal", ol.diagonal, torch.diagonal, [(signed(3, 3),), (signed(2, 4),), (signed(3, 3, 2),)]),
    Row(
        "diagonal 1",
        lambda x: ol.diagonal(x, 1, -2, -1),
        lambda x: torch.diagonal(x, 1, -2, -1),
        [(signed(3, 3),), (signed(2, 2, 4),), (signed(2, 1),)],
    ),
    Row("diagonal -1", lambda x: ol.diagonal(x, -1), lambda x: torch.diagonal(x, -1), [(signed(4, 2),)]),
]

ROWS = [*ELEMENTWISE, *REDUCING, *CONTRACTING, *LAYOUT]

SPECIAL = np.array(
    [
        0.0,
        -0.0,
        5e-324,
        -5e-324,
        1e-310,
        1e-40,
        -1e-40,
        1e-20,
        -1e-20,
        0.5,
        1.0,
        -1.0,
        2.0,
        3.0,
        -3.0,
        2.5,
        -2.5,
        20.0,
        -20.0,
        1000.0,
        -1000.0,
        math.inf,
        -math.inf,
        math.nan,
    ]
)
"""Zeros, subnormals, break points, numbers whose exponential overflows or underflows, infinities, NaN."""
