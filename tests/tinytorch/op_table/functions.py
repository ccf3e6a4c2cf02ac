"""Rows of the functions of mathematics."""

from __future__ import annotations

from functools import partial

import numpy as np

from tests.tinytorch.op_table.row import (
    Row,
    binary,
    each,
    integers,
    positive,
    signed,
    torch,
    with_settings,
    within,
)
from tinytorch.ops import functions as of
from tinytorch.ops.elementwise import erfinv


def odds(*shape):
    return 0.5 + within(*shape) / 2


def above_one(*shape):
    return 1.0 + positive(*shape)


def _cube_root(x):
    """torch has none; this one has no slope at 0."""
    return torch.sign(x) * torch.abs(x) ** (1 / 3)


def _log2_of_sum(x, y):
    """torch's has no second gradient."""
    return torch.logaddexp(x * np.log(2.0), y * np.log(2.0)) / np.log(2.0)


GAPS = np.array([np.nan, np.inf, -1.0, 3.0])

UNARY = [
    each(of.exp2, torch.exp2),
    each(of.log2, torch.log2, positive),
    each(of.log10, torch.log10, positive),
    each(of.logit, torch.logit, odds),
    each(of.sinc, torch.sinc),
    each(of.cbrt, _cube_root),
    each(of.asin, torch.asin, within),
    each(of.acos, torch.acos, within),
    each(of.atan, torch.atan),
    each(of.sinh, torch.sinh),
    each(of.cosh, torch.cosh),
    each(of.asinh, torch.asinh),
    each(of.acosh, torch.acosh, above_one),
    each(of.atanh, torch.atanh, within),
    each(of.tan, torch.tan),
    each(of.trunc, torch.trunc),
    each(of.frac, torch.frac),
    each(of.deg2rad, torch.deg2rad),
    each(of.rad2deg, torch.rad2deg),
    each(of.signbit, torch.signbit),
    each(of.isposinf, torch.isposinf),
    each(of.isneginf, torch.isneginf),
    each(erfinv, torch.erfinv, within),
    each(of.lgamma, torch.lgamma, orders=1),
    each(of.digamma, torch.digamma, orders=0),
    each(
        with_settings(of.nan_to_num, nan=1.5, posinf=2.5, neginf=-3.5),
        lambda x: torch.nan_to_num(x, 1.5, 2.5, -3.5),
        name="nan_to_num 1.5 2.5 -3.5",
    ),
]


POLYGAMMA = [
    each(partial(of.polygamma, n), partial(torch.polygamma, n), positive, name=f"polygamma {n}", orders=k)
    for n, k in ((0, 0), (2, 2), (5, 2))
]
"""PyTorch's trigamma is right to nine digits alone, so nothing that it is in is compared with it."""


def not_zero(*shape):
    """Integers of both signs without 0, by which PyTorch refuses to divide."""
    found = integers(*shape)
    return np.where(found == 0, 2, found)


INTEGER = [
    ("fmod", of.fmod, torch.fmod),
    ("remainder", lambda x, y: x % y, torch.remainder),
    ("floor_divide", lambda x, y: x // y, torch.floor_divide),
]

FAR_APART = [(signed(3) * 1000, signed(3) * 1000), (np.full(3, -800.0), np.full(3, 3.0))]

OTHERS = [
    each(with_settings(of.logit, eps=0.25), lambda x: torch.logit(x, 0.25), odds, name="logit 0.25"),
    Row("hypot", of.hypot, torch.hypot, binary()),
    Row("atan2", of.atan2, torch.atan2, [*binary(), (np.zeros(3), np.array([1.0, -2.0, 3.0]))]),
    Row("fmod", of.fmod, torch.fmod, [*binary(), (signed(5) * 1e6, signed(5))]),
    Row("remainder", of.remainder, torch.remainder, [*binary(), (signed(5) * 1e6, signed(5))]),
    Row("remainder operator", lambda x, y: x % y, torch.remainder, binary()),
    Row("floor_divide", of.floor_divide, torch.floor_divide, binary(), is_smooth=False, orders=0),
    Row("floor_divide operator", lambda x, y: x // y, torch.floor_divide, binary(), orders=0),
    *[Row(f"{name} of integers", ours, theirs, binary(integers, not_zero)) for name, ours, theirs in INTEGER],
    Row("copysign", of.copysign, torch.copysign, [*binary(), (signed(3), np.array([0.0, -0.0, 1.0]))]),
    each(of.nan_to_num, torch.nan_to_num),
    Row("logaddexp", of.logaddexp, torch.logaddexp, [*binary(), (np.ones(3), np.ones(3))]),
    Row("logaddexp far apart", of.logaddexp, torch.logaddexp, FAR_APART, is_smooth=False, orders=1),
    Row("logaddexp2", of.logaddexp2, _log2_of_sum, [*binary(), (np.ones(3), np.ones(3))]),
    Row(
        "xlog1py", of.xlog1py, torch.special.xlog1py, [*binary(signed, positive), (np.zeros(3), positive(3))]
    ),
    Row("ldexp", of.ldexp, torch.ldexp, binary()),
    Row("fmax", of.fmax, torch.fmax, [*binary(), (GAPS, np.ones(4)), (np.ones(4), GAPS)], is_smooth=False),
    Row("fmin", of.fmin, torch.fmin, [*binary(), (GAPS, np.ones(4)), (np.ones(4), GAPS)], is_smooth=False),
    Row(
        "heaviside",
        of.heaviside,
        torch.heaviside,
        [*binary(), (np.array([0.0, -0.0, np.nan]), signed(3))],
        is_smooth=False,
        orders=0,
    ),
    Row("xlogy", of.xlogy, torch.xlogy, [*binary(signed, positive), (np.zeros(3), positive(3))]),
    Row(
        "lerp",
        of.lerp,
        torch.lerp,
        [(signed(3), signed(3), signed(3)), (signed(2, 3), signed(3), signed(2, 1))],
    ),
    Row("isclose", of.isclose, torch.isclose, [*binary(), *binary(integers, integers)], is_smooth=False),
    Row(
        "isclose rtol",
        with_settings(of.isclose, rtol=0.5, atol=0.25, equal_nan=True),
        lambda x, y: torch.isclose(x, y, rtol=0.5, atol=0.25, equal_nan=True),
        [*binary(), (np.array([np.nan, np.inf, -np.inf, 1.0]), np.array([np.nan, np.inf, np.inf, np.nan]))],
        is_smooth=False,
    ),
]

FUNCTIONS = [*UNARY, *POLYGAMMA, *OTHERS]
