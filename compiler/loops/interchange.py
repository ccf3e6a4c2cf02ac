"""Adds up columns in registers: the loop over rows goes inside, and what is stored moves behind it.

    for i in 0 .. n:                                       for j in 0 .. 16:
        for j in 0 .. 16:                                      for i in 0 .. n:  carrying s = y[j]
            y[j] = y[j] + x[i,j]                   ->              s = s + x[i,j]
                                                               y[j] = s

Each column is added up in the order in which it was. Where the columns are more than are walked at once, the
rows are walked in blocks, so that memory is still read by whole rows:

    for b in 0 .. n by 16:
        for j in 0 .. 1000:
            for i in b .. min(b + 16, n):  carrying s = y[j]
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from compiler.ir.types import INT64
from compiler.loops.jamming import at_once, vectors_in
from compiler.loops.language import Carry, For, If, Kernel, Let, Load, Stmt, Store, Value, reads, written
from compiler.loops.machine import Machine
from compiler.loops.walking import stride, vector_elements
from compiler.loops.writing import Writer

BLOCK: Final = 16
"""Rows of a block: their lines stay in the nearest cache, and each is a stream that the processor follows."""

_JOINED: Final = frozenset({"add", "mul", "minimum", "maximum"})


@dataclass(frozen=True)
class Sum:
    """What a statement adds to memory: the old value is loaded, and the new one is stored where it was."""

    load: Load
    new: Value
    store: Store


def interchange(kernel: Kernel, machine: Machine) -> Kernel:
    """The kernel with its loops over rows inside those over columns where all that they do is add."""
    lanes = vector_elements(kernel.body, machine.vector_bytes)
    return replace(kernel, body=_block(kernel.body, machine, lanes))


def _block(body: Sequence[Stmt], machine: Machine, lanes: int) -> tuple[Stmt, ...]:
    return tuple(item for stmt in body for item in _turned(stmt, machine, lanes))


def _turned(stmt: Stmt, machine: Machine, lanes: int) -> Sequence[Stmt]:
    match stmt:
        case For(body=(For() as columns,)) if found := sums(stmt, columns):
            most = most_vectors(columns, found, machine, vectors_in(columns, lanes) or 0)
            return _in_blocks(stmt, columns, found, is_one_walk=_is_one_walk(columns, lanes, most))
        case For():
            return [replace(stmt, body=_block(stmt.body, machine, lanes))]
        case If():
            then, otherwise = (_block(block, machine, lanes) for block in (stmt.then, stmt.otherwise))
            return [replace(stmt, then=then, otherwise=otherwise)]
        case _:
            return [stmt]


def _is_one_walk(columns: For, lanes: int, most: int) -> bool:
    """Whether all columns are walked down at once: a part of a vector, or a few whole ones."""
    extent = columns.stop
    return isinstance(extent, int) and (extent <= lanes or (extent % lanes == 0 and extent <= most * lanes))


def most_vectors(columns: For, found: Sequence[Sum], machine: Machine, vectors: int = 0) -> int:
    """How many vectors of columns may be walked down at once, of so many (0: not known)."""
    return at_once(machine, len(found), columns.body, vectors)


def sums(rows: For, columns: For) -> list[Sum]:
    """What loops add to places that do not depend on the row; nothing if they do more than that and maps."""
    if rows.carried or columns.carried or rows.lanes or columns.lanes:
        return []
    if not all(isinstance(stmt, Let | Load | Store) for stmt in columns.body):
        return []
    stores = [stmt for stmt in columns.body if isinstance(stmt, Store)]
    adding = [store for store in stores if stride(store.ref, rows.index) == 0]
    found = [item for store in adding for item in _sum(store, columns)]
    inside = {rows.index, *(value for stmt in columns.body for value in written(stmt))}
    if len(found) != len(adding) or not all(_is_of_column(item.store, columns, inside) for item in found):
        return []
    maps = [store for store in stores if store not in adding]
    is_apart = _are_apart(columns, found, maps) and not any(item.store.ref.memory.overlaps for item in found)
    return found if is_apart and all(_is_of_both(store, rows, columns, inside) for store in maps) else []


def _are_apart(columns: For, found: Sequence[Sum], maps: Sequence[Store]) -> bool:
    """Whether nothing else is in the memory of a sum or a map."""
    stored = [*(item.store.ref.memory for item in found), *(store.ref.memory for store in maps)]
    loads = Counter(stmt.ref.memory for stmt in columns.body if isinstance(stmt, Load))
    wanted = [*[1] * len(found), *[0] * len(maps)]
    return len(set(stored)) == len(stored) and [loads[memory] for memory in stored] == wanted


def _is_of_both(store: Store, rows: For, columns: For, inside: set[Value]) -> bool:
    """Whether a map has a place of its own for each row and column."""
    terms = {value for value, number in store.ref.terms if number != 0}
    is_apart = store.ref.at is None and {rows.index, columns.index} <= terms
    return is_apart and not (terms - {rows.index}) & inside


def _sum(store: Store, columns: For) -> Iterator[Sum]:
    """A store as a sum."""
    uses = Counter(value for stmt in columns.body for value in reads(stmt))
    made = {value: stmt for stmt in columns.body for value in written(stmt)}
    new = made.get(store.operand) if isinstance(store.operand, Value) else None
    if not isinstance(new, Let) or new.atom not in _JOINED or uses[new.value] != 1:
        return
    old = made.get(new.operands[0]) if isinstance(new.operands[0], Value) else None
    if isinstance(old, Load) and old.ref == store.ref and uses[old.value] == 1:
        yield Sum(old, new.value, store)


def _is_of_column(store: Store, columns: For, inside: set[Value]) -> bool:
    """Whether a place depends on the column, and names nothing else that the loops write."""
    return stride(store.ref, columns.index) != 0 and inside.isdisjoint(value for value, _ in store.ref.terms)


def _in_blocks(rows: For, columns: For, found: Sequence[Sum], *, is_one_walk: bool) -> Sequence[Stmt]:
    length = BLOCK * rows.step
    if is_one_walk or (isinstance(rows.stop, int) and rows.start == 0 and rows.stop <= length):
        return [_over_columns(rows, columns, found)]
    block, writer = Value(INT64), Writer()
    stop = writer.minimum(writer.sum(block, length), rows.stop)
    writer.write(_over_columns(replace(rows, start=block, stop=stop), columns, found))
    return [For(block, rows.start, rows.stop, tuple(writer.blocks[0]), step=length)]


def _over_columns(rows: For, columns: For, found: Sequence[Sum]) -> For:
    """A loop over columns: what was in memory, the loop over rows that adds to it, what is in memory then."""
    gone: set[int] = {id(stmt) for item in found for stmt in (item.load, item.store)}
    body = tuple(stmt for stmt in columns.body if id(stmt) not in gone)
    first, after = ([Value(item.new.dtype, label=item.new.label) for item in found] for _ in range(2))
    carried = tuple(
        Carry(item.load.value, before, item.new, behind)
        for item, before, behind in zip(found, first, after, strict=True)
    )
    loads = [Load(value, item.load.ref) for value, item in zip(first, found, strict=True)]
    stores = [Store(item.store.ref, value) for value, item in zip(after, found, strict=True)]
    return replace(columns, body=(*loads, replace(rows, body=body, carried=carried), *stores))
