"""Rows of what reads and changes elements where indices say, and of the keys of NumPy."""

from __future__ import annotations

import numpy as np

from tests.tinytorch.op_table.row import R, Row, integers, signed, torch
from tinytorch.ops import diagonals as od
from tinytorch.ops import scattering as os
from tinytorch.tensor import as_tensor

ROWS = np.array([2, 0, 2])
"""Indices of which one is there twice."""
APART = np.array([2, 0])
PAIRS = np.array([[2, 0, 1], [1, 1, 2]])
OTHER = np.array([[0, 3, 1], [2, 2, 0]])
MASK = np.array([[True, False, True, True], [False, False, True, False], [True, True, False, True]])
IDS = np.array([2, 0, 2, 3])


def ties(*shape: int) -> np.ndarray:
    """Few values, so that many are equal."""
    return R.integers(0, 3, shape) + 0.25


def last(x, rows, values, axis=0):
    """What is set one after the other, which `index_put` does in no order for several threads."""
    for k, row in enumerate(rows.tolist()):
        x = torch.select_scatter(x, torch.select(values, axis, k), axis, row)
    return x


def along(x, axis, indices, values):
    """`scatter` one after the other: PyTorch has no order, and gives every value a gradient."""
    for place in np.ndindex(*indices.shape):
        at = list(place)
        at[axis] = int(indices[place])
        mask = torch.zeros(x.shape, dtype=torch.bool)
        mask[tuple(at)] = True
        x = torch.where(mask, values[place], x)
    return x


READ = [
    Row(
        "index_put of rows and columns",
        lambda x, i, j, v: os.index_put(x, (i, j), v, accumulate=True),
        lambda x, i, j, v: torch.index_put(x, (i, j), v, accumulate=True),
        [(signed(3, 4), PAIRS, OTHER, signed(2, 3)), (signed(3, 4, 2), PAIRS[0], OTHER, signed(2, 3, 2))],
    ),
    Row(
        "index_put",
        lambda x, i, j, v: os.index_put(x, (i, j), v),
        lambda x, i, j, v: torch.index_put(x, (i, j), v),
        [(signed(3, 4), ROWS, OTHER[0], signed(3)), (signed(3, 4), ROWS[:0], ROWS[:0], signed(0))],
    ),
    Row("gather", lambda x, i: os.gather(x, 1, i), lambda x, i: torch.gather(x, 1, i),
        [(signed(2, 4), PAIRS), (signed(3, 4), PAIRS), (signed(2, 4), PAIRS[:, :0])]),
    Row("index_select", lambda x, i: os.index_select(x, 1, i), lambda x, i: torch.index_select(x, 1, i),
        [(signed(2, 4), ROWS), (signed(2, 4, 0), ROWS)]),
    Row("masked_select", lambda x: os.masked_select(x, MASK), lambda x: x[torch.tensor(MASK)],
        [(signed(3, 4),)]),
    Row("masked_select of a row", lambda x: os.masked_select(x, MASK),
        lambda x: torch.masked_select(x, torch.tensor(MASK)), [(signed(4),), (signed(2, 3, 4),)]),
]  # fmt: skip

