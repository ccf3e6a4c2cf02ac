"""Embedding and EmbeddingBag: tables of vectors that are looked up by number."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from compiler.errors import ArgumentError
from tinytorch.axes import counted
from tinytorch.nn.initialisers import Array, Initialiser, find_initialiser, normal
from tinytorch.nn.module import Module, Seed
from tinytorch.ops.embedding import Mode, embedding, embedding_bag
from tinytorch.tensor import Tensor


class _Table(Module):
    """A table of vectors, one of which may be padding: it begins at 0 and takes no gradient."""

    weight: Tensor

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        *,
        initialiser: str | Initialiser | None = None,
        name: str | None = None,
        seed: Seed = None,
        dtype: Any = "float32",
    ) -> None:
        super().__init__(name=name, seed=seed)
        rows = counted("num_embeddings", num_embeddings)
        self.num_embeddings, self.embedding_dim = rows, counted("embedding_dim", embedding_dim)
        if rows < 0 or self.embedding_dim < 0:
            raise ArgumentError(f"a table has counts of rows and columns, not {rows} and {embedding_dim}")
        self.padding_idx = None if padding_idx is None else _place(counted("padding_idx", padding_idx), rows)
        begin = normal(1.0) if initialiser is None else find_initialiser(initialiser)
        if self.padding_idx is not None:
            begin = partial(_padded, begin, self.padding_idx)
        self.declare("weight", (rows, self.embedding_dim), begin, dtype)

    def _settings(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._settings()})"


def _place(row: int, rows: int) -> int:
    if not -rows <= row < rows:
        raise ArgumentError(f"padding_idx {row} is no row of {rows}\n  fix: one from {-rows} to {rows - 1}")
    return row % rows


def _padded(
    begin: Callable[..., Array], row: int, shape: tuple[int, ...], generator: np.random.Generator
) -> Array:
    table = np.array(begin(shape, generator))
    table[row] = 0
    return table


class Embedding(_Table):
    """A vector for each of `num_embeddings` numbers: integers `[...]` to `[..., embedding_dim]`.

    `weight` is `[num_embeddings, embedding_dim]`, begun as standard normal numbers; the row `padding_idx`
    begins at 0 and takes no gradient (torch.nn.Embedding). A number that is no row raises IndexRangeError.
    """

    def forward(self, input: Tensor) -> Tensor:
        """The rows of `weight` that `input` names."""
        return embedding(input, self.weight, self.padding_idx)


class EmbeddingBag(_Table):
    """The sum, mean or maximum of the vectors of each bag of numbers, which are never all held at once.

    Numbers are `[bags, n]`, or `[total]` with the `offsets` at which bags begin (with `include_last_offset`
    also where the last one ends), to `[bags, embedding_dim]`. Numbers that are `padding_idx` are in no bag;
    an empty bag is 0 (torch.nn.EmbeddingBag).
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        *,
        mode: Mode = "mean",
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        initialiser: str | Initialiser | None = None,
        name: str | None = None,
        seed: Seed = None,
        dtype: Any = "float32",
    ) -> None:
        super().__init__(
            num_embeddings,
            embedding_dim,
            padding_idx,
            initialiser=initialiser,
            name=name,
            seed=seed,
            dtype=dtype,
        )
        if mode not in ("sum", "mean", "max"):
            raise ArgumentError(f"a mode is 'sum', 'mean' or 'max', not {mode!r}")
        self.mode: Mode = mode
        self.include_last_offset = include_last_offset

    def forward(self, input: Tensor, offsets: Any = None, per_sample_weights: Any = None) -> Tensor:
        """One vector for each bag."""
        return embedding_bag(
            input,
            self.weight,
            offsets,
            mode=self.mode,
            per_sample_weights=per_sample_weights,
            include_last_offset=self.include_last_offset,
            padding_idx=self.padding_idx,
        )

    def _settings(self) -> str:
        return f"{super()._settings()}, mode={self.mode!r}"
