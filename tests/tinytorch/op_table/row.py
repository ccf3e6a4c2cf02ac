"""What a row of the table is, torch if it is there, and operands to try ops on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

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


def each(ours: Any, theirs: Any, make: Callable[..., Any] = signed, *, name: str = "", **fields: Any) -> Row:
    """The row of a function of one operand."""
    return Row(name or ours.__name__, ours, theirs, unary(make), **fields)


def integers(*shape: int) -> Any:
    return R.integers(-3, 4, shape)


def counts(*shape: int) -> Any:
    """By how many places bits are moved: some out of range."""
    return R.choice([-70, -1, 0, 1, 3, 31, 32, 63, 64, 1000], shape)


def bools(*shape: int) -> Any:
    return R.integers(0, 2, shape) == 1


def with_settings(ours: Any, /, **settings: Any) -> Callable[..., Any]:
    return lambda *operands: ours(*operands, **settings)


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
