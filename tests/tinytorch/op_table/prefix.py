"""Rows of the prefix reductions."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.tinytorch.op_table.row import Row, bools, integers, signed, torch
from tinytorch.ops import prefix as op

ZEROS = np.where(np.random.default_rng(3).random((3, 5, 2)) < 0.3, 0.0, signed(3, 5, 2))
"""With no, one and several zeros in a row."""

TIES = np.random.default_rng(4).integers(-2, 3, (3, 7)).astype(np.float64)


def _of_torch(name: str, x: Any, axis: int, reverse: bool) -> Any:
    given = torch.flip(x, (axis,)) if reverse else x
    found = getattr(torch, name)(given, axis)
    found = found[0] if isinstance(found, tuple) else found
    return torch.flip(found, (axis,)) if reverse else found


def _row(name: str, axis: int, reverse: bool) -> Row:
    picks = name in ("cummax", "cummin")
    cases = [
        (signed(3, 4, 2),),
        (signed(2, 3, 1),),
        (signed(0, 2, 3),),
        (integers(2, 5, 2),),
        (bools(2, 4, 2),),
    ]
    cases += [] if picks else [(ZEROS,)]
    return Row(
        f"{name} {axis}{' reverse' * reverse}",
        lambda x: getattr(op, name)(x, axis, reverse=reverse),
        lambda x: _of_torch(name, x, axis, reverse),
        cases,
    )


NAMES = ("cumsum", "cumprod", "cummax", "cummin")

PREFIX = [
    *(_row(name, axis, reverse) for name in NAMES for axis in (0, -2) for reverse in (False, True)),
    *(
        Row(
            f"{name} of all",
            getattr(op, name),
            lambda x, n=name: _of_torch(n, x.reshape(-1), 0, False),
            [(signed(2, 3),), (signed(),)],
        )
        for name in NAMES
    ),
    *(
        Row(
            f"{name} of ties",
            lambda x, n=name: getattr(op, n)(x, 1),
            lambda x, n=name: _of_torch(n, x, 1, False),
            [(TIES,)],
            is_smooth=False,
        )
        for name in ("cummax", "cummin")
    ),
]
