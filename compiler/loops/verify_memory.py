"""The laws of memory, of reductions as wholes, and of what chunks share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from compiler.ir.law import Law
from compiler.ir.types import INT64
from compiler.loops.facts import Broken, Facts, law
from compiler.loops.language import (
    Check,
    Fold,
    For,
    If,
    Join,
    Layout,
    Load,
    Memory,
    Pack,
    Ref,
    Stmt,
    Store,
    Tile,
    Value,
    blocks,
    lanes_of,
    reads,
    refs,
    tables,
    written,
)


def _extents(facts: Facts) -> Iterator[Broken]:
    kernel = facts.kernel
    if any(isinstance(item, Memory) and item.extent for item in kernel.arguments):
        yield None, "an argument has one"
    if any(room.extent < 1 for room in kernel.rooms):
        yield None, "a room has none"


def _stores_apart(facts: Facts) -> Iterator[Broken]:
    for store in facts.each(Store):
        lanes = lanes_of(store)
        if lanes and store.ref.at is None and store.ref.step == 0:
            yield store, f"{lanes} lanes"


def _rooms_written_first(facts: Facts) -> Iterator[Broken]:
    filled: set[Memory] = set()
    for stmt, _ in facts.statements:
        read = [stmt.ref.memory] if isinstance(stmt, Load) else []
        read += (
            [ref.memory for ref in refs(stmt)[isinstance(stmt, Tile) :]]
            if isinstance(stmt, Pack | Tile)
            else []
        )
        if any(memory.extent and memory not in filled for memory in read):
            yield stmt, "nothing is written to it before"
        match stmt:
            case Store():
                filled.add(stmt.ref.memory)
            case Tile():
                filled.add(stmt.sums.memory)
            case Pack():
                filled.update((stmt.room, stmt.panel))
            case _:
                pass


def _folded_once(facts: Facts) -> Iterator[Broken]:
    seen: set[Value] = set()
    for stmt, _ in facts.statements:
        if isinstance(stmt, Fold | Join):
            states = [item for item in stmt.state if isinstance(item, Value)]
            if seen.intersection(states):
                yield stmt, "another takes the same state"
            seen.update(states)


def _checked_first(facts: Facts) -> Iterator[Broken]:
    last = max((k for k, (stmt, _) in enumerate(facts.statements) if isinstance(stmt, Check)), default=-1)
    for stmt, _ in facts.statements[: last + 1]:
        ref = _target(stmt)
        if ref is not None and not ref.memory.extent and not ref.memory.is_scratch:
            yield stmt, "a check comes behind it"


def _target(stmt: Stmt) -> Ref | None:
    return stmt.ref if isinstance(stmt, Store) else stmt.sums if isinstance(stmt, Tile) else None


def _chunks_apart(facts: Facts) -> Iterator[Broken]:
    """A kernel that does not read its chunk's number is run as one."""
    chunk = facts.kernel.chunk
    if any(chunk in reads(stmt) for stmt, _ in facts.statements):
        yield from _apart_in(facts.kernel.body, {chunk}, is_one=False)


def _apart_in(body: tuple[Stmt, ...], depending: set[Value], *, is_one: bool) -> Iterator[Broken]:
    """`is_one`: whether a chunk comes here depends on its number."""
    for stmt in body:
        ref = _target(stmt)
        if ref is not None and not ref.memory.extent and not is_one and not _depends(ref, depending):
            yield stmt, "neither does"
        asks = isinstance(stmt, For | If) and not depending.isdisjoint(_asked(stmt))
        if not depending.isdisjoint(reads(stmt)):
            depending.update(written(stmt))
        if asks and isinstance(stmt, For):
            depending.add(stmt.index)
        for block in blocks(stmt):
            yield from _apart_in(block, depending, is_one=is_one or asks)


def _asked(stmt: For | If) -> tuple[object, ...]:
    return (stmt.condition,) if isinstance(stmt, If) else (stmt.start, stmt.stop)


def _depends(ref: Ref, depending: set[Value]) -> bool:
    if ref.at is not None and ref.at in depending and ref.stride != 0:
        return True
    return any(value in depending and stride != 0 for value, stride in ref.terms)


def _rows(pack: Pack) -> int:
    """The rows that a room must have, as far as they are known."""
    terms = pack.terms if isinstance(pack.terms, int) else 1
    return -(-terms // pack.lanes) * pack.lanes


def _tables(facts: Facts) -> Iterator[Broken]:
    for stmt, _ in facts.statements:
        if not isinstance(stmt, Pack | Tile):
            continue
        if any(table.memory.dtype is not INT64 or table.at is not None for table in tables(stmt)):
            yield stmt, "a table has other elements, or a vector of places"
        if isinstance(stmt, Pack) and tables(stmt) and stmt.layout is not Layout.STRIDED:
            yield stmt, f"its layout is {stmt.layout.value}"


def _products(facts: Facts) -> Iterator[Broken]:
    for pack in facts.each(Pack):
        if len({pack.panel.dtype, pack.room.dtype, pack.source.memory.dtype}) != 1:
            yield pack, "their dtypes differ"
        elif pack.lanes < 1 or pack.width < 1 or pack.width % pack.lanes:
            yield pack, f"{pack.width} columns in vectors of {pack.lanes}"
        elif _rows(pack) * pack.width > pack.room.extent:
            yield pack, "it is larger than its room"
    for tile in facts.each(Tile):
        if len({ref.memory.dtype for ref in (tile.sums, tile.left, tile.right)}) != 1:
            yield tile, "their dtypes differ"
        elif tile.rows < 1 or tile.vectors < 1 or tile.lanes < 1:
            yield tile, "it has no sums"


MEMORY_LAWS: Final[tuple[Law[Facts], ...]] = (
    law("A room has an extent, and an argument has none.", _extents),
    law("Two lanes are not stored in one place.", _stores_apart),
    law("A room is written before it is read.", _rooms_written_first),
    law("A state of a reduction is folded or joined once.", _folded_once),
    law("What refuses the data comes before the first store that a caller sees.", _checked_first),
    law(
        "Where chunks differ, the place of a store depends on their number, or whether it is run.",
        _chunks_apart,
    ),
    law(
        "Panels and tiles are whole vectors of one dtype, and a room has space for a panel in whole blocks.",
        _products,
    ),
    law("A table is a scalar place of int64, and a panel whose terms follow one is strided.", _tables),
)
