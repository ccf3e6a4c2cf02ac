"""How elements lie in lanes, in kernels that are written by vectors: each lane another one, or side by side.

    across    x = work[(n*i + j) * 8; 8 lanes]         element (i, j) of 8 matrices
    along     x = work[n*i + j]                        element (i, j) of one
              v = work[n*i + j; 8 lanes]               and what stands behind it in its row

An algorithm is written once, in elements and in vectors. Across, both are one: a vector walks from column to
column. Along, an element is a scalar, and a vector begins at a multiple of its lanes: what stands before a
column in the same vector is computed, too, and is never read again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
    Number,
    Operand,
    Value,
    operand,
)
from compiler.loops.reductions import empty
from compiler.loops.writing import Writer

Span: TypeAlias = tuple[Number, Number]
"""From an index on, and up to one."""

STRIP: Final = 4
"""How many vectors of columns are summed at once, so that additions do not wait for each other."""


@dataclass(frozen=True)
class Way:
    """How elements lie in lanes, and the kernel that is written."""

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

    # Rows or matrices of an array, one a lane

    def of_lanes(self, group: Value, count: Number) -> Value:
        """The places of those from one on, of `count`: lanes without one have the last once more."""
        last = self.writer.difference(count, 1)
        last = self.writer.let("splat", INT64, last, lanes=self.lanes)
        at = self.writer.let("lanes", INT64, group, lanes=self.lanes)
        return self.writer.let("minimum", INT64, at, last, lanes=self.lanes)

    def exist(self, group: Value, count: Number) -> Value:
        """Which lanes have one."""
        return self.writer.let("first", BOOL, self.writer.difference(count, group), lanes=self.lanes)

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

    def chosen(
        self, condition: Value, given: Sequence[Value], make: Callable[[], Sequence[Operand]]
    ) -> list[Value]:
        """What is made where a scalar condition holds, else what is given."""
        with self.writer.block() as body:
            made = make()
        inside, after = ([Value(item.dtype, item.lanes) for item in given] for _ in range(2))
        carried = tuple(Carry(*parts) for parts in zip(inside, given, made, after, strict=True))
        self.writer.write(If(condition, tuple(body), carried=carried))
        return after

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