WRITTEN = [
    Row("index_add", lambda x, i, v: os.index_add(x, 0, i, v, alpha=2),
        lambda x, i, v: torch.index_add(x, 0, i, v, alpha=2),
        [(signed(3, 4), ROWS, signed(3, 4)), (signed(3), ROWS, signed(3)), (signed(3, 0), ROWS, signed(3, 0)),
         (signed(3, 4), ROWS[:0], signed(0, 4))]),
    Row("index_add 1", lambda x, i, v: os.index_add(x, 1, i, v), lambda x, i, v: torch.index_add(x, 1, i, v),
        [(signed(2, 3, 4), ROWS, signed(2, 3, 4)), (integers(2, 3), ROWS, integers(2, 3))]),
    Row("index_copy", lambda x, i, v: os.index_copy(x, 0, i, v), last,
        [(signed(3, 4), ROWS, signed(3, 4)), (signed(3, 4), APART, signed(2, 4))]),
    Row("index_copy known", lambda x, v: os.index_copy(x, 1, [0, -1], v),
        lambda x, v: torch.index_copy(x, 1, torch.tensor([0, 2]), v), [(signed(2, 3), signed(2, 2))]),
    Row("index_fill", lambda x, i: os.index_fill(x, 1, i, 1.5), lambda x, i: torch.index_fill(x, 1, i, 1.5),
        [(signed(2, 3), ROWS), (signed(2, 3), ROWS[:0])]),
    Row("scatter", lambda x, i, v: os.scatter(x, 1, i, v), lambda x, i, v: along(x, 1, i, v),
        [(signed(2, 4), PAIRS, signed(2, 3)), (signed(3, 4), PAIRS, signed(2, 3)),
         (signed(2, 4), PAIRS, signed(3, 4))]),
    Row("scatter number", lambda x, i: os.scatter(x, 0, i, -2), lambda x, i: torch.scatter(x, 0, i, -2),
        [(signed(4, 3), PAIRS), (integers(3, 5), PAIRS)]),
    Row("scatter_add", lambda x, i, v: os.scatter_add(x, 1, i, v),
        lambda x, i, v: torch.scatter_add(x, 1, i, v[: len(i), : i.shape[1]]),
        [(signed(2, 4), PAIRS, signed(2, 3)), (signed(3, 4), PAIRS, signed(3, 4)),
         (integers(2, 4), PAIRS, integers(2, 3))]),
    *[
        Row(f"scatter_reduce {how} {kept}",
            lambda x, i, v, how=how, kept=kept: os.scatter_reduce(x, 1, i, v, how, include_self=kept),
            lambda x, i, v, how=how, kept=kept: torch.scatter_reduce(x, 1, i, v, how, include_self=kept),
            [(ties(2, 4) if kept else signed(2, 4), PAIRS, ties(2, 3)), (signed(3, 4), PAIRS, signed(2, 3))],
            is_smooth=how in ("sum", "mean"))
        for how in ("sum", "mean", "amax", "amin") for kept in (True, False)
        # PyTorch counts an x that is left out among equal winners, so that a part of the gradient is lost
    ],
    Row("scatter_reduce prod", lambda x, v: os.scatter_reduce(x, 1, [[2, 0], [1, 3]], v, "prod"),
        lambda x, v: torch.scatter_reduce(x, 1, torch.tensor([[2, 0], [1, 3]]), v, "prod"),
        [(signed(2, 4), signed(2, 2))]),
    Row("put_along_axis", lambda x, v: os.put_along_axis(x, [[-1, 0]], v, 1),
        lambda x, v: torch.scatter(x, 1, torch.tensor([[3, 0]] * 2), v), [(signed(2, 4), signed(2, 2))]),
    Row("masked_scatter", lambda x, v: os.masked_scatter(x, MASK, v),
        lambda x, v: torch.masked_scatter(x, torch.tensor(MASK), v), [(signed(3, 4), signed(8))]),
    Row("slice_scatter", lambda x, v: os.slice_scatter(x, v, 1, 1, 6, 2),
        lambda x, v: torch.slice_scatter(x, v, 1, 1, 6, 2),
        [(signed(2, 6), signed(2, 3)), (signed(0, 6), signed(0, 3))]),
    Row("select_scatter", lambda x, v: os.select_scatter(x, v, 1, -2),
        lambda x, v: torch.select_scatter(x, v, 1, -2), [(signed(2, 6), signed(2))]),
]  # fmt: skip


def _segments(how):
    def theirs(x, i):
        index = i.reshape(-1, *[1] * (x.ndim - 1)).expand(x.shape)
        start = torch.full(
            (4, *x.shape[1:]), {"amax": -torch.inf, "amin": torch.inf}.get(how, 0.0), dtype=x.dtype
        )
        return torch.scatter_reduce(start, 0, index, x, how, include_self=how != "mean")

    return theirs


