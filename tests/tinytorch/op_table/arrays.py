"""Rows of what is made of other ops: products, repetitions, axes, and tensors of a shape alone."""

from __future__ import annotations

import numpy as np

from tests.tinytorch.op_table.row import Row, bools, integers, signed, torch, with_settings
from tinytorch.ops import arrays as oa
from tinytorch.ops import making as om
from tinytorch.ops import reduce as orr
from tinytorch.ops.layout import concatenate

ZEROS = np.array([[2.0, 0.0, 3.0], [0.0, 0.0, 1.5], [0.5, -2.0, 4.0]])
GAPS = np.array([[1.0, np.nan, 3.0], [np.nan, 2.5, -1.5]])


def flat(function):
    """A function of several results as one of all their elements."""

    def joined(*operands):
        found = function(*operands)
        if isinstance(found[0], torch.Tensor):
            return torch.cat([item.reshape(-1) for item in found])
        return concatenate([item.reshape([-1]) for item in found])

    return joined


REDUCTIONS = [
    Row("prod", orr.prod, torch.prod, [(signed(2, 3),), (signed(),), (signed(0),), (integers(2, 3),)]),
    Row("prod of zeros", with_settings(orr.prod, axis=1), lambda x: torch.prod(x, 1), [(ZEROS,)], orders=1),
    Row(
        "prod 0",
        with_settings(orr.prod, axis=0),
        lambda x: torch.prod(x, 0),
        [(signed(3, 2),), (signed(0, 2),)],
    ),
    Row(
        "prod kept",
        with_settings(orr.prod, axis=(0, 2), keepdims=True),
        lambda x: torch.prod(torch.prod(x, 2, True), 0, True),
        [(signed(2, 3, 2),)],
    ),
    Row("var_mean", flat(oa.var_mean), flat(torch.var_mean), [(signed(3, 4),)]),
    Row(
        "var_mean 1",
        flat(with_settings(oa.var_mean, axis=1)),
        flat(lambda x: torch.var_mean(x, 1)),
        [(signed(3, 4),)],
    ),
    Row("std_mean", flat(oa.std_mean), flat(torch.std_mean), [(signed(3, 4),)]),
    Row("nansum", oa.nansum, torch.nansum, [(signed(2, 3),), (GAPS,)], is_smooth=False),
    Row(
        "nansum 1", with_settings(oa.nansum, axis=1), lambda x: torch.nansum(x, 1), [(GAPS,)], is_smooth=False
    ),
    Row("nanmean", oa.nanmean, torch.nanmean, [(signed(2, 3),), (GAPS,)], is_smooth=False),
    Row(
        "nanmean 0",
        with_settings(oa.nanmean, axis=0),
        lambda x: torch.nanmean(x, 0),
        [(GAPS,)],
        is_smooth=False,
    ),
    Row("count_nonzero", orr.count_nonzero, torch.count_nonzero, [(ZEROS,), (integers(3, 4),), (bools(5),)]),
    Row(
        "count_nonzero 1",
        with_settings(orr.count_nonzero, axis=1),
        lambda x: torch.count_nonzero(x, 1),
        [(ZEROS,)],
    ),
    Row("max amax", with_settings(orr.amax, axis=1), lambda x: torch.amax(x, 1), [(signed(2, 3),)]),
    Row("min amin", with_settings(orr.amin, axis=(0, 1)), lambda x: torch.amin(x, (0, 1)), [(signed(2, 3),)]),
]

REPETITIONS = [
    Row(
        "tile",
        lambda x: oa.tile(x, (2, 3)),
        lambda x: torch.tile(x, (2, 3)),
        [(signed(2, 3),), (signed(3),), (signed(2, 1, 3),)],
    ),
    Row("tile 0", lambda x: oa.tile(x, 0), lambda x: torch.tile(x, (0,)), [(signed(3),)]),
    Row(
        "repeat each",
        lambda x: oa.repeat(x, [2, 0, 1], axis=1),
        lambda x: torch.repeat_interleave(x, torch.tensor([2, 0, 1]), 1),
        [(signed(2, 3),)],
    ),
    Row("repeat", lambda x: oa.repeat(x, 3), lambda x: torch.repeat_interleave(x, 3), [(signed(2, 3),)]),
    Row(
        "repeat 1",
        lambda x: oa.repeat(x, 2, 1),
        lambda x: torch.repeat_interleave(x, 2, 1),
        [(signed(2, 3),), (signed(2, 0),)],
    ),
    Row("roll", lambda x: oa.roll(x, 2), lambda x: torch.roll(x, 2), [(signed(2, 3),), (signed(0),)]),
    Row(
        "roll 1",
        lambda x: oa.roll(x, (-1, 4), (0, 1)),
        lambda x: torch.roll(x, (-1, 4), (0, 1)),
        [(signed(2, 3),)],
    ),
]

