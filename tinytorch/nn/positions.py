"""Where things stand in a sequence: PositionalEncoding, which is computed, and LearnedPositions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from compiler.errors import ArgumentError, ShapeError
from compiler.ir.dims import Dim, Extent
from compiler.ir.node import describe
from tinytorch.api import constant
from tinytorch.axes import counted
from tinytorch.nn.dropout import Dropout
from tinytorch.nn.initialisers import normal
from tinytorch.nn.module import Module, Seed
from tinytorch.ops.layout import arange, take
from tinytorch.tensor import Tensor


class _Positions(Module):
    """Adds a row of a table to each position, on the first axis or, with `batch_first`, on the second."""

    def __init__(
        self, d_model: int, dropout: float, max_len: int, batch_first: bool, name: str | None, seed: Seed
    ) -> None:
        super().__init__(name=name, seed=seed)
        self.d_model, self.max_len = counted("d_model", d_model), counted("max_len", max_len)
        if self.d_model <= 0 or self.max_len <= 0:
            raise ArgumentError(f"d_model and max_len are positive, not {d_model} and {max_len}")
        self.batch_first = bool(batch_first)
        self.dropout = Dropout(dropout)

    def _rows(self, count: Extent, dtype: Any) -> Tensor:
        """The table's first rows."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """`x` with its positions added."""
        if x.ndim not in (2, 3) or x.shape[-1] != self.d_model:
            order = "batch, positions" if self.batch_first else "positions, batch"
            raise ShapeError(f"{self!r} reads [{order}, {self.d_model}]: {describe(x.node)}")
        axis = 1 if self.batch_first and x.ndim == 3 else 0
        count = x.shape[axis]
        if not isinstance(count, Dim) and count > self.max_len:
            raise ShapeError(
                f"{self!r} has {self.max_len} positions, not {count}: {describe(x.node)}\n"
                f"  fix: max_len={count}"
            )
        rows = self._rows(count, x.dtype)
        return self.dropout(x + (rows if axis or x.ndim == 2 else rows.unsqueeze(1)))

    def __repr__(self) -> str:
        said = [str(self.d_model), *[f"dropout={self.dropout.p:g}"] * (self.dropout.p > 0)]
        said += [f"max_len={self.max_len}"] + ["batch_first=True"] * self.batch_first
        return f"{type(self).__name__}({', '.join(said)})"


def _first(table: Tensor, count: Extent) -> Tensor:
    """The first rows; more than there are raise IndexRangeError in a call, where it alone knows how many."""
    return take(table, arange(count), axis=0) if isinstance(count, Dim) else table[:count]


class PositionalEncoding(_Positions):
    """Adds sines and cosines of the position: `sin(t / 10000^(2i / d_model))` at 2i, the cosine at 2i + 1.

    Frequencies fall from one turn in 6 positions to one in 60,000, so that a shift is a rotation of pairs
    (Vaswani et al., Attention Is All You Need, 2017, section 3.5). Nothing of it is trained. `[positions,
    batch, d_model]`, or `[batch, positions, d_model]` with `batch_first`; `dropout` is of the sum.
    """

    def __init__(
        self,
        d_model: int,
        dropout: float = 0.1,
        max_len: int = 5000,
        *,
        batch_first: bool = False,
        name: str | None = None,
        seed: Seed = None,
    ) -> None:
        super().__init__(d_model, dropout, max_len, batch_first, name, seed)

    def _rows(self, count: Extent, dtype: Any) -> Tensor:
        rows = self.max_len if isinstance(count, Dim) else count
        return _first(constant(sinusoids(rows, self.d_model), dtype=dtype), count)


def sinusoids(rows: int, width: int) -> np.ndarray[Any, Any]:
    """The encodings of the positions from 0 on, `[rows, width]`."""
    pairs = np.arange(width) // 2 * 2
    angles = np.arange(rows)[:, None] * np.exp(pairs * (-math.log(10000.0) / width))
    return np.where(np.arange(width) % 2 == 0, np.sin(angles), np.cos(angles))


class LearnedPositions(_Positions):
    """Adds the trained row t of `weight` at position t: `[max_len, d_model]`, begun normally by 0.02.

    As in BERT and GPT-2. Shapes as of `PositionalEncoding`; a sequence may be shorter than `max_len`.
    """

    weight: Tensor

    def __init__(
        self,
        d_model: int,
        max_len: int,
        dropout: float = 0.0,
        *,
        batch_first: bool = False,
        name: str | None = None,
        seed: Seed = None,
        dtype: Any = "float32",
    ) -> None:
        super().__init__(d_model, dropout, max_len, batch_first, name, seed)
        self.declare("weight", (self.max_len, self.d_model), normal(0.02), dtype)

    def _rows(self, count: Extent, dtype: Any) -> Tensor:
        return _first(self.weight, count)
