"""Rows of sorting, ranks, quantiles and counts. Operands without ties, unless a row says so."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.tinytorch.op_table.arrays import flat
from tests.tinytorch.op_table.row import Row, bools, integers, signed, torch, with_settings
from tinytorch.ops import counting as oc
from tinytorch.ops import prefix as op
from tinytorch.ops import sorting as os

R = np.random.default_rng(11)

AWKWARD = np.array(
    [
        [0.0, -0.0, np.nan, 2.5, -np.inf, 2.5, np.inf, -1000.0, 1000.0],
        [np.nan, -np.nan, 1.0, 1.0, -0.0, 0.0, -0.0, np.inf, np.nan],
        [-np.inf, -np.inf, 3.0, 3.0, 3.0, -3.0, 0.0, 5e-324, -5e-324],
    ]
)
"""Zeros of both signs, NaN of both, infinities, and ties."""


def apart(*shape: int) -> Any:
    """Numbers at distances of a tenth at least, in any order."""
    count = int(np.prod(shape))
    return (R.permutation(count) * 0.1 - 0.05 * count + 0.02).reshape(shape)


GAPS = apart(4, 6)
GAPS[[0, 1, 1, 3], [2, 0, 5, 3]] = np.nan

SHAPES = [(apart(3, 5),), (apart(4, 1),), (apart(2, 3, 4),), (apart(0, 3),), (integers(4, 5),)]


def _sorted(axis: int, descending: bool) -> list[Row]:
    said = f"{axis}{' descending' * descending}"
    ours, theirs = {"axis": axis, "descending": descending}, {"dim": axis, "descending": descending}
    return [
        Row(
            f"sort {said}",
            with_settings(os.sort, **ours),
            lambda x: torch.sort(x, stable=True, **theirs)[0],
            [*SHAPES, (bools(3, 4),)],
        ),
        Row(
            f"sort {said} of ties",
            with_settings(os.sort, **ours),
            lambda x: torch.sort(x, stable=True, **theirs)[0],
            [(AWKWARD,)],
            is_smooth=False,
        ),
        Row(
            f"argsort {said}",
            with_settings(os.argsort, **ours),
            lambda x: torch.argsort(x, stable=True, **theirs),
            [*SHAPES, (bools(3, 4),), (AWKWARD,)],
        ),
    ]


def _first(k: int, axis: int, largest: bool) -> Row:
    return Row(
        f"topk {k} {axis} {largest}",
        flat(lambda x: os.topk(x, k, axis, largest)[:1]),
        flat(lambda x: torch.topk(x, k, axis, largest)[:1]),
        [(apart(4, 5),), (apart(3, 4, 3),)],
    )


def _places(k: int, largest: bool) -> Row:
    """torch.topk leaves ties in any order; a stable sort does not."""
    return Row(
        f"topk {k} places {largest}",
        lambda x: os.topk(x, k, -1, largest)[1],
        lambda x: torch.sort(x, dim=-1, descending=largest, stable=True)[1][..., :k],
        [(AWKWARD,), (integers(3, 200),), (R.standard_normal((3, 200)),)],
    )


def _quantiles(name: str, axis: int | None, keepdims: bool, interpolation: str) -> Row:
    ours, theirs = getattr(os, name), getattr(torch, name)
    return Row(
        f"{name} {axis} {'kept' if keepdims else 'gone'} {interpolation}",
        lambda x: ours(x, [0.0, 0.25, 0.6, 1.0], axis, keepdims, interpolation),
        lambda x: theirs(
            x,
            torch.tensor([0.0, 0.25, 0.6, 1.0], dtype=x.dtype),
            axis,
            keepdims,
            interpolation=interpolation,
        ),
        [(apart(4, 6),), (apart(5, 1),), *([(GAPS,)] if name == "nanquantile" else [])],
        is_smooth=name == "quantile",
    )


def _medians(name: str, axis: int | None, cases: list[Any]) -> Row:
    ours, theirs = getattr(os, name), getattr(torch, name)
    return Row(
        f"{name} {axis}",
        with_settings(ours, axis=axis),
        theirs if axis is None else lambda x: theirs(x, axis)[0],
        [(item,) for item in cases],
        is_smooth=name == "median",
    )


SORTING = [
    *(row for axis in (0, -1) for descending in (False, True) for row in _sorted(axis, descending)),
    Row("sort None", with_settings(os.sort, axis=None), lambda x: x.reshape(-1).sort()[0], [(apart(3, 4),)]),
    *(_first(k, axis, largest) for k, axis in ((1, 0), (3, -1), (0, 1)) for largest in (False, True)),
    *(_places(k, largest) for k in (1, 2, 7) for largest in (False, True)),
    Row(
        "kthvalue",
        flat(lambda x: os.kthvalue(x, 2, 0)[:1]),
        flat(lambda x: torch.kthvalue(x, 2, 0)[:1]),
        [(apart(4, 5),), (apart(2, 3, 2),)],
    ),
    Row(
        "kthvalue kept",
        lambda x: os.kthvalue(x, 3, 1, True)[1],
        lambda x: torch.kthvalue(x, 3, 1, True)[1],
        [(apart(4, 5),)],
    ),
    *(_medians("median", axis, [apart(4, 5), apart(3, 4), apart(1, 1)]) for axis in (None, 0, 1)),
    *(_medians("nanmedian", axis, [apart(4, 5), GAPS]) for axis in (None, 0, 1)),
    Row(
        "median of integers", with_settings(os.median, axis=1), lambda x: x.median(1)[0], [(integers(3, 6),)]
    ),
    *(
        _quantiles(name, axis, keepdims, interpolation)
        for name in ("quantile", "nanquantile")
        for axis, keepdims in ((None, False), (0, True), (1, False))
        for interpolation in os.INTERPOLATIONS
    ),
    Row(
        "quantile of one",
        lambda x: os.quantile(x, 0.3, 0),
        lambda x: torch.quantile(x, 0.3, 0),
        [(apart(4, 6),)],
    ),
]

BOUNDS = np.array([-2.0, 0.0, 0.5, 0.5, 3.0])
ROWS = np.sort(R.standard_normal((3, 7)))
VALUES = np.array([[-3.0, 0.0, 0.5], [np.nan, 3.0, np.inf], [-np.inf, 0.25, -0.0]])
WEIGHTS = R.uniform(-1, 1, 6)

COUNTING = [
    *(
        Row(
            f"searchsorted {side}",
            with_settings(oc.searchsorted, side=side),
            with_settings(torch.searchsorted, side=side),
            [(BOUNDS, VALUES), (ROWS, VALUES), (np.arange(5), integers(3, 4)), (BOUNDS, apart(0, 2))],
        )
        for side in ("left", "right")
    ),
    *(
        Row(
            f"bucketize {right}",
            with_settings(oc.bucketize, right=right),
            with_settings(torch.bucketize, right=right),
            [(VALUES, BOUNDS), (signed(), BOUNDS)],
        )
        for right in (False, True)
    ),
    Row("digitize", oc.digitize, lambda x, b: torch.bucketize(x, b, right=True), [(VALUES, BOUNDS)]),
    Row(
        "bincount",
        with_settings(oc.bincount, minlength=5),
        with_settings(torch.bincount, minlength=5),
        [(np.array([1, 3, 1, 0, 4]),), (np.zeros(0, np.int64),)],
    ),
    Row(
        "bincount of weights",
        lambda i, w: oc.bincount(i, w, 5),
        lambda i, w: torch.zeros(5, dtype=w.dtype).index_add(0, i, w),
        [(np.array([1, 3, 1, 0, 4, 4]), WEIGHTS)],
    ),
    Row(
        "histogram",
        flat(lambda x: oc.histogram(x, 4)),
        flat(lambda x: torch.histogram(x.detach(), 4)),
        [(R.standard_normal((3, 5)),)],
        orders=0,
    ),
    Row(
        "histogram of weights",
        lambda x, w: oc.histogram(x, BOUNDS, weights=w)[0],
        lambda x, w: torch.histogram(x.detach(), torch.tensor(BOUNDS, dtype=x.dtype), weight=w.detach())[0],
        [(np.array([-2.0, 3.0, 0.5, 0.49, -7.0, 1.0]), WEIGHTS)],
        is_smooth=False,
        orders=0,
    ),
]

LOGARITHMS = [
    Row(
        f"logcumsumexp {axis}",
        with_settings(op.logcumsumexp, axis=axis),
        lambda x, axis=axis: torch.logcumsumexp(x, axis),
        [(signed(3, 5),), (signed(2, 0),)],
    )
    for axis in (0, -1)
] + [
    Row(
        "logcumsumexp of far numbers",
        with_settings(op.logcumsumexp, axis=0),
        lambda x: torch.logcumsumexp(x, 0),
        [(100 * signed(4, 3),)],
        orders=1,
    ),
    Row(
        "logcumsumexp reverse",
        with_settings(op.logcumsumexp, axis=1, reverse=True),
        lambda x: torch.flip(torch.logcumsumexp(torch.flip(x, (1,)), 1), (1,)),
        [(signed(3, 5),)],
    ),
]

ORDERS = [*SORTING, *COUNTING, *LOGARITHMS]
