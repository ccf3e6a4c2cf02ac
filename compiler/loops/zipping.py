"""Writes short rows that lie in lanes as they lie in memory, put together in registers.

    for i in 0 .. n in vectors of 4:               for i in 0 .. n in vectors of 4:
        for j in 0 .. 2:                               for j in 0 .. 2:
            y[2*i + j; by 2] = v[i, j]      ->             done[4*j] = v[i, j]
                                                       a, b = done[0], done[4]
                                                       y[2*i] = zip_low(a, b)
                                                       y[2*i + 4] = zip_high(a, b)

The counterpart of what reads short rows. A row that is longer than a vector is written by squares, and what
is left of it as a shorter vector; one column that is left is stored a lane apart, and so are rows of three.
Where rows lie side by side such vectors have a power of two of lanes: what is too much is written over by the
next row, and but for the last one no row is stored in pieces. Few rows stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from compiler.ir.types import INT64
from compiler.loops.language import For, If, Kernel, Load, Memory, Ref, Stmt, Store, Value
from compiler.loops.squares import part, zips
from compiler.loops.turns import is_below
from compiler.loops.unzipping import has_few_rows, is_dense, is_known, lies_across, made_in
from compiler.loops.walking import inside, is_innermost, stride
from compiler.loops.writing import Writer

FEWEST: Final = 4
"""Columns from which on rows are put together, if they are not whole vectors one behind the other."""


def zip_rows(kernel: Kernel) -> Kernel:
    """The kernel with stores of short rows that lie in lanes put together in registers."""
    if has_few_rows(kernel):
        return kernel
    rooms = list(kernel.rooms)
    body = _block(kernel.body, rooms)
    return replace(kernel, body=body, rooms=tuple(rooms))


def _block(body: Sequence[Stmt], rooms: list[Memory]) -> tuple[Stmt, ...]:
    return tuple(_zipped(stmt, rooms) for stmt in body)


def _zipped(stmt: Stmt, rooms: list[Memory]) -> Stmt:
    match stmt:
        case For() if found := _short_rows(stmt):
            return _whole(stmt, found, rooms)
        case For():
            return replace(stmt, body=_block(stmt.body, rooms))
        case If():
            then, otherwise = (_block(block, rooms) for block in (stmt.then, stmt.otherwise))
            return replace(stmt, then=then, otherwise=otherwise)
        case _:
            return stmt


def _short_rows(rows: For) -> dict[int, tuple[For, Store]]:
    """The stores of lanes apart in loops over short rows, by identity, with these loops."""
    if not rows.lanes or rows.step != rows.lanes or rows.carried or rows.mask is not None:
        return {}
    made = made_in(rows)
    loaded = {stmt.ref.memory for stmt in inside(rows) if isinstance(stmt, Load)}
    passes = [stmt for stmt in rows.body if isinstance(stmt, For) and is_innermost(stmt)]
    return {
        id(stmt): (columns, stmt)
        for columns in passes
        if is_known(columns, rows.lanes)
        for stmt in columns.body
        if isinstance(stmt, Store) and stmt.mask is None and stmt.ref.memory not in loaded
        if lies_across(stmt.ref, rows, columns, made)
        if is_dense(stmt.ref, columns) or not is_below(columns, FEWEST)
    }


def _whole(rows: For, found: Mapping[int, tuple[For, Store]], rooms: list[Memory]) -> For:
    """The loop with stores to rooms, of which rows are made at the end."""
    writer, done = Writer(), dict[int, Memory]()
    for key, (columns, store) in found.items():
        assert isinstance(columns.stop, int)
        room = done[key] = Memory(store.ref.memory.dtype, columns.stop * rows.lanes)
        _Rows(writer, rows, columns, store, room).write()
    rooms += done.values()
    body = tuple(_to_rooms(stmt, done, rows.lanes) for stmt in rows.body)
    return replace(rows, body=(*body, *writer.blocks[0]))


def _to_rooms(stmt: Stmt, done: Mapping[int, Memory], lanes: int) -> Stmt:
    """A loop over a row with stores to rooms."""
    if not isinstance(stmt, For):
        return stmt
    body = tuple(
        Store(Ref(done[id(item)], ((stmt.index, lanes),)), item.operand)
        if isinstance(item, Store) and id(item) in done
        else item
        for item in stmt.body
    )
    return replace(stmt, body=body)


class _Rows:
    """Writes the rows of one store from its room."""

    def __init__(self, writer: Writer, rows: For, columns: For, store: Store, room: Memory) -> None:
        self.writer, self.rows, self.columns, self.store, self.room = writer, rows, columns, store, room
        self.lanes = rows.lanes

    def write(self) -> None:
        """The rows of all lanes: what is left of them first, since it may be written over what follows."""
        width, lanes, index = self.columns.stop, self.lanes, Value(INT64)
        assert isinstance(width, int)
        left = width % lanes
        first = self.writer.sum(0, width - left)
        if left == 1:
            self._apart(first)
        elif left:
            self._square(first, left)
        if width > left:
            with self.writer.block() as body:
                self._square(index, lanes)
            self.writer.write(For(index, 0, width - left, tuple(body), lanes))

    def _square(self, first: Value, count: int) -> None:
        """So many columns from one on: the lanes of each row, or whole vectors of rows without gaps."""
        wide = 1 << (count - 1).bit_length()
        places = [self.writer.sum(first, k) if k else first for k in range(count)]
        columns = [self._column(place) for place in places]
        vectors = zips(self.writer, columns + [columns[-1]] * (wide - count))
        if count == self.columns.stop and is_dense(self.store.ref, self.columns):
            for number in range(count):
                self._store(number * self.lanes // count, first, vectors(number))
            return
        has_gaps = stride(self.store.ref, self.rows.index) != self.columns.stop
        for row in range(self.lanes):
            is_exact = has_gaps or row == self.lanes - 1
            self._store(row, first, part(self.writer, vectors, row, wide), count % wide if is_exact else 0)

    def _store(self, row: int, first: Value, vector: Value, count: int = 0) -> None:
        place = self.writer.sum(self.rows.index, row) if row else self.rows.index
        self.writer.write(Store(self._place(place, first), vector, first=count))

    def _apart(self, place: Value) -> None:
        """A column whose lanes are stored one by one."""
        now, ref = {self.columns.index: place}, self.store.ref
        moved = replace(ref, terms=tuple((now.get(value, value), far) for value, far in ref.terms))
        self.writer.write(Store(moved, self._column(place)))

    def _column(self, place: Value) -> Value:
        vector = Value(self.room.dtype, self.lanes)
        self.writer.write(Load(vector, Ref(self.room, ((place, self.lanes),))))
        return vector

    def _place(self, row: Value, column: Value) -> Ref:
        """A row from a column on."""
        now, ref = {self.rows.index: row, self.columns.index: column}, self.store.ref
        return Ref(ref.memory, tuple((now.get(value, value), far) for value, far in ref.terms))
