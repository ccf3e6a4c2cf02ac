"""Counts of sequences of tokens."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

import numpy as np

from tinytorch.onnx.calling.checks import of_rank
from tinytorch.onnx.calling.operator import operator
from tinytorch.onnx.calling.values import Array, Unsupported, Value, dtype_name, known_of, tensor_of
from tinytorch.ops.layout import concatenate
from tinytorch.ops.making import zeros
from tinytorch.tensor import Tensor, as_tensor

_MOST: Final = 2**26


@operator("TfIdfVectorizer", since=9, limits="Texts have to be known before a call.")
def counted(
    x: Value, *, mode: str, ngram_indexes: list[int], ngram_counts: list[int], max_skip_count: int,
    min_gram_length: int, max_gram_length: int, weights: list[float] | None = None,
    pool_int64s: list[int] | None = None, pool_strings: list[str] | None = None,
) -> Tensor:  # fmt: skip
    """How often each of many sequences of tokens is in a row, in the places that they have in the result."""
    pool: Array = np.array(pool_int64s or [], dtype=np.int64)
    if pool_strings:
        words = {word: number for number, word in enumerate(dict.fromkeys(pool_strings))}
        pool = np.array([words[word] for word in pool_strings], dtype=np.int64)
        given = known_of(x)
        x = np.array([words.get(str(item), -1) for item in given.flat], dtype=np.int64).reshape(given.shape)
    elif dtype_name(x) == "object":
        raise Unsupported("texts are counted among texts")
    tokens = tensor_of(x).astype("int64")
    rows = tokens.unsqueeze(0) if tokens.ndim == 1 else tokens
    of_rank(rows, 2)
    ends = [*ngram_counts, len(pool)]
    _check(ends, ngram_indexes, weights, max_skip_count)
    found = zeros((rows.shape[0], 0), dtype="float32")
    for size in range(1, len(ngram_counts) + 1):
        grams = pool[ends[size - 1] : ends[size]].reshape(-1, size)
        is_counted = min_gram_length <= size <= max_gram_length
        found = concatenate([found, _counts(rows, grams, max_skip_count if is_counted else -1)], 1)
    found = _weighted(found, mode, weights)
    columns = np.zeros((len(ngram_indexes), max(ngram_indexes) + 1), dtype=np.float32)
    columns[np.arange(len(ngram_indexes)), ngram_indexes] = 1
    result = found @ columns
    return result.squeeze(0) if tokens.ndim == 1 else result


def _check(ends: list[int], places: list[int], weights: list[float] | None, skips: int) -> None:
    """Raises Unsupported for a pool that is not cut into sequences, each of them with a place."""
    sizes = [end - start for start, end in pairwise(ends)]
    if any(size < 0 or size % k for k, size in enumerate(sizes, 1)):
        raise Unsupported(f"ngram_counts {ends[:-1]} do not cut a pool of {ends[-1]} into sequences")
    many = sum(size // k for k, size in enumerate(sizes, 1))
    if len(places) != many or (weights and len(weights) != many):
        raise Unsupported(f"{many} sequences have {len(places)} places and {len(weights or ())} weights")
    if not places or min(places) < 0 or many * max(places) > _MOST or not 0 <= skips < 2**10:
        raise Unsupported(f"{many} sequences with {skips} skips, in places up to {max(places, default=0)}")


def _counts(rows: Tensor, grams: Array, skips: int) -> Tensor:
    """How often each sequence is in each row, with up to so many tokens left out between two of them."""
    total: Any = zeros((rows.shape[0], len(grams)), dtype="float32")
    size = grams.shape[1]
    for step in range(1, skips + 2 if size > 1 else min(1, skips + 1) + 1):
        span = (size - 1) * step + 1
        extent = rows.shape[1]
        if isinstance(extent, int) and extent < span:
            continue
        windows = [rows[:, k * step : extent - span + 1 + k * step] for k in range(size)]
        same = [item.unsqueeze(-1) == grams[:, k] for k, item in enumerate(windows)]
        both = same[0]
        for item in same[1:]:
            both = both & item
        total = total + both.sum(1).astype("float32")
    return total


def _weighted(counts: Tensor, mode: str, weights: list[float] | None) -> Tensor:
    if mode not in ("TF", "IDF", "TFIDF"):
        raise Unsupported(f"the mode {mode!r}")
    if mode == "IDF":
        counts = (counts > 0).astype("float32")
    return counts if mode == "TF" or not weights else counts * as_tensor(np.array(weights, dtype=np.float32))
