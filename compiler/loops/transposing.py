"""Turns squares of memory in registers where loads and stores lie across each other.

    for i in 0 .. n:                             for i in 0 .. n by vectors, and for what is left:
        for j in 0 .. 64:                            for j in 0 .. 64 in vectors of 4:
            y[64*i + j] = x[n*j + i]     ->              a, b, c, d = x[n*j + i], x[n*j + i + n], ...
                                                         p, q = zip_low(a, c), zip_high(a, c)
                                                         r, s = zip_low(b, d), zip_high(b, d)
                                                         y[64*i + j] = zip_low(p, r)
                                                         y[64*(i + 1) + j] = zip_high(p, r)
                                                         ...

Vectors of neighbours along i, one for each j, become vectors of neighbours along j, one for each i: a round
puts the lanes of the second half of the vectors between those of the first half, and doubles the neighbours.
A row of a short j is a part of a vector. Where such rows are stored one behind the other, whole vectors are;
where the rows of a short i are loaded so, whole vectors are, and `evens` and `odds` take them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from compiler.ir.types import BOOL, INT64
from compiler.loops.language import For, If, Kernel, Let, Literal, Load, Ref, Stmt, Store, Value, operand
from compiler.loops.lines import Line, Lines, Spot
from compiler.loops.peeling import whole_end
from compiler.loops.squares import part, unzips, zips
from compiler.loops.turns import Turn, extent_of, is_below
from compiler.loops.walking import at_most, definitions, multiple, stride
from compiler.loops.writing import Writer

STRIP: Final = 256
"""Columns of which all rows are written before the next ones. A multiple of every number of lanes.

