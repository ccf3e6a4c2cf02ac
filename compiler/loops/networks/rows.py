"""Rows of an array in lanes, read and written by columns: squares that are turned in registers.

    before      x[100*i + j .. + 8]  for 8 rows i            after       columns j .. j + 8, of 8 rows each

The squares begin at a row's first element, and the last one ends where the row does. Lanes without a row have
the last one once more. Where neighbours of a row are no neighbours in memory, it is read lane by lane.
"""

from __future__ import annotations

from collections.abc import Sequence

from compiler.ir.node import Node
from compiler.ir.types import BOOL, INT64
from compiler.loops.drafts import evenly_apart, number_of
from compiler.loops.language import Count, Literal, Load, Memory, Number, Ref, Store, Value
from compiler.loops.places import Located
from compiler.loops.squares import every, zips
from compiler.loops.ways import Way


class Rows:
    """The rows of a value, from `group` on, of which there are `count`."""

    def __init__(self, way: Way, node: Node, located: Located, group: Value, count: Count) -> None:
        self.way, self.group, self.count = way, group, count
        self.memory, self.pointer = Memory(node.type.dtype, label=node), located.pointer
        self.apart = number_of(evenly_apart(node.type.shape[:-1], located.strides[:-1]))
        self.along = number_of(located.strides[-1])
        width = node.type.shape[-1]
        assert isinstance(width, int)
        self.width = width

    def columns(self, first: Value, count: int) -> list[Value]:
        """Columns from one on, no more than there are lanes."""
        if self.along != 1:
            return [self.column(self.way.writer.sum(first, number)) for number in range(count)]
        begin, before, mask = self._square(first, count)
        parts = [Value(self.memory.dtype, self.way.lanes) for _ in self._lines]
        for line, part in zip(self._lines, parts, strict=True):
            self.way.writer.write(Load(part, self._ref(line, begin), mask))
        return [every(self.way.writer, parts, number) for number in range(before, before + count)]

    def column(self, place: Value) -> Value:
        """One column, lane by lane."""
        x = Value(self.memory.dtype, self.way.lanes)
        self.way.writer.write(Load(x, self._apart_from(place)))
        return x

    def store(self, first: Value, columns: Sequence[Value]) -> None:
        """Stores columns from one on: as many as there are lanes, or all that there are."""
        if self.along != 1 or len(columns) == 1:  # LLVM 22 turns equal columns wrongly
            for number, column in enumerate(columns):
                self.store_column(self.way.writer.sum(first, number), column)
            return
        missing = self.way.lanes - len(columns)
        mask = self._first(len(columns)) if missing else None
        row = zips(self.way.writer, [*columns, *[columns[-1]] * missing])
        for number, line in enumerate(self._lines):
            self.way.writer.write(Store(self._ref(line, first), row(number), mask))

    def store_column(self, place: Value, value: Value) -> None:
        """Stores one column, lane by lane."""
        writer = self.way.writer
        exists = self.way.exist(self.group, self.count)
        terms = self._known((self.group, self.apart), (place, self.along))
        writer.write(Store(Ref(self.memory, terms, step=self.apart), value, exists))

    def _square(self, first: Value, count: int) -> tuple[Value, int, Value | None]:
        """Where a square begins, how many of its columns come before the first, and which are read."""
        missing = self.way.lanes - count
        if not missing or self.width < self.way.lanes:
            return first, 0, self._first(count) if missing else None
        return self.way.writer.difference(first, missing), missing, None

    def _first(self, count: int) -> Value:
        return self.way.writer.let("first", BOOL, Literal.of(count, INT64), lanes=self.way.lanes)

    @property
    def _lines(self) -> list[Value]:
        """The row of each lane."""
        writer = self.way.writer
        last = writer.difference(self.count, 1)
        return [writer.minimum(writer.sum(self.group, number), last) for number in range(self.way.lanes)]

    def _ref(self, row: Value, column: Value) -> Ref:
        return Ref(self.memory, self._known((row, self.apart), (column, self.along)))

    def _apart_from(self, column: Value) -> Ref:
        """A column, of the last row in lanes without one."""
        at = self.way.of_lanes(self.group, self.count)
        return Ref(self.memory, self._known((column, self.along)), at=at, stride=self.apart)

    @staticmethod
    def _known(*terms: tuple[Value, Number]) -> tuple[tuple[Value, Number], ...]:
        return tuple(term for term in terms if term[1] != 0)