AXES = [
    Row("moveaxis", lambda x: oa.moveaxis(x, 0, -1), lambda x: torch.movedim(x, 0, -1), [(signed(2, 3, 4),)]),
    Row(
        "moveaxis 2",
        lambda x: oa.moveaxis(x, (0, 2), (1, 0)),
        lambda x: torch.movedim(x, (0, 2), (1, 0)),
        [(signed(2, 3, 4),)],
    ),
    Row(
        "permute",
        lambda x: oa.permute(x, (2, 0, 1)),
        lambda x: torch.permute(x, (2, 0, 1)),
        [(signed(2, 3, 4),)],
    ),
    Row(
        "expand",
        lambda x: oa.expand(x, (4, -1, 3)),
        lambda x: x.expand(4, -1, 3),
        [(signed(2, 1),), (signed(1, 2, 3),)],
    ),
    Row(
        "chunk",
        flat(lambda x: oa.chunk(x, 3, 1)),
        flat(lambda x: torch.chunk(x, 3, 1)),
        [(signed(2, 7),), (signed(2, 2),)],
    ),
    Row("unstack", flat(lambda x: oa.unstack(x, 1)), flat(lambda x: torch.unbind(x, 1)), [(signed(2, 3),)]),
    Row(
        "masked_fill",
        lambda x, m: oa.masked_fill(x, m, 2.5),
        lambda x, m: torch.masked_fill(x, m, 2.5),
        [(signed(2, 3), bools(2, 3)), (signed(2, 3), bools(3))],
    ),
]

PRODUCTS = [
    Row("dot", oa.dot, torch.dot, [(signed(3), signed(3)), (signed(0), signed(0))]),
    Row("dot of matrices", oa.dot, torch.matmul, [(signed(2, 3), signed(3, 2)), (signed(2, 3), signed(3))]),
    Row("dot of a number", oa.dot, torch.mul, [(signed(), signed(3))]),
    Row("vdot", oa.vdot, torch.vdot, [(signed(3), signed(3))]),
    Row("tensordot", oa.tensordot, torch.tensordot, [(signed(2, 3, 4), signed(3, 4, 2))]),
    Row(
        "tensordot 0",
        lambda x, y: oa.tensordot(x, y, 0),
        lambda x, y: torch.tensordot(x, y, 0),
        [(signed(2), signed(3))],
    ),
    Row(
        "tensordot pairs",
        lambda x, y: oa.tensordot(x, y, ([1, 0], [0, 1])),
        lambda x, y: torch.tensordot(x, y, ([1, 0], [0, 1])),
        [(signed(2, 3, 4), signed(3, 2))],
    ),
    Row(
        "kron",
        oa.kron,
        torch.kron,
        [(signed(2, 3), signed(3, 2)), (signed(2), signed(2, 2)), (signed(), signed(3))],
    ),
    Row("trace", oa.trace, torch.trace, [(signed(3, 3),), (signed(2, 4),)]),
    Row(
        "trace 1",
        lambda x: oa.trace(x, 1, 1, 2),
        lambda x: torch.diagonal(x, 1, 1, 2).sum(-1),
        [(signed(2, 3, 3),)],
    ),
]

MADE = [
    Row("zeros", lambda x: x + om.zeros((2, 3)), lambda x: x + torch.zeros(2, 3), [(signed(3),)]),
    Row("ones", lambda x: x + om.ones((2, 3)), lambda x: x + torch.ones(2, 3), [(signed(3),)]),
    Row("full", lambda x: x + om.full((2, 3), 2.5), lambda x: x + torch.full((2, 3), 2.5), [(signed(3),)]),
    Row("zeros_like", om.zeros_like, torch.zeros_like, [(signed(2, 3),), (integers(3),), (bools(2),)]),
    Row("ones_like", om.ones_like, torch.ones_like, [(signed(2, 3),), (integers(3),), (bools(2),)]),
    Row(
        "full_like",
        lambda x: om.full_like(x, 2),
        lambda x: torch.full_like(x, 2),
        [(signed(2, 3),), (integers(3),)],
    ),
    Row(
        "eye",
        lambda x: x @ om.eye(3, 4, k=1, dtype=x.dtype),
        lambda x: x @ torch.tensor(np.eye(3, 4, 1)).to(x.dtype),
        [(signed(2, 3),)],
    ),
    Row(
        "linspace",
        lambda x: x * om.linspace(-1, 2.5, 7, dtype=x.dtype),
        lambda x: x * torch.linspace(-1, 2.5, 7, dtype=x.dtype),
        [(signed(7),)],
    ),
    Row(
        "meshgrid",
        flat(om.meshgrid),
        flat(lambda *v: torch.meshgrid(*v, indexing="ij")),
        [(signed(2), signed(3)), (signed(2), signed(3), signed(1))],
    ),
    Row(
        "meshgrid xy",
        flat(with_settings(om.meshgrid, indexing="xy")),
        flat(lambda *v: torch.meshgrid(*v, indexing="xy")),
        [(signed(2), signed(3))],
    ),
]

ARRAYS = [*REDUCTIONS, *REPETITIONS, *AXES, *PRODUCTS, *MADE]
