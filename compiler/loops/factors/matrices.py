"""Matrices in scratch memory: of a stack one in each lane, or one along its rows, which are whole vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from compiler.ir.types import INT64
from compiler.loops.language import Literal, Load, Memory, Number, Operand, Ref, Store, Value
from compiler.loops.ways import Span, Way

ROWS: Final = 2
"""How many rows are subtracted from at once, so that what is subtracted is read once for them."""

PIVOTS: Final = 8
"""How many pivot rows are subtracted at once, so that what is left of a matrix is read once for them."""

_SHARED: Final = 512
"""Bytes: rows that lie a multiple of it apart share few lines of a near cache."""


@dataclass(frozen=True)
class Grid:
    """Matrices of scratch memory: `rows` by `width` elements, each as wide as the way has it."""

    way: Way
    memory: Memory
    rows: int
    width: int

    @classmethod
    def of(cls, way: Way, rows: int, columns: int) -> Grid:
        """New memory, for so many columns or more."""
        width = way.whole(columns)
        if width * way.column * way.dtype.size % _SHARED == 0:
            width += way.step
        return cls(way, Memory(way.dtype, is_scratch=True), rows, width)

    @property
    def size(self) -> int:
        """Elements of memory that a chunk needs."""
        return self.rows * self.width * self.way.column

    def _ref(self, i: Number, j: Number) -> Ref:
        """A place; where a row or a column differs from matrix to matrix, across, a vector of places."""
        way, writer = self.way, self.way.writer
        terms: list[tuple[Value, Number]] = [(way.chunk, self.size)]
        fixed, at = 0, None
        for number, stride in ((i, self.width * way.column), (j, way.column)):
            if isinstance(number, int):
                fixed += number * stride
                continue
            assert isinstance(number, Value)
            if number.lanes:
                lane = writer.let("lanes", INT64, Literal.of(0, INT64), lanes=way.lanes)
                moved = way.let("mul", number, Literal.of(stride, INT64), dtype=INT64)
                at = way.let("add", moved, lane, dtype=INT64)
            else:
                terms.append((number, stride))
        if fixed:
            terms.append((writer.sum(fixed, 0), 1))
        return Ref(self.memory, tuple(terms), at=at)

    def _load(self, ref: Ref, lanes: int, mask: Value | None = None) -> Value:
        found = Value(self.way.dtype, lanes)
        self.way.writer.write(Load(found, ref, mask))
        return found

    def element(self, i: Number, j: Number) -> Value:
        """The element in a row and column."""
        return self._load(self._ref(i, j), self.way.units)

    def vector(self, i: Number, j: Number, mask: Value | None = None) -> Value:
        """The vector of a row from a column on: that of a loop over columns, or with a mask any."""
        return self._load(self._ref(i, j), self.way.lanes, mask)

    def down(self, i: Number, j: Number, mask: Value | None) -> Value:
        """The elements of a column from a row on, as many as a step of a loop down the column takes."""
        ref = self._ref(i, j)
        return self._load(ref if self.way.is_across else replace(ref, step=self.width), self.way.lanes, mask)

    def put(self, i: Number, j: Number, value: Operand, mask: Value | None = None) -> None:
        """Stores an element, or a vector from a column on."""
        self.way.writer.write(Store(self._ref(i, j), value, mask))

    def clear(self) -> None:
        """Stores zeros everywhere."""

        def row(i: Value) -> None:
            self.way.columns((0, self.width), lambda j: self.put(i, j, self.way.constant(0)))

        self.way.each((0, self.rows), row)

    def identity(self, first: int, columns: int) -> None:
        """Stores columns of the identity from a column on, in whole vectors."""
        way = self.way

        def vector(i: Value, j: Value) -> None:
            is_one = way.test("eq", way.spread(way.place(i)), way.places(j))
            self.put(i, way.writer.sum(j, first), way.let("where", is_one, way.constant(1), way.constant(0)))

        way.each((0, self.rows), lambda i: way.columns((0, way.whole(columns)), partial(vector, i)))

    def swap(self, load: Callable[[Number, Number], Value], one: Span, other: Span) -> None:
        """Exchanges what is loaded from two rows and columns."""
        first, second = load(*one), load(*other)
        self.put(*one, second)
        self.put(*other, first)

    def subtract(
        self,
        rows: Span,
        columns: Callable[[Value], Span],
        pivots: Sequence[Number],
        factor: Callable[[Value, int], Value],
        source: Grid | None = None,
    ) -> None:
        """From rows so many times each of the pivot rows, of this grid or another, in some columns."""
        way, (start, end) = self.way, rows

        def block(i: Value, together: int) -> None:
            each = [way.writer.sum(i, k) if k else i for k in range(together)]
            factors = [
                [way.spread(way.let("neg", factor(row, s))) for s in range(len(pivots))] for row in each
            ]

            def column(j: Value) -> None:
                totals = [self.vector(row, j) for row in each]
                for s, pivot in enumerate(pivots):
                    above = (source or self).vector(pivot, j)
                    totals = [
                        way.let("fma", numbers[s], above, total)
                        for numbers, total in zip(factors, totals, strict=True)
                    ]
                for row, total in zip(each, totals, strict=True):
                    self.put(row, j, total)

            way.columns(columns(i), column)

        pairs = way.let("and", way.writer.difference(end, start), Literal.of(-ROWS, INT64), dtype=INT64)
        whole = way.writer.sum(start, pairs)
        way.each((start, whole), lambda i: block(i, ROWS), ROWS)
        way.each((whole, end), lambda i: block(i, 1))
