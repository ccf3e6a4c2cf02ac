"""Turns squares of memory in registers where loads and stores lie across each other.

    for i in 0 .. n:                        for i in 0 .. n by vectors of 4, and for what is left:
        for j in 0 .. 64:                       for j in 0 .. 64 in vectors of 4:
            y[64*i + j] = x[n*j + i]    ->          a, b, c, d = x[n*j + i], x[n*j + i + n], ...
                                                    p, q = zip_low(a, c), zip_high(a, c)
                                                    r, s = zip_low(b, d), zip_high(b, d)
                                                    y[64*i + j] = zip_low(p, r)
                                                    y[64*(i + 1) + j] = zip_high(p, r)
                                                    ...

Vectors of neighbours along i, one for each j, become vectors of neighbours along j, one for each i, in as many
rounds as their number is a power of two: each puts the lanes of the second half of them between the lanes of
the first half. Rows of a short j are parts of vectors. Where they are stored one behind the other, whole vectors are stored;
where those of a short i are loaded so, whole vectors are loaded, and `evens` and `odds` take them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeAlias

from compiler.ir.types import BOOL, INT64
from compiler.loops.language import (
    For,
    If,
    Kernel,
    Let,
    Literal,
    Load,
    Number,
    Operand,
    Ref,
    Stmt,
    Store,
    Value,
    operand,
)
from compiler.loops.peeling import whole_end
from compiler.loops.turns import Turn, extent_of, is_below
from compiler.loops.walking import definitions, multiple, stride
from compiler.loops.writing import Writer


def transpose(kernel: Kernel, turn: Turn, lanes: int) -> Kernel:
    """The kernel by vectors of so many lanes that are turned in registers."""
    writer = Writer()
    writer.extend(stmt for stmt in kernel.body if isinstance(stmt, Let))
    turning = _Turning(writer, turn, lanes, definitions(kernel.body))
    turning.write()
    return replace(kernel, body=tuple(writer.blocks[0]))


@dataclass(frozen=True, slots=True)
class _Line:
    """A vector of iterations of the loop `along`, from `begin` on, in iteration `across` of the other."""

    along: For
    begin: Value
    across: Mapping[Value, tuple[Value | None, int]]
    """The other loop's index: a value, and how many iterations behind it."""
    lanes: int
    mask: Value | None

    @property
    def places(self) -> dict[Value, tuple[Value | None, int]]:
        """Where both loops are, by their indices."""
        return {self.along.index: (self.begin, 0), **self.across}


_Left: TypeAlias = Value | int | None
"""How many iterations are left; None where there is a whole vector of them."""


