"""Searches down columns that are few by whole vectors: lanes hold rows, too, and what they find is compared.

    for i in 0 .. 2:                               for k in 0 .. n / 2:
        for j in 0 .. n:                               b, a = argmax(b, a, x[4*k; 4 lanes], 2*k + [0,0,1,1])
            b, a = argmax(b, a, x[2*j + i], j)     room = a
        y[i] = join argmax(b, a)               ->  for i in 0 .. 2:
                                                       b = max over p in 0 .. 2 of x[2*room[2*p + i] + i]
                                                       a = min over p of room[2*p + i] where x there is b
                                                       for j in n / 2 * 2 .. n:
                                                           b, a = argmax(b, a, x[2*j + i], j)
                                                       y[i] = join argmax(b, a)

Two columns fill 2 lanes of 16; dealt out they fill all. Every lane searches its rows in their order. Of those
that found equal values the least place wins, as does the first of equals in order; NaN is above all numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from compiler.ir.op import Reducer
from compiler.ir.types import BOOL, INT64, DType
from compiler.loops.drafts import Draft, known_extent
from compiler.loops.language import (
    Carry,
    Fold,
    For,
    Join,
    Let,
    Literal,
    Load,
    Memory,
    Operand,
    Ref,
    Stmt,
    Store,
    Value,
    operand,
)
from compiler.loops.reductions import empty, identity
from compiler.loops.walking import stride
from compiler.loops.writing import Writer

WIDEST: Final = 8
"""Vectors of a period of rows; more would not stay in registers."""

FEW: Final = 8
"""Periods; a search of fewer is left alone."""


@dataclass(frozen=True, slots=True)
class _Search:
    """A loop over columns, that over rows inside it, which searches one array, and what ends it."""

    columns: For
    rows: For
    load: Load
    fold: Fold
    join: Join
    store: Store
    width: int


def deal(draft: Draft, lanes: int) -> Draft:
    """The draft with its search over rows of few columns by whole vectors."""
    loops: list[For] = []
    body: Sequence[Stmt] = draft.kernel.body
    while len(body) == 1 and isinstance(body[0], For):
        found = _search(body[0], lanes)
        if found is not None:
            return _dealt(draft, loops, found, lanes)
        loops.append(body[0])
        body = body[0].body
    return draft


def _dealt(draft: Draft, loops: Sequence[For], found: _Search, lanes: int) -> Draft:
    writing = _Dealing(found, lanes)
    body = tuple(writing.written())
    for loop in reversed(loops):
        body = (replace(loop, body=body),)
    kernel = replace(draft.kernel, body=body, rooms=(*draft.kernel.rooms, writing.room))
    return replace(draft, kernel=kernel)


def _search(columns: For, lanes: int) -> _Search | None:
    """A search over rows that lie side by side, if they have no more columns than half a vector has lanes."""
    match columns.body:
        case (
            For(body=(Load() as load, Let(atom="place") as place, Fold() as fold)) as rows,
            Join(),
            Store(),
        ):
            _, join, store = columns.body
            assert isinstance(join, Join)
            assert isinstance(store, Store)
        case _:
            return None
    width = known_extent(columns.stop)
    if not isinstance(width, int) or not 1 < width <= lanes // 2 or load.ref.at is not None:
        return None
    is_plain = (
        fold.reducer.is_search and fold.item == (load.value, place.value) and load.value.dtype is not BOOL
    )
    is_dense = known_extent(stride(load.ref, rows.index)) == width and stride(load.ref, columns.index) == 1
    if not is_plain or not is_dense or place.operands != (rows.index,):
        return None
    extent, period = known_extent(rows.stop), math.lcm(width, lanes)
    is_long = not isinstance(extent, int) or extent * width >= FEW * period
    return (
        _Search(columns, rows, load, fold, join, store, width)
        if is_long and period <= WIDEST * lanes
        else None
    )


class _Dealing:
    """Writes the search by vectors, and what compares the finds of their lanes."""

    def __init__(self, found: _Search, lanes: int) -> None:
        self.found, self.lanes = found, lanes
        self.period = math.lcm(found.width, lanes)
        self.together = self.period // found.width
        self.room = Memory(INT64, self.period)
        self.writer = Writer()

    def written(self) -> Sequence[Stmt]:
        """The statements."""
        found, writer = self.found, self.writer
        steps = writer.let("div", INT64, operand(found.rows.stop), _whole(self.together))
        self._vectors(steps)
        with writer.block() as body:
            self._column(writer.product(steps, self.together))
        writer.write(replace(found.columns, body=tuple(body)))
        return writer.blocks[0]

    def _vectors(self, steps: Value) -> None:
        """The search of each lane, whose place ends in the room."""
        found, writer, index = self.found, self.writer, Value(INT64)
        firsts = range(0, self.period, self.lanes)
        rows = [self._row_of(first) for first in firsts]
        inside, following, after = ([self._state() for _ in firsts] for _ in range(3))
        with writer.block() as body:
            row = writer.let("splat", INT64, writer.product(index, self.together), lanes=self.lanes)
            for number, first in enumerate(firsts):
                item = Value(found.load.value.dtype, self.lanes)
                start = writer.product(index, self.period)
                writer.write(Load(item, self._at(writer.sum(start, first) if first else start)))
                place = writer.let("add", INT64, row, rows[number], lanes=self.lanes)
                writer.write(Fold(following[number], found.fold.reducer, inside[number], (item, place)))
        carried = tuple(
            Carry(*parts)
            for number in range(len(firsts))
            for parts in zip(inside[number], self._nothing, following[number], after[number], strict=True)
        )
        writer.write(For(index, 0, steps, tuple(body), carried=carried))
        for number, first in enumerate(firsts):
            place = ((writer.sum(first, 0), 1),) if first else ()
            writer.write(Store(Ref(self.room, place), after[number][1]))

    def _row_of(self, first: int) -> Value:
        """The row of each lane of a vector of a period."""
        places = self.writer.let("lanes", INT64, _whole(first), lanes=self.lanes)
        return self.writer.let("div", INT64, places, _whole(self.found.width), lanes=self.lanes)

    @property
    def _nothing(self) -> tuple[Literal, ...]:
        return empty(self.found.fold.reducer, self.found.load.value.dtype)

    def _state(self) -> tuple[Value, ...]:
        return tuple(Value(part.dtype, self.lanes) for part in self._nothing)

    def _at(self, *terms: Value | tuple[Value, int]) -> Ref:
        """A place in what is searched, from its first row and column on."""
        ref, own = self.found.load.ref, (self.found.rows.index, self.found.columns.index)
        outside = tuple((index, number) for index, number in ref.terms if index not in own)
        return Ref(
            ref.memory, (*outside, *((term, 1) if isinstance(term, Value) else term for term in terms))
        )

    def _column(self, rest: Value) -> None:
        """Of one column: the best of what lanes found, its least place, and the rows that are left."""
        found, writer = self.found, self.writer
        is_min, dtype = found.fold.reducer.prefers_less, found.load.value.dtype
        best = self._over_lanes(Reducer.MIN if is_min else Reducer.MAX, dtype, lambda item, _: item)
        last = identity(Reducer.MIN, INT64)

        def matching(item: Value, place: Value) -> Operand:
            is_best = writer.let("eq", BOOL, item, best)
            if dtype.is_float:
                both = writer.let("and", BOOL, *(writer.let("isnan", BOOL, value) for value in (item, best)))
                is_best = writer.let("or", BOOL, is_best, both)
            return writer.let("where", INT64, is_best, place, Literal.of(last, INT64))

        least = self._over_lanes(Reducer.MIN, INT64, matching)
        carried = (
            replace(item, first=first) for item, first in zip(found.rows.carried, (best, least), strict=True)
        )
        writer.extend([replace(found.rows, start=rest, carried=tuple(carried)), found.join, found.store])

    def _over_lanes(self, reducer: Reducer, dtype: DType, of: Callable[[Value, Value], Operand]) -> Value:
        """A reduction of what lanes found: of each an item and its place."""
        found, writer, lane, total = self.found, self.writer, Value(INT64), Value(dtype)
        column, nothing = found.columns.index, empty(reducer, dtype)
        inside, following, after = (tuple(Value(part.dtype) for part in nothing) for _ in range(3))
        with writer.block() as body:
            place, item = Value(INT64), Value(found.load.value.dtype)
            writer.write(Load(place, Ref(self.room, ((lane, found.width), (column, 1)))))
            writer.write(Load(item, self._at((place, found.width), column)))
            writer.write(Fold(following, reducer, inside, (of(item, place),)))
        carried = tuple(Carry(*parts) for parts in zip(inside, nothing, following, after, strict=True))
        writer.write(For(lane, 0, self.together, tuple(body), carried=carried))
        writer.write(Join(total, reducer, after))
        return total


def _whole(number: int) -> Literal:
    return Literal.of(number, INT64)
