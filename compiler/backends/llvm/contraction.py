"""Matrix products as register-tiled loop nests, with what follows them done on the way out.

`emit_contraction` emits, for every batch b, row i and column j of a given range,

    total[b, i, j] = sum over k of A[b, i, k] * B[b, k, j]

and hands the totals, a vector of neighbouring columns at a time, to an epilogue that returns the vectors to
store. Extents and strides are run-time values, so one nest serves every size; the few facts that shape the
code (element type, which axis of B lies contiguous, and extents that happen to be known) are a
`ContractionShape`.

The nest, outside in: batches; blocks of rows; panels of columns as wide as the tile; blocks of
`BLOCK_DEPTH` of k; tiles of rows. A tile is `rows` times `vectors` accumulators held in registers, and its
body is one broadcast of A, one load of B and their fused multiply-adds (`tile`). Where B's rows do not lie
contiguous, its panel is transposed into stack memory once for all tiles of the row block. (Goto and van de
Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS 34(3), 2008; without their packing of A,
which small matrices do not repay.)

**Same bits.** Each total is a chain of multiply-adds over k in ascending order, begun at zero for each block
of `BLOCK_DEPTH` and the block sums added in ascending order. That depends on k alone: neither on the layout,
the tile, the range of rows and columns, nor on the number of threads. A single row known as such, times rows
that lie contiguous along k, has an order of its own (`dot.DotRows`), chosen by the static shape alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from compiler.backends.llvm.dot import DotRows
from compiler.backends.llvm.jit.engine import Target
from compiler.backends.llvm.jit.untyped import Builder
from compiler.backends.llvm.matrices import (
    BLOCK_DEPTH,
    ContractionShape,
    Epilogue,
    Matrix,
    Right,
    Span,
    Tile,
    Totals,
    choose_tile,
    epilogue_lanes,
    is_dot_of_rows,
    plain,
)
from compiler.backends.llvm.nest import Nest

__all__ = [
    "BLOCK_DEPTH",
    "ContractionShape",
    "Epilogue",
    "Matrix",
    "Right",
    "Span",
    "Tile",
    "Totals",
    "choose_tile",
    "emit_contraction",
    "epilogue_lanes",
    "plain",
    "swapped",
]


def emit_contraction(
    builder: Builder,
    target: Target,
    shape: ContractionShape,
    left: Matrix,
    right: Matrix,
    span: Span,
    outputs: Sequence[Matrix],
    epilogue: Epilogue = plain,
) -> None:
    """Emit the nest at the builder's position; afterwards the builder stands behind it.

    `left` is A[b, i, k] with k as its columns, `right` is B[b, k, j] with k as its rows.
    `right.column_stride` is taken as 1 for `Right.ROWS`, `right.row_stride` as 1 for `Right.COLUMNS`, and
    every output's columns are neighbours. An output may share memory with an operand of the epilogue at equal
    indices, never with A or B. Nothing is written outside the span. With depth 0 the totals are 0.

    For a single column, emit the transposed product instead (B^T times A^T, one row): `swapped` has it.
    Vectors then run along what were the rows, and the epilogue sees row 0.
    """
    nest = DotRows if is_dot_of_rows(shape) else Nest
    nest(builder, target, shape, left, right, span, tuple(outputs), epilogue).emit()


def swapped(matrix: Matrix) -> Matrix:
    """The transpose of `matrix`: rows for columns."""
    return Matrix(matrix.pointer, matrix.batch_stride, matrix.column_stride, matrix.row_stride)
