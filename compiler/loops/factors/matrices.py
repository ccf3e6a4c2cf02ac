"""Matrices in a kernel's scratch memory, by vectors: each lane a matrix of a stack, or lanes along a row.

    across    x = work[(n*i + j) * 8; 8 lanes]         element (i, j) of 8 matrices
    along     x = work[n*i + j]                        element (i, j) of one
              v = work[n*i + j; 8 lanes]               and what stands behind it in its row

An algorithm is written once, in elements and in vectors. Across, both are one: a vector walks from column to
column. Along, an element is a scalar, and a vector begins at a multiple of its lanes: what stands before a
column in the same vector is computed, too, and is never read again. Rows are therefore whole vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeAlias

from compiler.ir.op import Reducer
from compiler.ir.types import BOOL, INT64, DType
from compiler.loops.language import (
    Carry,
    Fold,
    For,
    If,
    Join,
    Literal,
    Load,
    Memory,
    Number,
    Operand,
    Ref,
    Store,
    Value,
    operand,
)
from compiler.loops.reductions import empty
from compiler.loops.writing import Writer

Span: TypeAlias = tuple[Number, Number]
"""From an index on, and up to one."""

STRIP: Final = 4
"""How many vectors of columns are summed at once, so that additions do not wait for each other."""

ROWS: Final = 2
"""How many rows are subtracted from at once, so that what is subtracted is read once for them."""

_SHARED: Final = 512
"""Bytes: rows that lie a multiple of it apart share few lines of a near cache."""


@dataclass(frozen=True)
class Way:
    """How matrices lie in lanes, and the kernel that is written."""

    writer: Writer
    chunk: Value
    dtype: DType
    lanes: int
    is_across: bool

    @property
    def units(self) -> int:
        """The lanes of an element; 0 of a scalar."""
        return self.lanes if self.is_across else 0

    @property
    def column(self) -> int:
        """Elements of memory from one column to the next."""
        return self.lanes if self.is_across else 1

    @property
    def step(self) -> int:
        """Columns from one vector to the next."""
        return 1 if self.is_across else self.lanes

    def whole(self, columns: int) -> int:
        """As many columns or more, in whole vectors."""
        return -(-columns // self.step) * self.step

    # Atoms

    def let(self, atom: str, *operands: Operand, dtype: DType | None = None) -> Value:
        """An atom of elements or of vectors, in the matrices' dtype unless another is given."""
        lanes = max((item.lanes for item in operands if isinstance(item, Value)), default=self.units)
        return self.writer.let(atom, dtype or self.dtype, *operands, lanes=lanes)

    def test(self, atom: str, *operands: Operand) -> Value:
        """A comparison of elements or of vectors."""
        return self.let(atom, *operands, dtype=BOOL)

    def cast(self, value: Operand, dtype: DType) -> Operand:
        """A value in another dtype."""
        if isinstance(value, Literal):
            return Literal.of(value.value, dtype)
        return self.writer.cast(value, value.dtype, dtype)

    def number(self, value: float) -> Literal:
        """A literal in the matrices' dtype."""
        return Literal.of(value, self.dtype)

    def constant(self, value: float, dtype: DType | None = None) -> Value:
        """A number in every lane of a vector."""
        literal = Literal.of(value, dtype or self.dtype)
        return self.writer.let("splat", literal.dtype, literal, lanes=self.lanes)

    def element_of(self, value: float) -> Operand:
        """A number as an element that can be stored."""
        return self.constant(value) if self.is_across else self.number(value)

    def spread(self, element: Value) -> Value:
        """An element as a vector."""
        return (
            element if self.is_across else self.writer.let("splat", element.dtype, element, lanes=self.lanes)
        )

    def place(self, number: Number) -> Value:
        """A number as an element."""
        scalar = self.writer.sum(number, 0)
        return self.writer.let("splat", INT64, scalar, lanes=self.lanes) if self.is_across else scalar

    def places(self, first: Value) -> Value:
        """The numbers of the columns of a vector, or of the rows of a step down a column."""
        return self.writer.let("splat" if self.is_across else "lanes", INT64, first, lanes=self.lanes)

    def is_everywhere(self, condition: Value) -> Value:
        """Whether a condition of elements holds for every matrix."""
        return self.writer.let("all", BOOL, condition) if self.is_across else condition

    def is_anywhere(self, condition: Value) -> Value:
        """Whether a condition of elements holds for some matrix."""
        return self.writer.let("any", BOOL, condition) if self.is_across else condition

    def minimum(self, a: Number, b: Number) -> Value:
        """The smaller of two scalars."""
        return self.writer.minimum(a, b)

    def behind(self, number: Number, count: int) -> Value:
        """A scalar plus a number."""
        return self.writer.sum(number, count)

    # Loops

    def each(self, span: Span, inside: Callable[[Value], None], step: int = 1) -> None:
        """A loop."""

        def nothing(index: Value, _: Sequence[Value]) -> Sequence[Operand]:
            inside(index)
            return ()

        self.carry(span, (), nothing, step)

    def carry(
        self,
        span: Span,
        first: Sequence[Operand],
        inside: Callable[[Value, Sequence[Value]], Sequence[Operand]],
        step: int = 1,
    ) -> list[Value]:
        """A loop that carries something, and what that is behind it; literals stand for elements."""
        index = Value(INT64)
        kinds = [(item.dtype, item.lanes if isinstance(item, Value) else self.units) for item in first]
        begun, after = ([Value(*kind) for kind in kinds] for _ in range(2))
        with self.writer.block() as body:
            ended = inside(index, begun)
        carried = tuple(Carry(*parts) for parts in zip(begun, first, ended, after, strict=True))
        self.writer.write(For(index, *span, tuple(body), step, carried=carried))
        return after

    def when(self, condition: Value, inside: Callable[[], None]) -> None:
        """A branch."""
        with self.writer.block() as body:
            inside()
        self.writer.write(If(condition, tuple(body)))

    def columns(self, span: Span, inside: Callable[[Value], None]) -> None:
        """A loop over vectors of columns."""
        self.each((self._aligned(span[0]), span[1]), inside, self.step)

    def strips(self, span: Span, inside: Callable[[Sequence[Value]], None], together: int = STRIP) -> None:
        """A loop over several vectors of columns at once, then over those that are left."""
        writer, wide = self.writer, self.step * together
        start, stop = self._aligned(span[0]), span[1]
        count = writer.let("and", INT64, writer.difference(stop, start), Literal.of(-wide, INT64))
        whole = writer.sum(start, count)

        def strip(j: Value) -> None:
            inside([j, *(writer.sum(j, self.step * k) for k in range(1, together))])

        self.each((start, whole), strip, wide)
        self.each((whole, stop), lambda j: inside([j]), self.step)

    def _aligned(self, start: Number) -> Number:
        """The first column of the vector that one lies in."""
        if self.is_across:
            return start
        if isinstance(start, int):
            return start // self.lanes * self.lanes
        return self.writer.let("and", INT64, operand(start), Literal.of(-self.lanes, INT64))

    def down(self, span: Span, inside: Callable[[Value, Value | None], None]) -> None:
        """A loop down a column, along by a vector of rows a step: of an index, and of a mask of rows."""
        if self.is_across:
            self.each(span, lambda i: inside(i, None))
            return
        index, mask = Value(INT64), Value(BOOL, self.lanes)
        with self.writer.block() as body:
            inside(index, mask)
        self.writer.write(For(index, *span, tuple(body), self.lanes, self.lanes, mask))

    def reduced(
        self, reducer: Reducer, span: Span, item: Callable[[Value, Value | None], Sequence[Operand]]
    ) -> Value:
        """A reduction down a column: of each matrix an element, or of a search its place."""
        first = empty(reducer, self.dtype)
        index, mask = Value(INT64), None if self.is_across else Value(BOOL, self.lanes)
        begun, following, after = ([Value(part.dtype, self.lanes) for part in first] for _ in range(3))
        with self.writer.block() as body:
            found = tuple(item(index, mask))
            self.writer.write(Fold(tuple(following), reducer, tuple(begun), found, mask))
        carried = tuple(Carry(*parts) for parts in zip(begun, first, following, after, strict=True))
        step, lanes = (1, 0) if self.is_across else (self.lanes, self.lanes)
        self.writer.write(For(index, *span, tuple(body), step, lanes, mask, carried))
        result = Value(INT64 if reducer.is_search else self.dtype, self.units)
        self.writer.write(Join(result, reducer, tuple(after)))
        return result


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
            self.put(i, way.behind(j, first), way.let("where", is_one, way.constant(1), way.constant(0)))

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
            each = [way.behind(i, k) if k else i for k in range(together)]
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