What was loaded of a line beside a square is in the cache still when the next rows need it, and the pages that
are read are few: 2048 x 2048 takes 2.7 ms instead of 4.1, 4096 x 4096 19 instead of 41.
"""

_Left: TypeAlias = Value | int | None
"""How many iterations are left; None where there is a whole vector of them."""

_Write: TypeAlias = Callable[[Value, _Left], None]
"""Writes a vector of iterations of a loop from one on."""


def transpose(kernel: Kernel, turn: Turn, lanes: int, *, has_masks: bool = False) -> Kernel:
    """The kernel by vectors of so many lanes that are turned in registers.

    Where a machine `has_masks` in registers, all squares are written once, under the mask of what is left.
    """
    writer = Writer()
    writer.extend(stmt for stmt in kernel.body if isinstance(stmt, Let))
    _Turning(writer, turn, lanes, definitions(kernel.body), has_masks).write()
    return replace(kernel, body=tuple(writer.blocks[0]))


class _Turning:
    """One nest as it is written anew."""

    def __init__(
        self, writer: Writer, turn: Turn, lanes: int, known: Mapping[Value, Stmt], has_masks: bool
    ) -> None:
        self.writer, self.lines = writer, Lines(writer, turn.body)
        self.far, self.near = turn.far, turn.near
        self.turn, self.lanes, self.known, self.has_masks = turn, lanes, known, has_masks

    def write(self) -> None:
        """The nest: its other loops, and in them what fits the two that are turned."""
        far, near, turn = self.far, self.near, self.turn
        if _is_dense(near, far, turn.stores, self.lanes):
            self._around(lambda: self._by_vectors(far, self._zipped))
        elif _is_dense(far, near, turn.turned, self.lanes):
            self._around(lambda: self._by_vectors(near, self._unzipped))
        else:
            self._distances()
            self._around(self._strips)

    # Loops

    def _around(self, inside: Callable[[], None]) -> None:
        outer = self.turn.outer

        def level(depth: int) -> None:
            if depth == len(outer):
                inside()
                return
            with self.writer.block() as body:
                level(depth + 1)
            self.writer.write(replace(outer[depth], body=tuple(body)))

        level(0)

    def _by_vectors(self, loop: For, write: _Write) -> None:
        """A loop by whole vectors, and behind it what is left, if anything is."""
        writer, lanes = self.writer, self.lanes
        is_whole = self._is_whole(loop, lanes)
        end = loop.stop if is_whole else whole_end(writer, replace(loop, lanes=lanes))
        index = Value(INT64)
        if end != loop.start:
            with writer.block() as body:
                write(index, None)
            writer.write(For(index, loop.start, end, tuple(body), lanes, lanes))
        if is_whole:
            return
        index = Value(INT64)
        with writer.block() as body:
            write(index, extent_of(loop) % lanes or writer.difference(loop.stop, index))
        writer.write(For(index, end, loop.stop, tuple(body), lanes))

    def _is_whole(self, loop: For, lanes: int) -> bool:
        return all(multiple(n, self.known) % lanes == 0 for n in (loop.start, loop.stop))

    def _first(self, count: _Left) -> Value | None:
        """The mask of so many lanes, None for all."""
        if count is None or count == self.lanes:
            return None
        return self.writer.let("first", BOOL, operand(count), lanes=self.lanes)

    # Rows that lie side by side

    def _zipped(self, begin: Value, left: _Left) -> None:
        """Vectors along the far loop become rows that are stored one behind the other."""
        count, mask = extent_of(self.near), self._first(left)
        first = Line(self.far, begin, self.near, (None, 0), self.lanes, mask)
        lines = [self.lines.stored(replace(first, spot=(None, k)), {}) for k in range(count)]
        for parts in zip(*lines, strict=True):
            vector = zips(self.writer, [value for _, value in parts])
            for k in range(count):
                place = self._row_place(parts[0][0].ref, (self.far, self.near), begin, k)
                exist = self._elements(left, count, k)
                if isinstance(exist, Value):
                    self.writer.write(Store(place, vector(k), self._first(exist)))
                elif exist:
                    self.writer.write(Store(place, vector(k), first=exist % self.lanes))

    def _unzipped(self, begin: Value, left: _Left) -> None:
        """Rows that are loaded one behind the other become vectors along the near loop."""
        count, mask = extent_of(self.far), self._first(left)
        found: dict[Value, list[Value]] = {}
        for load in self.turn.turned:
            parts: list[Value] = []
            for k in range(count):
                exist = self._elements(left, count, k)
                if exist == 0:
                    parts.append(parts[0])
                    continue
                place = self._row_place(load.ref, (self.near, self.far), begin, k)
                parts.append(Value(load.value.dtype, self.lanes))
                self.writer.write(Load(parts[k], place, self._first(exist)))
            found[load.value] = unzips(self.writer, parts)
        for k in range(count):
            line = Line(self.near, begin, self.far, (None, k), self.lanes, mask)
            self._store(line, {value: vectors[k] for value, vectors in found.items()})

    def _row_place(self, ref: Ref, loops: tuple[For, For], begin: Value, number: int) -> Ref:
        """The place of one of the vectors that hold rows: those of the first loop, which the second has."""
        rows = number * self.lanes // extent_of(loops[1])
        return self.lines.place(ref, {loops[0].index: (begin, rows), loops[1].index: (None, 0)})

    def _elements(self, left: _Left, count: int, number: int) -> int | Value:
        """How many elements exist of one of `count` vectors that hold what is left of rows."""
        before = number * self.lanes
        if left is None:
            return self.lanes
        if isinstance(left, int):
            return min(max(left * count - before, 0), self.lanes)
        elements = self.writer.product(left, count)
        return self.writer.difference(elements, before) if before else elements

    def _store(self, line: Line, given: Mapping[Value, Value], first: int = 0) -> None:
        """The body along a line; with `first` so many lanes are stored."""
        for stmt, value in self.lines.stored(line, given):
            place = self.lines.place(stmt.ref, line.spots)
            self.writer.write(Store(place, value, None if first else line.mask, first))

    # Squares

    def _distances(self) -> None:
        """Computes what several iterations of a loop are in memory before all loops."""
        for stmt in (*self.turn.turned, *self.turn.stores):
            for index, step in stmt.ref.terms:
                if index in (self.far.index, self.near.index) and isinstance(step, Value):
                    for k in range(1, self.lanes):
                        self.lines.times(step, k)

    def _strips(self) -> None:
        """The near loop in strips, of which all rows are written before the next one."""
        near, writer = self.near, self.writer
        most = at_most(near.stop, self.known)
        if near.start == 0 and most is not None and most <= STRIP:
            self._rows_of_squares(near)
            return
        strip = Value(INT64)
        with writer.block() as body:
            part = replace(near, start=strip, stop=writer.minimum(writer.sum(strip, STRIP), near.stop))
            self._rows_of_squares(part)
        writer.write(For(strip, near.start, near.stop, tuple(body), STRIP))

    def _rows_of_squares(self, near: For) -> None:
        far, lanes = self.far, self.lanes
        if not self.has_masks or is_below(far, lanes) or self._is_whole(far, lanes):
            self._by_vectors(far, lambda begin, left: self._squares(near, begin, left))
            return
        index = Value(INT64)
        with self.writer.block() as body:
            self._squares(near, index, self.writer.difference(far.stop, index))
        self.writer.write(For(index, far.start, far.stop, tuple(body), lanes))

    def _squares(self, near: For, begin: Value, left: _Left) -> None:
        """All columns of as many rows as a vector has lanes, or as are left."""
        width = self._width()
        mask = None if self._is_whole(self.near, width) else Value(BOOL, width)
        row = Line(self.near, Value(INT64), self.far, (begin, 0), width, mask)
        column = Line(self.far, begin, self.near, (row.begin, 0), self.lanes, self._first(left))
        with self.writer.block() as body:
            self._square(column, row, self._columns(row, near), left)
        self.writer.write(For(row.begin, near.start, near.stop, tuple(body), width, width, mask))

    def _width(self) -> int:
        """The columns of a square: a power of two."""
        is_short = is_below(self.near, self.lanes)
        return 1 << (extent_of(self.near) - 1).bit_length() if is_short else self.lanes

    def _columns(self, row: Line, near: For) -> Sequence[Spot]:
        """The iterations of the near loop in a square; those past the end are the last one."""
        writer, index, lanes = self.writer, row.begin, range(row.lanes)
        if is_below(self.near, self.lanes):
            return [(None, min(k, extent_of(self.near) - 1)) for k in lanes]
        if row.mask is None:
            return [(index, k) for k in lanes]
        last = writer.difference(near.stop, 1)
        return [(writer.minimum(writer.sum(index, k) if k else index, last), 0) for k in lanes]

    def _square(self, column: Line, row: Line, columns: Sequence[Spot], left: _Left) -> None:
        """Vectors along the far loop are loaded, and so many rows stored as are left."""
        writer = self.writer
        found: dict[Value, Callable[[int], Value]] = {}
        for load in self.turn.turned:
            vectors = {
                spot: self.lines.load(load, replace(column, spot=spot)) for spot in dict.fromkeys(columns)
            }
            found[load.value] = zips(writer, [vectors[spot] for spot in columns])
        count = left if isinstance(left, int) else self.lanes
        rows = [{value: part(writer, of, k, row.lanes) for value, of in found.items()} for k in range(count)]
        first = extent_of(self.near) % row.lanes if is_below(self.near, row.lanes) else 0
        for k, given in enumerate(rows):
            with writer.block() as body:
                self._store(replace(row, spot=(column.begin, k)), given, first)
            if k and isinstance(left, Value):
                body = [If(writer.let("lt", BOOL, Literal.of(k, INT64), left), tuple(body))]
            writer.extend(body)


def _is_dense(short: For, loop: For, moves: Sequence[Load | Store], lanes: int) -> bool:
    """Whether the iterations of a short loop lie side by side, for each of another one behind the last."""
    extent = extent_of(short)
    is_power = extent in (2, 4, 8) and extent <= lanes
    return is_power and all(stride(stmt.ref, loop.index) == extent for stmt in moves)
