"""The words of matrix products: what is multiplied, how it lies in memory, and the tile that suits it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from compiler.backends.llvm import emit
from compiler.backends.llvm.jit.engine import Target
from compiler.backends.llvm.jit.untyped import Builder, Type, Value

BLOCK_DEPTH = 256
"""Terms of k summed before the sum is added to the total; part of the definition of the result."""

BLOCK_ROWS = 256
BLOCK_SUMS = 16384
"""Rows for which one panel of B is prepared, and the sums that they may have: at most 128 kB of stack."""


TRANSPOSED_BLOCK = 8
"""Side of the squares in which B is transposed: larger ones run a little faster and compile far slower."""

COPY_ROWS = 32
"""Rows from which on it pays to copy a panel of B that could be read in place."""


PREFETCH_TERMS = 24
"""How many terms ahead A is asked for where it is not read in order."""


class Right(Enum):
    """How B lies in memory."""

    ROWS = "rows"
    """B[k, j] and B[k, j + 1] are neighbours: an ordinary matrix."""
    COLUMNS = "columns"
    """B[k, j] and B[k + 1, j] are neighbours: the transpose of an ordinary matrix."""
    STRIDED = "strided"
    """Neither: any strides, zero among them."""


@dataclass(frozen=True)
class ContractionShape:
    """The facts that select the code. `rows`, `columns` and `depth` are m, n and k where they are known."""

    element: Type
    right: Right
    rows: int | None = None
    columns: int | None = None
    depth: int | None = None
    left_contiguous: bool = False
    """Whether A[i, k] and A[i, k + 1] are known to be neighbours."""


@dataclass(frozen=True)
class Tile:
    """The accumulators of one step: `rows` times `vectors` vectors of `lanes` elements."""

    rows: int
    vectors: int
    lanes: int

    @property
    def columns(self) -> int:
        return self.vectors * self.lanes

    @property
    def wide(self) -> int:
        """Lanes of what goes through the epilogue at once: vectors side by side keep the processor busy."""
        return min(4, self.vectors & -self.vectors) * self.lanes

    @property
    def block_rows(self) -> int:
        """Rows for which one panel of B is prepared: whole tiles."""
        return min(BLOCK_ROWS, BLOCK_SUMS // self.columns) // self.rows * self.rows


@dataclass(frozen=True)
class Matrix:
    """An operand or output: its first element, and run-time strides in elements by batch, row and column."""

    pointer: Value
    batch_stride: Value
    row_stride: Value
    column_stride: Value


@dataclass(frozen=True)
class Span:
    """What to compute: batches, rows and columns from `first` to before `stop`, and all of `depth`.

    Rows may begin and end anywhere. So may columns, unless the shape knows their number: then a range of
    columns begins and ends on multiples of the tile's columns, or at the last column. Ranges of rows that
    begin on multiples of the tile's rows waste least.
    """

    first_batch: Value
    stop_batch: Value
    first_row: Value
    stop_row: Value
    first_column: Value
    stop_column: Value
    depth: Value


@dataclass(frozen=True)
class Totals:
    """What an epilogue gets: `epilogue_lanes` totals of one row.

    `value` are the totals at columns `column`, `column + 1`, ...; `mask` tells which of them exist, or is
    None if all do. Lanes that do not exist hold an unspecified finite or infinite number or NaN and are not
    stored; an epilogue reads its own operands with `emit.load(..., mask)`. `batch`, `row` and `column` are
    i64.
    """

    value: Value
    batch: Value
    row: Value
    column: Value
    mask: Value | None


Epilogue = Callable[[Builder, Totals], Sequence[Value]]
"""Returns one vector of as many lanes per output, of any element type that memory holds."""


def plain(_builder: Builder, totals: Totals) -> Sequence[Value]:
    """The epilogue that stores the totals as they are."""
    return [totals.value]


def is_dot_of_rows(shape: ContractionShape) -> bool:
    """Whether one row, known as such, meets rows that lie contiguous along k: `dot.DotRows` sums them."""
    return shape.rows == 1 and shape.right is Right.COLUMNS and shape.left_contiguous


def epilogue_lanes(target: Target, shape: ContractionShape) -> int:
    """How many totals of a row an epilogue gets at once."""
    if is_dot_of_rows(shape):
        return target.vector_bytes // emit.element_bytes(shape.element)
    return choose_tile(target, shape).wide


def choose_tile(target: Target, shape: ContractionShape) -> Tile:
    """The tile for a shape: rows to keep the adders busy, and vectors that waste few columns at the end.

    Sixteen or more accumulators (eight where there are sixteen registers) cover the latency of the
    multiply-add; two vectors by eight rows load least. Where few rows are known, more vectors make up for
    them; where few columns are, shorter vectors need no mask.
    """
    lanes = target.vector_bytes // emit.element_bytes(shape.element)
    shortest = 16 // emit.element_bytes(shape.element)
    while shape.columns and lanes > shortest and shape.columns <= lanes // 2:
        lanes //= 2
    many = target.vector_registers == 32
    filled = 2 if shape.columns is None else max(1, -(-shape.columns // lanes))
    if shape.rows is not None and shape.rows <= 4:
        widest = {1: 8, 2: 6, 3: 5, 4: 4} if many else {1: 6, 2: 4, 3: 3, 4: 2}
        rows = max(1, shape.rows)
        return Tile(rows, min(8 if shape.columns is None else filled, widest[rows]), lanes)
    rows_of = {2: 8, 3: 6, 4: 5, 5: 5, 6: 4, 7: 3} if many else {2: 4}
    vectors = 1 if filled == 1 else min(rows_of, key=lambda count: -(-filled // count) * count)
    rows = rows_of.get(vectors, 8)
    return Tile(rows if shape.rows is None else min(rows, shape.rows), vectors, lanes)
