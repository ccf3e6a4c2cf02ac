"""Rows of the ops that move elements."""

from __future__ import annotations

import numpy as np

from tests.tinytorch.op_table.row import F, Row, bools, integers, signed, torch
from tinytorch.ops import layout as ol
from tinytorch.ops import windows as ow

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
        "arange from to",
        lambda i: i + ol.arange(7, -2, -3),
        lambda i: i + torch.arange(7, -2, -3),
        [(np.arange(3),)],
    ),
    Row(
        "arange by quarters",
        lambda x: x + ol.arange(1, 2.3, 0.25, dtype=x.dtype),
        lambda x: x + torch.arange(1, 2.3, 0.25, dtype=x.dtype),
        [(signed(6),)],
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
    Row(
        "unfold",
        lambda x: ow.unfold(x, 1, 3, 2),
        lambda x: x.unfold(1, 3, 2),
        [(signed(2, 8),), (signed(2, 3, 2),), (integers(1, 7),)],
    ),
    Row(
        "sliding_window",
        lambda x: ow.sliding_window(x, (2, 3), (0, -1), (1, 2)),
        lambda x: x.unfold(0, 2, 1).unfold(1, 3, 2),
        [(signed(3, 7),), (bools(2, 4),)],
    ),
    Row(
        "sliding_window dilated",
        lambda x: ow.sliding_window(x, 2, 1, step=2, dilation=3),
        lambda x: x.unfold(1, 4, 2)[..., ::3],
        [(signed(2, 9),), (signed(0, 4),)],
    ),
    Row(
        "sliding_window of all",
        lambda x: ow.sliding_window(x, 2),
        lambda x: x.unfold(0, 2, 1),
        [(signed(4),)],
    ),
    Row(
        "fold",
        lambda x: ow.fold(x, (6, 5), (1, 2), 1, (2, 1)),
        lambda x: F.fold(x.permute(0, 3, 4, 1, 2).reshape(2, 6, 12), (6, 5), (2, 3), (2, 1))[:, 0],
        [(signed(2, 4, 3, 2, 3),)],
    ),
    Row(
        "fold strided",
        lambda x: ow.fold(x, (5, 8), (0, 1), step=(1, 3)),
        lambda x: F.fold(x.permute(2, 3, 0, 1).reshape(6, 8), (5, 8), (2, 3), 1, 0, (1, 3))[0],
        [(signed(4, 2, 2, 3),)],
    ),
]