SEGMENTS = [
    Row(name, lambda x, i, ours=ours: ours(x, i, 4), _segments(how),
        [(signed(4, 3), IDS), (ties(4), IDS), (signed(0, 3), IDS[:0])], is_smooth=how in ("sum", "mean"))
    for name, ours, how in [
        ("segment_sum", os.segment_sum, "sum"), ("segment_mean", os.segment_mean, "mean"),
        ("segment_max", os.segment_max, "amax"), ("segment_min", os.segment_min, "amin"),
    ]
]  # fmt: skip
SEGMENTS.append(
    Row(
        "segment_prod",
        lambda x: os.segment_prod(x, [2, 0, 1], 4),
        lambda x: torch.cat([x[1:], x[:1], torch.ones_like(x[:1])]),
        [(signed(3, 2),)],
    )
)

KEYS = {
    "pairs": (PAIRS, OTHER),
    "apart": (PAIRS, slice(None), [1, 0, 2]),
    "in place": (slice(None), OTHER, PAIRS),
    "in steps": (ROWS, slice(0, 3, 2), [1, 0, 1]),
    "mask": (MASK,),
    "mask behind": (slice(None, 2), MASK.T),
    "place between": (ROWS, 1, [1, 0, 1]),
    "place before": (1, slice(None), [1, 0, 1]),
    "new axes": (None, ROWS, None, [[0], [1]]),
    "slices": (slice(2, None), slice(1, 3)),
    "ints": (1, -1),
}
SHAPE = (3, 4, 3)


def _theirs(key):
    return tuple(torch.tensor(item) if isinstance(item, list | np.ndarray) else item for item in key)


def _rows(name, key):
    """What a key reads, and the sum with values there; values of fewer axes broadcast."""
    shape = (
        np.zeros(SHAPE)[key].shape if name != "place before" else (4, 3)
    )  # an int picks first, as in torch
    given = [(signed(*SHAPE), signed(*shape)), (signed(*SHAPE), signed(*shape[-1:]))]
    return [
        Row(f"gather x[{name}]", lambda x: as_tensor(x)[key], lambda x: x[_theirs(key)], [(signed(*SHAPE),)]),
        Row(f"index_put x[{name}]", lambda x, v: os.index_put(x, key, v, accumulate=True),
            lambda x, v: _added(x, _theirs(key), v), given),
    ]  # fmt: skip


def _added(x, key, values):
    places = torch.arange(x.numel()).reshape(x.shape)[key]
    return (
        x.reshape(-1)
        .index_add(0, places.reshape(-1), values.expand(places.shape).reshape(-1))
        .reshape(x.shape)
    )


DIAGONALS = [
    Row("diag", od.diag, torch.diag, [(signed(3),), (signed(3, 4),), (signed(0),)]),
    Row("diag -2", lambda x: od.diag(x, -2), lambda x: torch.diag(x, -2), [(signed(3),), (signed(3, 4),)]),
    Row("diag_embed", lambda x: od.diag_embed(x, 1, 0, -1), lambda x: torch.diag_embed(x, 1, 0, -1),
        [(signed(2, 3),), (signed(3),), (integers(2, 0),)]),
    Row("diagonal_scatter", lambda x, v: od.diagonal_scatter(x, v, -1),
        lambda x, v: torch.diagonal_scatter(x, v, -1),
        [(signed(4, 3), signed(3)), (signed(3, 5), signed(2)), (signed(3, 3, 2), signed(2, 2))]),
    Row("fill_diagonal", lambda x: od.fill_diagonal(x, 1.5),
        lambda x: torch.diagonal_scatter(x, torch.full((3,), 1.5, dtype=x.dtype)),
        [(signed(4, 3),), (signed(3, 3),)]),
]  # fmt: skip

KEYED = [row for name, key in KEYS.items() for row in _rows(name, key)]
SCATTERING = [*READ, *WRITTEN, *KEYED, *SEGMENTS, *DIAGONALS]
