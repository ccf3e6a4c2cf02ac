"""What selects the code of a tile of sums, for every emitter: equal code has equal names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

from compiler.ir.aligned import CACHE_LINE
from compiler.ir.types import DType
from compiler.loops.language import Ref, Tile
from compiler.loops.machine import Machine
from compiler.loops.tables import BLOCK_DEPTH

PARTS_AHEAD: Final = 8
"""Tiles that share the asking for the next panel, a part of it each."""

TERMS_AHEAD: Final = 8
"""How many terms ahead a panel is asked for that is read where it lies: each of its rows is on another page
of memory, which the processor does not guess. 0.7 to 0.85 of the time for 8 and 16 rows of many terms."""

FEW_TERMS: Final = 64
"""Terms up to which the same rows of the next panel are asked for instead: 0.7 of the time of one row of 50
terms and 100000 columns, 1.05 to 1.15 where terms are many."""


@dataclass(frozen=True)
class TileCode:
    """The code of a tile: `rows` by `vectors` vectors of sums."""

    dtype: DType
    rows: int
    vectors: int
    lanes: int
    fused: bool
    """Whether a multiply-add rounds once."""
    contiguous: bool
    """Whether the terms of a row of A are known to be neighbours."""
    masked: bool
    """Whether the panel is read under a mask of the columns that exist."""
    tables: tuple[bool, bool, bool]
    """Whether rows and terms of A, and terms of B, lie as a table says."""
    chosen: bool
    """Whether a table says which terms there are."""
    direct: bool
    cut: bool
    """Whether sums are stored in the result, and there under a mask of the columns that exist."""
    adds: bool
    """Whether they are added there to those of the terms before."""
    ahead: bool
    """Whether rows of the panel follow each other, as the next panel does, which is asked for meanwhile."""
    lies_far: bool
    """Whether the panel is read where it lies, among other columns, and asked for some terms ahead."""

    @property
    def step_ahead(self) -> int:
        """How many elements of the next panel a tile asks for with each term."""
        return max(1, self.vectors * self.lanes // PARTS_AHEAD)

    @property
    def line(self) -> int:
        """How many elements a line of a cache has."""
        return CACHE_LINE // self.dtype.size

    @property
    def asks_rows(self) -> bool:
        """Whether rows of A are asked for while the tile before them is computed.

        The first panel finds them in a far cache: 0.9 of the time of 512 to 1328 rows, columns and terms,
        0.75 of 1312 rows and terms by 64 columns.
        """
        return self.contiguous and not (self.tables[0] or self.chosen)

    @property
    def asks_results(self) -> bool:
        """Whether lines of the result are asked for while the sums are computed that are stored there.

        Of few terms these wait for the lines: 0.8 of the time of 2048 x 16 x 2048, 0.7 of 10000 x 3 x 64.
        """
        return self.direct and (self.vectors > 1 or not self.cut)

    @property
    def lines(self) -> range:
        """At which of a panel's columns the lines of a cache begin that one of its rows has."""
        return range(0, self.vectors * self.lanes, self.line)

    @property
    def distance_ahead(self) -> int:
        """How many elements lie between a tile's panel and what it asks for: those of a block of terms."""
        return BLOCK_DEPTH * self.vectors * self.lanes

    @classmethod
    def of(cls, stmt: Tile, machine: Machine, lanes: int) -> Self:
        """The code of a statement, with its columns in vectors of so many lanes."""
        dtype = stmt.left.memory.dtype
        rows, terms, right = (isinstance(way, Ref) for way in (*stmt.left_strides, stmt.right_step))
        is_dense = isinstance(stmt.right_step, int) and stmt.right_step == stmt.vectors * stmt.lanes
        has_all = isinstance(stmt.columns, int) and stmt.columns >= stmt.vectors * stmt.lanes
        lies_far = bool(stmt.right.terms) and not (is_dense or right or stmt.live)
        return cls(
            dtype, stmt.rows, stmt.vectors * stmt.lanes // lanes, lanes,
            fused=machine.has_fma and dtype.is_float, contiguous=stmt.left_strides[1] == 1,
            masked=stmt.masked, tables=(rows, terms, right), chosen=stmt.live is not None,
            direct=stmt.apart is not None, cut=stmt.apart is not None and not has_all,
            adds=stmt.apart is not None and stmt.first != 0, ahead=is_dense, lies_far=lies_far,
        )  # fmt: skip

    @property
    def name(self) -> str:
        """The function's name."""
        words = "fused", "contiguous", "masked", "chosen", "direct", "cut", "adds", "ahead", "lies_far"
        marks = [word for word in words if getattr(self, word)]
        kinds = zip(("rows", "terms", "right"), self.tables, strict=True)
        marks += [f"{word}_by_table" for word, is_table in kinds if is_table]
        return "_".join(["tile", self.dtype.short, f"{self.rows}x{self.vectors}x{self.lanes}", *marks])
