"""The keys of a row in scratch memory: integers in the order of its elements, and what is asked about all.

    keys[j] = order(x[g, j])        for j below the row's width, and behind it keys that nothing comes behind

They are read by vectors, some at a time, so that additions and comparisons do not wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from compiler.ir.op import Reducer
from compiler.ir.types import BOOL, INT64, DType
from compiler.loops.language import (
    Carry,
    Fold,
    For,
    Join,
    Literal,
    Load,
    Memory,
    Number,
    Operand,
    Ref,
    Store,
    Value,
)
from compiler.loops.networks.comparing import in_order
from compiler.loops.reductions import empty
from compiler.loops.ways import STRIP, Way

Asked: TypeAlias = Callable[[Value, Value], Value]
"""A vector, given one of keys and the place of its first."""


class Numbers:
    """Numbers of a row in scratch memory, so many a chunk."""

    def __init__(self, way: Way, dtype: DType, size: int) -> None:
        self.way, self.size, self.memory = way, size, Memory(dtype, is_scratch=True)

    def _ref(self, place: Value) -> Ref:
        return Ref(self.memory, ((self.way.chunk, self.size), (place, 1)))

    def vector(self, place: Value) -> Value:
        """Those from one on, as many as there are lanes."""
        found = Value(self.memory.dtype, self.way.lanes)
        self.way.writer.write(Load(found, self._ref(place)))
        return found

    def element(self, place: Value) -> Value:
        """One of them."""
        found = Value(self.memory.dtype)
        self.way.writer.write(Load(found, self._ref(place)))
        return found

    def put(self, place: Value, value: Operand, mask: Value | None = None) -> None:
        """Stores one, or a vector of them."""
        self.way.writer.write(Store(self._ref(place), value, mask))


class Keys(Numbers):
    """The keys of a row of `width` elements, in the dtype of the way."""

    def __init__(self, way: Way, width: int) -> None:
        together = STRIP * way.lanes
        super().__init__(way, way.dtype, -(-width // together) * together)
        self.width, self.together = width, together
        self.last = Literal.of((1 << 8 * way.dtype.size - 1) - 1, way.dtype)
        """A key that is not below another."""

    @property
    def vectors(self) -> int:
        """How many are read for all keys."""
        return self.size // self.way.lanes

    def end(self) -> None:
        """Last keys behind a row's, up to as many as are read at a time."""
        last, lanes = self.way.constant(self.last.value), self.way.lanes
        for place in range(self.width // lanes * lanes, self.size, lanes):
            self.put(self.way.writer.sum(place, 0), last)

    def write(self, dtype: DType, descending: bool, ref: Callable[[Value], Ref]) -> list[Value]:
        """Keys of a row, vectors of which lie where `ref` says: the least and the greatest of them."""
        way, writer = self.way, self.way.writer
        index, mask = Value(INT64), Value(BOOL, way.lanes)
        reducers = (Reducer.MIN, Reducer.MAX)
        begun, following, after = ([Value(way.dtype, way.lanes) for _ in reducers] for _ in range(3))
        with writer.block() as body:
            x = Value(dtype, way.lanes)
            writer.write(Load(x, ref(index), mask))
            key = in_order(way, dtype, descending, x)
            self.put(index, key, mask)
            for reducer, state, result in zip(reducers, begun, following, strict=True):
                writer.write(Fold((result,), reducer, (state,), (key,), mask))
        first = [empty(reducer, way.dtype)[0] for reducer in reducers]
        carried = tuple(Carry(*parts) for parts in zip(begun, first, following, after, strict=True))
        writer.write(For(index, 0, self.width, tuple(body), way.lanes, way.lanes, mask, carried))
        return [self.joined(reducer, state) for reducer, state in zip(reducers, after, strict=True)]

    # Places, and numbers beside them, as wide as keys are

    def places(self, first: Value) -> Value:
        """The places of the keys of a vector."""
        found = self.way.places(first)
        return found if self.way.dtype is INT64 else self.way.let("cast", found)

    def narrow(self, number: Number) -> Value:
        """A place or a rank."""
        scalar = self.way.writer.sum(number, 0)
        return scalar if self.way.dtype is INT64 else self.way.let("cast", scalar)

    def wide(self, number: Value) -> Value:
        """A place as places in memory are."""
        return number if number.dtype is INT64 else self.way.writer.let("cast", INT64, number)

    def comes(self, item: tuple[Value, Value], other: tuple[Value, Value], atom: str) -> Value:
        """Whether keys with their places come before others; places are compared by `atom`."""
        way, (key, place), (key_of_other, place_of_other) = self.way, item, other
        is_near = way.test(atom, place, place_of_other)
        is_same = way.test("and", way.test("eq", key, key_of_other), is_near)
        return way.test("or", way.test("lt", key, key_of_other), is_same)

    # What is asked about all keys

    def joined(self, reducer: Reducer, state: Value) -> Value:
        """A scalar of all lanes."""
        found = Value(state.dtype)
        self.way.writer.write(Join(found, reducer, (state,)))
        return found

    def counted(self, holds: Callable[[Value, Value], Sequence[Value]], things: int) -> list[Value]:
        """For each of some things, of how many keys it holds; it does of none behind the row's."""
        way, writer = self.way, self.way.writer

        def strip(place: Value, counts: Sequence[Value]) -> Sequence[Operand]:
            places = [writer.sum(place, way.lanes * number) for number in range(STRIP)]
            found = [one for place in places for one in holds(self.vector(place), place)]
            return [
                way.let("add", count, way.let("cast", one, dtype=way.dtype))
                for count, one in zip(counts, found, strict=True)
            ]

        counts = way.carry((0, self.size), [way.constant(0)] * (STRIP * things), strip, self.together)
        while len(counts) > things:
            half = len(counts) // 2
            counts = [way.let("add", *pair) for pair in zip(counts[:half], counts[half:], strict=True)]
        return [self.joined(Reducer.SUM, count) for count in counts]

    def least(self, item: Asked) -> Value:
        """The least of numbers."""
        way = self.way

        def vector(place: Value, best: Sequence[Value]) -> Sequence[Operand]:
            return [self._minimum([*best, item(self.vector(place), place)])]

        (best,) = way.carry((0, self.size), [way.constant(self.last.value)], vector, way.lanes)
        return self.joined(Reducer.MIN, best)

    def first_least(self) -> Value:
        """The first place of the least key, which is not the last one that there is."""
        way, writer = self.way, self.way.writer

        def strip(first: Value, state: Sequence[Value]) -> Sequence[Operand]:
            found: list[Operand] = []
            for number, (best, at) in enumerate(zip(state[::2], state[1::2], strict=True)):
                place = writer.sum(first, way.lanes * number)
                keys = self.vector(place)
                is_less = way.test("lt", keys, best)
                found.append(way.let("where", is_less, keys, best))
                found.append(way.let("where", is_less, self.places(place), at))
            return found

        last = way.constant(self.last.value)
        state = way.carry((0, self.size), [last] * (2 * STRIP), strip, self.together)
        least = way.spread(self.joined(Reducer.MIN, self._minimum(state[::2])))
        places = [
            way.let("where", way.test("eq", best, least), at, self.last)
            for best, at in zip(state[::2], state[1::2], strict=True)
        ]
        return self.joined(Reducer.MIN, self._minimum(places))

    def _minimum(self, items: Sequence[Value]) -> Value:
        """Lane by lane."""
        found, *others = items
        for other in others:
            found = self.way.let("where", self.way.test("lt", other, found), other, found)
        return found
