"""How many rows and columns of sums a tile of a product has.

27 rows by 32 columns       ->      four tiles of 7 rows by 2 vectors of 16
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from compiler.ir.types import DType
from compiler.loops.machine import Machine

BLOCK_ROWS: Final = 512
BLOCK_SUMS: Final = 16384
"""Rows for which one panel of B is prepared, and the sums that they may have: at most 128 kB of stack."""

COVERED: Final = 8
BESIDE: Final = 0.5
"""Multiply-adds of a term that wait for none before, and what a tile does beside them, counted by terms."""

WORTH: Final = 0.9
"""The share of the time from which on downward a tile has fewer rows than it could have."""

_SINGLE: Final = {2: 8, 3: 6, 4: 5, 5: 5, 6: 4, 7: 3}
_BROAD: Final = {4: 6, 3: 8, 5: 5, 2: 8, 7: 3}
_BROAD_BY_TABLE: Final = {3: 8, 2: 8}
_PRICE: Final = {2: 1.06, 7: 1.1}
"""The same in float32 where the left side is in a second cache or further, and read once for each panel: 0.87
to 0.95 of the time of 512 to 1024 cubed, 0.85 of 64 x 10000 x 64. What two vectors cost there, and seven,
whose panels are in a second cache, too. Where a table says where rows lie, as where they were copied in
panels of eight, tiles have as many."""

BROAD: Final = 16
LONG: Final = 256
NARROW: Final = 4
MANY: Final = 32
"""Vectors of columns and rows from which on one block of terms is so far away; and several blocks."""

_DOUBLE: Final = {4: 6, 5: 5, 3: 8, 6: 4, 7: 3, 2: 8}
"""The rows of tiles by their vectors, where there are 32 registers; of those that fit equally the first one.

In float64 tiles of 6 by 4 take 0.83 of the time of those of 8 by 2 for 256, 1024 and 2048 cubed; in float32
those of 8 by 2 are the fastest of both, 8 by 3, 5 by 4 and 5 by 5.
"""

ONE_TILE: Final = range(9, 15)
"""Rows that are one tile of two vectors: the right side is read once, and not by two tiles.

0.7 to 0.9 of the time of 10 to 14 rows times 128 x 256 to 512 x 8192. Three to five vectors by fewer rows
read more of each row of the right side at once, and are as fast.
"""

SHORT_DEPTH: Final = 32
"""Terms up to which a large result takes longer to store than to compute: where its rows are not written from
their beginning to their end, a cache's lines are written twice, and nothing asks for the next ones ahead."""

SHORT_TILE: Final = (6, 4)
"""Rows and vectors of the tiles that then follow each other along the rows of the result."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The accumulators of one tile: `rows` times `vectors` vectors of `lanes` elements."""

    rows: int
    vectors: int
    lanes: int
    along_rows: bool = False
    """Whether tiles follow each other along rows, not along columns."""

    @property
    def columns(self) -> int:
        return self.vectors * self.lanes

    @property
    def wide(self) -> int:
        """Lanes of what goes through the maps at once: vectors side by side keep the processor busy."""
        return min(4, self.vectors & -self.vectors) * self.lanes

    @property
    def block_rows(self) -> int:
        """Rows for which one panel of B is prepared: whole tiles."""
        return BLOCK_ROWS // self.rows * self.rows

    @property
    def held_rows(self) -> int:
        """The same where all their sums are held beside them."""
        return min(BLOCK_ROWS, BLOCK_SUMS // self.columns) // self.rows * self.rows


def choose(
    machine: Machine,
    dtype: DType,
    rows: int | None,
    columns: int | None,
    depth: int | None = None,
    *,
    by_table: bool = False,
) -> Shape:
    """The tile for as many rows and columns, and for at most so many terms, where they are known.

    Whether a table says where rows of the left side lie is `by_table`.

    Sixteen or more accumulators (eight where there are sixteen registers) cover the latency of the
    multiply-add; two vectors by eight rows load least, and of float64 four by six. Where few rows are
    known, more vectors make up for them; where few columns are, shorter vectors need no mask. Many rows
    of few terms are stored along rows.
    """
    lanes, shortest = machine.vector_bytes // dtype.size, 16 // dtype.size
    while columns and lanes > shortest and columns <= lanes // 2:
        lanes //= 2
    has_many = machine.vector_registers == 32
    is_double = has_many and dtype.size == 8
    usual = 4 if is_double else 2
    filled = usual if columns is None else max(1, -(-columns // lanes))
    if rows is not None and rows <= 4:
        widest = {1: 8, 2: 6, 3: 5, 4: 4} if has_many else {1: 6, 2: 4, 3: 3, 4: 2}
        few = max(1, rows)
        return Shape(few, min(8 if columns is None else filled, widest[few]), lanes)
    is_short = rows is None and depth is not None and depth <= SHORT_DEPTH
    if is_short and has_many and filled >= SHORT_TILE[1]:
        return Shape(*SHORT_TILE, lanes, along_rows=True)
    rows_of, prices = _DOUBLE if is_double else _SINGLE if has_many else {2: 4}, dict[int, float]()
    is_broad = (filled >= BROAD and _has(rows, LONG)) or (
        depth is None and filled >= NARROW and _has(rows, MANY)
    )
    if rows_of is _SINGLE and is_broad:
        rows_of, prices = _BROAD_BY_TABLE if by_table else _BROAD, _PRICE

    def cost(count: int) -> float:
        return -(-filled // count) * count * prices.get(count, 1)

    vectors = 1 if filled == 1 else min(rows_of, key=cost)
    if rows is not None and rows in ONE_TILE and has_many and vectors == usual == 2:
        return Shape(rows, vectors, lanes)
    many = rows_of.get(vectors, 8)
    return Shape(many if rows is None else _fitting(rows, many, vectors), vectors, lanes)


def _has(rows: int | None, least: int) -> bool:
    """Whether there are so many rows, or how many is not known."""
    return rows is None or rows >= least


def _fitting(rows: int, many: int, vectors: int) -> int:
    """How many rows a tile has, at most so many: fewer where that leaves less over.

    A tile takes as long for each term as its multiply-adds, or one of them waits for the one before.
    """

    def cost(count: int) -> float:
        return -(-rows // count) * (max(count * vectors, COVERED) + BESIDE)

    best = min(range(many, many // 2, -1), key=cost)
    return min(rows, best if cost(best) < WORTH * cost(many) else many)