class _Turning:
    """One nest as it is written anew."""

    def __init__(self, writer: Writer, turn: Turn, lanes: int, known: Mapping[Value, Stmt]) -> None:
        self.writer, self.turn, self.lanes, self.known = writer, turn, lanes, known

    def write(self) -> None:
        """The nest: its outer loops, and in them what fits the two that are turned."""
        near, far = self.turn.near, self.turn.far
        if _is_dense(near, far, self.turn.stores, self.lanes):
            self._around(lambda: self._along(far, self._zipped))
        elif _is_dense(far, near, self.turn.turned, self.lanes):
            self._around(lambda: self._along(near, self._unzipped))
        else:
            for ref in {stmt.ref for stmt in (*self.turn.stores, *self.turn.turned)}:
                self._steps(ref)
            self._around(lambda: self._along(far, self._squares))

    def _around(self, inside: Callable[[], None]) -> None:
        def level(depth: int) -> None:
            if depth == len(self.turn.outer):
                inside()
                return
            with self.writer.block() as body:
                level(depth + 1)
            self.writer.write(replace(self.turn.outer[depth], body=tuple(body)))

        level(0)

    # Lines

    def _place(self, ref: Ref, at: Mapping[Value, tuple[Value | None, int]]) -> Ref:
        """A place in other iterations of the two loops."""
        terms: list[tuple[Value, Number]] = []
        for index, step in ref.terms:
            base, count = at.get(index, (index, 0))
            if base is not None and isinstance(step, int):
                terms.append((self.writer.sum(base, count) if count else base, step))
                continue
            if base is not None:
                terms.append((base, step))
            if count:
                terms.append((self._times(step, count), 1))
        return Ref(ref.memory, tuple(terms))

    def _times(self, step: Number, count: int) -> Value:
        return step if count == 1 and isinstance(step, Value) else self.writer.product(step, count)

    def _computed(self, line: _Line, given: Mapping[Value, Operand]) -> dict[Value, Operand]:
        """The values of the body along a line; `given` are those that are known."""
        now = dict(given)
        for stmt in self.turn.body:
            if isinstance(stmt, Load) and stmt.value not in now:
                now[stmt.value] = self._loaded(stmt, line)
            elif isinstance(stmt, Let):
                operands = [self._operand(item, now, line) for item in stmt.operands]
                lanes = line.lanes if any(map(_is_vector, operands)) else 0
                spread = [self._vector(item, lanes) if lanes else item for item in operands]
                label = stmt.value.label
                now[stmt.value] = self.writer.let(
                    stmt.atom, stmt.value.dtype, *spread, lanes=lanes, label=label
                )
        return now

    def _loaded(self, load: Load, line: _Line) -> Value:
        step = stride(load.ref, line.along.index)
        ref, lanes = self._place(load.ref, line.places), 0 if step == 0 else line.lanes
        value = Value(load.value.dtype, lanes, load.value.label)
        if lanes:
            self.writer.write(Load(value, replace(ref, step=step), line.mask))
        else:
            self.writer.write(Load(value, ref))
        return value

    def _operand(self, item: Operand, now: Mapping[Value, Operand], line: _Line) -> Operand:
        if item is line.along.index:
            return self.writer.let("lanes", INT64, line.begin, lanes=line.lanes)
        if isinstance(item, Value) and item in line.across:
            base, count = line.across[item]
            if base is None:
                return Literal.of(count, INT64)
            return self.writer.sum(base, count) if count else base
        return now.get(item, item) if isinstance(item, Value) else item

    def _vector(self, item: Operand, lanes: int, *, is_stored: bool = False) -> Operand:
        if _is_vector(item) or (isinstance(item, Literal) and not is_stored):
            return item
        return self.writer.let("splat", item.dtype, item, lanes=lanes)

    def _store(self, line: _Line, now: Mapping[Value, Operand], first: int = 0) -> None:
        for stmt in self.turn.stores:
            value = self._vector(self._operand(stmt.operand, now, line), line.lanes, is_stored=True)
            self.writer.write(
                Store(self._place(stmt.ref, line.places), value, None if first else line.mask, first)
            )

    # Rows that lie side by side

    def _along(self, loop: For, write: Callable[[Value, _Left], None]) -> None:
        """A loop by whole vectors, and behind it what is left, if anything is."""
        writer, lanes = self.writer, self.lanes
        is_whole = self._is_whole(loop, lanes)
        end = loop.stop if is_whole else whole_end(writer, replace(loop, lanes=lanes))
        if end != loop.start:
            with writer.block() as body:
                write(loop.index, None)
            writer.write(replace(loop, stop=end, body=tuple(body), step=lanes, lanes=lanes))
        if is_whole:
            return
        index = Value(INT64)
        with writer.block() as body:
            write(index, extent_of(loop) % lanes or writer.difference(loop.stop, index))
        writer.write(For(index, end, loop.stop, tuple(body), step=lanes))

    def _first(self, count: int | Value | None) -> Value | None:
        """The mask of so many lanes."""
        if count is None or count == self.lanes:
            return None
        return self.writer.let("first", BOOL, operand(count), lanes=self.lanes)

    def _zipped(self, begin: Value, left: _Left) -> None:
        """Vectors along the far loop become rows that are stored one behind the other."""
        far, near = self.turn.far, self.turn.near
        count, mask = extent_of(near), self._first(left)
        lines = [_Line(far, begin, {near.index: (None, k)}, self.lanes, mask) for k in range(count)]
        values = [self._computed(line, {}) for line in lines]
        for stmt in self.turn.stores:
            parts = [
                self._vector(self._operand(stmt.operand, now, line), self.lanes, is_stored=True)
                for line, now in zip(lines, values, strict=True)
            ]
            vector = _zips(self.writer, parts)
            for k in range(count):
                place = self._part(stmt.ref, far, near, (begin, k * self.lanes // count))
                exist = self._elements(left, count, k)
                if isinstance(exist, Value):
                    self.writer.write(Store(place, vector(k), self._first(exist)))
                elif exist:
                    self.writer.write(Store(place, vector(k), first=exist % self.lanes))

    def _unzipped(self, begin: Value, left: _Left) -> None:
        """Rows that are loaded one behind the other become vectors along the near loop."""
        far, near = self.turn.far, self.turn.near
        count, mask = extent_of(far), self._first(left)
        given: list[dict[Value, Operand]] = [{} for _ in range(count)]
        for load in self.turn.turned:
            parts: list[Operand] = []
            for k in range(count):
                place = self._part(load.ref, near, far, (begin, k * self.lanes // count))
                part = Value(load.value.dtype, self.lanes)
                self.writer.write(Load(part, place, self._first(self._elements(left, count, k))))
                parts.append(part)
            for now, part in zip(given, _unzips(self.writer, parts), strict=True):
                now[load.value] = part
        for k, now in enumerate(given):
            line = _Line(near, begin, {far.index: (None, k)}, self.lanes, mask)
            self._store(line, self._computed(line, now))

    def _part(self, ref: Ref, loop: For, short: For, at: tuple[Value, int]) -> Ref:
        """The place of a vector of rows, from one row on."""
        return self._place(ref, {loop.index: at, short.index: (None, 0)})

    def _elements(self, left: _Left, count: int, number: int) -> int | Value:
        """How many elements exist of one of `count` vectors that hold what is left of rows."""
        before = number * self.lanes
        if left is None:
            return self.lanes
        if isinstance(left, int):
            return min(max(left * count - before, 0), self.lanes)
        return self.writer.difference(self.writer.product(left, count), before)

    # Squares

    def _squares(self, begin: Value, left: _Left) -> None:
        """All columns of as many rows as a vector has lanes."""
        near, writer = self.turn.near, self.writer
        width = _width(near, self.lanes)
        mask = None if self._is_whole(near, width) else Value(BOOL, width)
        column = _Line(self.turn.far, begin, {}, self.lanes, self._first(left))
        row = _Line(near, Value(INT64), {}, width, mask)
        with writer.block() as columns:
            self._square(column, row, left)
        loop = replace(near, index=row.begin, body=tuple(columns), step=width, lanes=width, mask=mask)
        writer.write(loop)

    def _square(self, column: _Line, row: _Line, left: _Left) -> None:
        """Vectors along the far loop are loaded, and so many rows stored as are left."""
        far, near, writer = self.turn.far, self.turn.near, self.writer
        found: dict[Value, Callable[[int], Operand]] = {}
        for load in self.turn.turned:
            lines = [replace(column, across={near.index: at}) for at in self._columns(row)]
            found[load.value] = _zips(writer, [self._loaded(load, line) for line in lines])
        count = left if isinstance(left, int) else self.lanes
        given = [
            {value: _part(writer, vectors, k, row.lanes) for value, vectors in found.items()}
            for k in range(count)
        ]
        first = extent_of(near) % row.lanes if is_below(near, row.lanes) else 0
        for k in range(count):
            line = replace(row, across={far.index: (column.begin, k)})
            with writer.block() as body:
                self._store(line, self._computed(line, given[k]), first)
            if k and isinstance(left, Value):
                body = [If(writer.let("lt", BOOL, Literal.of(k, INT64), left), tuple(body))]
            writer.extend(body)

    def _columns(self, row: _Line) -> Sequence[tuple[Value, int]]:
        """The iterations of the near loop in a square; those past the end are the last one."""
        index, writer = row.begin, self.writer
        if row.mask is None:
            return [(index, k) for k in range(row.lanes)]
        last = writer.difference(row.along.stop, 1)
        return [(writer.minimum(writer.sum(index, k) if k else index, last), 0) for k in range(row.lanes)]

    def _steps(self, ref: Ref) -> None:
        """Computes what several iterations of a loop are in memory before all loops."""
        for index, step in ref.terms:
            if index in (self.turn.far.index, self.turn.near.index) and isinstance(step, Value):
                for k in range(1, self.lanes):
                    self._times(step, k)

    def _is_whole(self, loop: For, lanes: int) -> bool:
        return all(multiple(n, self.known) % lanes == 0 for n in (loop.start, loop.stop))


def _zips(writer: Writer, parts: Sequence[Operand]) -> Callable[[int], Operand]:
    """Vectors of which each lane is followed by that of the next one: `parts` in turn, made as asked for."""
    half, rounds = len(parts) // 2, len(parts).bit_length() - 1

    @cache
    def after(turns: int, number: int) -> Operand:
        if not turns:
            return parts[number]
        a, b = (after(turns - 1, number // 2 + far) for far in (0, half))
        assert isinstance(a, Value)
        return writer.let("zip_high" if number % 2 else "zip_low", a.dtype, a, b, lanes=a.lanes)

    return lambda number: after(rounds, number)


def _unzips(writer: Writer, parts: Sequence[Operand]) -> Sequence[Operand]:
    """What `_zips` made these vectors of."""
    now = list(parts)
    for _ in range(len(now).bit_length() - 1):
        pairs = list(zip(now[::2], now[1::2], strict=True))
        now = [
            writer.let(atom, a.dtype, a, b, lanes=a.lanes if isinstance(a, Value) else 0)
            for atom in ("evens", "odds")
            for a, b in pairs
        ]
    return now


def _part(writer: Writer, vectors: Callable[[int], Operand], row: int, width: int) -> Operand:
    """The lanes of one row, of which a vector may have several."""
    first = vectors(0)
    assert isinstance(first, Value)
    rows = first.lanes // width
    part = vectors(row // rows)
    place = row % rows
    while rows > 1:
        rows //= 2
        part = writer.let("high" if place >= rows else "low", first.dtype, part, lanes=rows * width)
        place %= rows
    return part


def _is_vector(item: Operand) -> bool:
    return isinstance(item, Value) and item.lanes > 0


def _width(near: For, lanes: int) -> int:
    """The columns of a square: a power of two."""
    return 1 << (extent_of(near) - 1).bit_length() if is_below(near, lanes) else lanes


def _is_dense(short: For, loop: For, moves: Sequence[Load | Store], lanes: int) -> bool:
    """Whether the iterations of a short loop lie side by side, for each of another one behind the last."""
    extent = extent_of(short)
    if extent not in (2, 4, 8) or extent > lanes:
        return False
    return all(stride(stmt.ref, loop.index) == extent for stmt in moves)
