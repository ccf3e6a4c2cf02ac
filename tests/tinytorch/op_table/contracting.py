"""Rows of matmul, einsum and map_reduce."""

from __future__ import annotations

from tests.tinytorch.op_table.row import Row, signed, torch
from tinytorch.ops import contract as oc
from tinytorch.ops import elementwise as oe


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
