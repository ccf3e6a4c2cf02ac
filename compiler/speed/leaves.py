"""How long the leaves of a matrix product take: a tile of sums, and a panel that is copied for tiles."""

from __future__ import annotations

from typing import Final

from compiler.loops.language import Layout, Pack, Ref, Tile
from compiler.speed.rates import Rates
from compiler.speed.scalars import Scalars

FUSED: Final = 4 / 3
"""The latency of a multiply-add to that of a sum."""

CALL: Final = 20
"""Scalar instructions around the terms of a tile."""

SIDE: Final = 8
"""Rows of a square that is turned when columns are copied; each of them takes three shuffles."""


def tile_seconds(stmt: Tile, scalars: Scalars, rates: Rates) -> float:
    """A tile: for each term its multiply-adds, or loads, or the wait for the sums of the term before."""
    terms, size = scalars.number(stmt.terms, 1), stmt.sums.memory.dtype.size
    sums, registers = stmt.rows * stmt.vectors, rates.registers(stmt.lanes, size)
    flop = rates.flop[8 if size == 8 else 4]
    adding = 2 * flop * sums * registers * rates.width / size
    loading = rates.load * (stmt.vectors * registers + stmt.rows / 2)
    is_later = scalars.number(stmt.first, 0) != 0
    storing = sums * registers * (rates.store + (rates.load if is_later else 0))
    return terms * max(adding, loading, FUSED * rates.latency) + storing + CALL * rates.scalar


def pack_seconds(stmt: Pack, scalars: Scalars, rates: Rates) -> float:
    """A panel: its rows as they are, turned by squares, or element by element; 0 where it is not copied."""
    terms, rows, columns = (scalars.number(item, 1) for item in (stmt.terms, stmt.rows, stmt.columns))
    if stmt.layout is Layout.ROWS:
        if rows < stmt.few and (stmt.whole or columns >= stmt.width):
            return 0.0
        vectors = terms * stmt.width / stmt.lanes * rates.registers(stmt.lanes, stmt.room.dtype.size)
        return vectors * max(rates.load, rates.store)
    if stmt.layout is Layout.COLUMNS or isinstance(stmt.strides[0], Ref):  # a table's terms are mostly runs
        squares = terms * stmt.width / SIDE**2
        return squares * SIDE * (rates.load + rates.store + 3 * rates.vector)
    return terms * columns * (rates.load / 2 + rates.store / 2 + 2 * rates.scalar)
