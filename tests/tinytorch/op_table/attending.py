"""Rows of attention, embeddings and the bilinear form: what networks read sequences with."""

from __future__ import annotations

import numpy as np

from tests.tinytorch.op_table.row import F, Row, signed, torch, with_settings
from tinytorch.ops import attention as oa
from tinytorch.ops import contract as oc
from tinytorch.ops import embedding as oe

R = np.random.default_rng(13)


def _attended(*mask: int, lead=(2,), length=3, seen=4):
    """Query, key and value, and a mask of a shape; no query of it but the first sees nothing."""
    found = [signed(*lead, length, 2), signed(*lead, seen, 2), signed(*lead, seen, 3)]
    if mask:
        is_seen = R.integers(0, 2, mask) == 1
        is_seen[..., 0] = True
        is_seen[..., 0, :] = False
        found.append(is_seen)
    return tuple(found)


def _weighted(masked, query, key, *masks):
    """The weights written out, as torch has no function that returns them."""
    scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
    for mask in masks:
        scores = torch.where(mask, scores, -torch.inf)
    return masked(scores)


PLACES = np.array([[0, 2, 4], [2, 2, 1]])
TABLE = signed(5, 3)
OFFSETS = np.array([0, 2, 2, 5])


def _bags(**settings):
    said = " ".join(f"{name} {value}" for name, value in settings.items())
    mine, theirs = with_settings(oe.embedding_bag, **settings), with_settings(F.embedding_bag, **settings)
    cases = [(PLACES, TABLE)]
    # PyTorch's max has no gradient by offsets that is differentiated again.
    return [
        Row(f"embedding_bag {said}", mine, theirs, cases, orders=1),
        Row(f"embedding_bag {said} offsets", mine, theirs, [(PLACES.ravel(), TABLE, OFFSETS)], orders=1),
    ]


ATTENDING = [
    Row(
        "scaled_dot_product_attention",
        oa.scaled_dot_product_attention,
        F.scaled_dot_product_attention,
        [_attended(), _attended(lead=(2, 1, 2)), _attended(3, 4), _attended(2, 1, 4), _attended(lead=())],
    ),
    Row(
        "scaled_dot_product_attention causal",
        with_settings(oa.scaled_dot_product_attention, is_causal=True, scale=0.3),
        with_settings(F.scaled_dot_product_attention, is_causal=True, scale=0.3),
        [_attended(), _attended(length=4, seen=2)],
    ),
    Row(
        "scaled_dot_product_attention added",
        oa.scaled_dot_product_attention,
        F.scaled_dot_product_attention,
        [(*_attended(), signed(2, 3, 4)), (*_attended(), signed(4))],
    ),
    Row(
        "attend in blocks",
        with_settings(oa.attend, is_causal=True),
        with_settings(F.scaled_dot_product_attention, is_causal=True),
        [_attended(lead=(), length=129, seen=129), _attended(lead=(), length=129, seen=100)],
    ),
    Row(
        "attention_weights",
        lambda query, key: oa.attention_weights(query, key),
        lambda query, key: _weighted(lambda scores: scores.softmax(-1), query, key),
        [_attended()[:2]],
    ),
    Row("embedding", oe.embedding, F.embedding, [(PLACES, TABLE), (np.array(1), TABLE), (PLACES[:0], TABLE)]),
    Row(
        "embedding padded",
        with_settings(oe.embedding, padding_idx=-3),
        with_settings(F.embedding, padding_idx=-3),
        [(PLACES, TABLE)],
        is_smooth=False,  # the row at padding_idx is read and has no gradient
    ),
    *_bags(mode="sum"),
    *_bags(mode="mean"),
    *_bags(mode="max"),
    *_bags(mode="sum", padding_idx=2),
    *_bags(mode="mean", padding_idx=2),
    *_bags(mode="max", padding_idx=2),
    Row(
        "embedding_bag weighted",
        lambda i, w, s: oe.embedding_bag(i, w, mode="sum", per_sample_weights=s),
        lambda i, w, s: F.embedding_bag(i, w, mode="sum", per_sample_weights=s),
        [(PLACES, TABLE, signed(2, 3))],
        orders=1,
    ),
    Row(
        "bilinear",
        oc.bilinear,
        F.bilinear,
        [
            (signed(4, 2), signed(4, 3), signed(2, 2, 3), signed(2)),
            (signed(1, 2, 2), signed(1, 2, 1), signed(3, 2, 1)),
        ],
    ),
]
