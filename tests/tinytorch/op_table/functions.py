"""Rows of the functions of mathematics."""

from __future__ import annotations

import numpy as np

from tests.tinytorch.op_table.row import Row, binary, each, integers, positive, signed, torch, with_settings
from tinytorch.ops import functions as of

UNARY = [
    each(of.exp2, torch.exp2),
    each(of.tan, torch.tan),
    each(of.trunc, torch.trunc),
    each(
        with_settings(of.nan_to_num, nan=1.5, posinf=2.5, neginf=-3.5),
        lambda x: torch.nan_to_num(x, 1.5, 2.5, -3.5),
        name="nan_to_num 1.5 2.5 -3.5",
    ),
]

FAR_APART = [(signed(3) * 1000, signed(3) * 1000), (np.full(3, -800.0), np.full(3, 3.0))]

OTHERS = [
    each(of.nan_to_num, torch.nan_to_num),
    Row("logaddexp", of.logaddexp, torch.logaddexp, [*binary(), (np.ones(3), np.ones(3))]),
    Row("logaddexp far apart", of.logaddexp, torch.logaddexp, FAR_APART, is_smooth=False, orders=1),
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

FUNCTIONS = [*UNARY, *OTHERS]
