"""Rows of what lays tensors beside each other, and of what is made of vectors."""

from __future__ import annotations

import numpy as np

from tests.tinytorch.op_table.arrays import flat
from tests.tinytorch.op_table.row import Row, integers, positive, signed, torch, with_settings
from tinytorch.ops import joining as oj
from tinytorch.ops import vectors as ov


def several(function):
    """A function of a list of tensors as one of several operands."""
    return lambda *operands: function(operands)


def at_least(ours, theirs):
    return Row(ours.__name__, ours, theirs, [(signed(),), (signed(3),), (signed(2, 3),), (signed(2, 1, 3),)])


def _powers(x):
    """The other way around than torch.linalg has it; torch.vander has no gradients."""
    return torch.flip(torch.linalg.vander(x), (-1,))


JOINED = [
    at_least(oj.atleast_1d, torch.atleast_1d),
    at_least(oj.atleast_2d, torch.atleast_2d),
    at_least(oj.atleast_3d, torch.atleast_3d),
    Row(
        "hstack",
        several(oj.hstack),
        several(torch.hstack),
        [(signed(2), signed(3)), (signed(2, 3), signed(2, 1)), (signed(), signed(2))],
    ),
    Row("vstack", several(oj.vstack), several(torch.vstack), [(signed(3), signed(2, 3)), (signed(),)]),
    Row("dstack", several(oj.dstack), several(torch.dstack), [(signed(3), signed(3)), (signed(2, 3, 2),)]),
    Row("column_stack", several(oj.column_stack), several(torch.column_stack), [(signed(3), signed(3, 2))]),
    Row(
        "block_diag",
        oj.block_diag,
        torch.block_diag,
        [(signed(2, 3), signed(3), signed(), signed(1, 2)), (signed(2, 2),), (signed(0, 2), signed(2, 1))],
    ),
    Row(
        "broadcast_arrays",
        flat(oj.broadcast_arrays),
        flat(torch.broadcast_tensors),
        [(signed(3), signed(2, 1), signed())],
    ),
    Row(
        "array_split",
        flat(lambda x: oj.array_split(x, 3, axis=1)),
        flat(lambda x: torch.tensor_split(x, 3, 1)),
        [(signed(2, 7),), (signed(2, 2),)],
    ),
    Row(
        "array_split places",
        flat(lambda x: oj.array_split(x, [1, 1, 5])),
        flat(lambda x: torch.tensor_split(x, [1, 1, 5])),
        [(signed(7),), (signed(3, 2),)],
    ),
    Row(
        "unflatten",
        lambda x: oj.unflatten(x, 1, (2, -1)),
        lambda x: torch.unflatten(x, 1, (2, -1)),
        [(signed(2, 6, 3),)],
    ),
    *[
        Row(
            f"rot90 {k}",
            with_settings(oj.rot90, k=k, axes=(1, 0)),
            lambda x, k=k: torch.rot90(x, k, (1, 0)),
            [(signed(2, 3, 2),)],
        )
        for k in (-1, 0, 1, 2)
    ],
    Row(
        "cartesian_prod",
        oj.cartesian_prod,
        torch.cartesian_prod,
        [(signed(2), signed(3), signed(1)), (signed(3),)],
    ),
]

VECTORS = [
    Row(
        "inner",
        ov.inner,
        torch.inner,
        [(signed(3), signed(3)), (signed(2, 3), signed(4, 3)), (signed(), signed(2))],
    ),
    Row("vecdot", ov.vecdot, torch.linalg.vecdot, [(signed(3), signed(2, 3)), (signed(0), signed(0))]),
    Row(
        "vecdot 0",
        with_settings(ov.vecdot, axis=0),
        lambda x, y: torch.linalg.vecdot(x, y, dim=0),
        [(signed(3, 2), signed(3, 2))],
    ),
    Row("cross", ov.cross, torch.linalg.cross, [(signed(3), signed(3)), (signed(2, 3), signed(1, 3))]),
    Row(
        "cross 0",
        with_settings(ov.cross, axis=0),
        lambda x, y: torch.linalg.cross(x, y, dim=0),
        [(signed(3, 2), signed(3, 2))],
    ),
    Row("vander", ov.vander, _powers, [(signed(3),), (integers(4),)]),
    Row(
        "vander 5",
        with_settings(ov.vander, count=5, increasing=True),
        lambda x: torch.linalg.vander(x, N=5),
        [(signed(3),)],
    ),
    Row("cov", ov.cov, torch.cov, [(signed(3, 5),), (signed(4),), (signed(1, 4),)]),
    Row(
        "cov 0", with_settings(ov.cov, correction=0), lambda x: torch.cov(x, correction=0), [(signed(3, 5),)]
    ),
    Row("corrcoef", ov.corrcoef, torch.corrcoef, [(signed(3, 5),)], is_smooth=False, orders=0),
    Row(
        "cdist",
        ov.cdist,
        torch.cdist,
        [(signed(3, 2), signed(4, 2)), (signed(2, 3, 2), signed(4, 2))],
        orders=1,
    ),
    *[
        Row(
            f"cdist {p}",
            with_settings(ov.cdist, p=p),
            lambda x, y, p=p: torch.cdist(x, y, p),
            [(signed(3, 2), signed(4, 2))],
            is_smooth=p not in (0.0, np.inf),
            orders=1,
        )
        for p in (0.0, 1.0, 1.5, 3.0, np.inf)
    ],
    Row(
        "trapezoid",
        ov.trapezoid,
        torch.trapezoid,
        [(signed(2, 4),), (signed(2, 4), signed(4)), (signed(2, 4), signed(2, 4)), (signed(1),)],
    ),
    Row(
        "trapezoid 0.5",
        lambda y: ov.trapezoid(y, dx=0.5, axis=0),
        lambda y: torch.trapezoid(y, dx=0.5, dim=0),
        [(signed(4, 2),)],
    ),
    Row(
        "cumulative_trapezoid",
        ov.cumulative_trapezoid,
        torch.cumulative_trapezoid,
        [(signed(2, 4),), (signed(2, 4), signed(4))],
    ),
    Row(
        "logspace",
        lambda x: x + ov.logspace(-1, 2, 5),
        lambda x: x + torch.logspace(-1, 2, 5),
        [(signed(5),)],
    ),
    Row(
        "logspace 2",
        lambda x: x + ov.logspace(0, 3, 4, base=2),
        lambda x: x + torch.logspace(0, 3, 4, base=2),
        [(positive(4),)],
    ),
]

JOINING = [*JOINED, *VECTORS]
