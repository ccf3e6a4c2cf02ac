"""The kernels of calls that want a few of a long row: elements of some ranks, and the first ones of an order.

    for g in 0 .. rows:
        keys[j] = order(x[g, j]) for all j                        integers that stand in the elements' order
        while several keys are from low to high:                  and the wanted rank is among theirs
            low .. high is one of its quarters, by how many keys are not above their ends
        the element is the first whose key is that; of equal ones that which the rank says

Of the first ones the last is found so. Those up to it are gathered in the order in which they come, and each
is stored behind as many as come before it; very few are sought one by one. To take a quarter, keys are read
once, by vectors, and nothing in them is branched on. Numbers differ soon: it takes some log2(n) / 2 quarters
to tell n apart, and a few for their exponents.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeAlias

from compiler.ir.dims import product
from compiler.ir.known_calls import AtRanks, First, FirstValues, Ranked, function_of
from compiler.ir.node import Node
from compiler.ir.op import Reducer
from compiler.ir.ordering import LONGEST_NETWORKED, NETWORKED
from compiler.ir.types import BOOL, INT64
from compiler.loops.drafts import COUNTED, Draft, Scratched
from compiler.loops.language import (
    Count,
    For,
    Kernel,
    Literal,
    Load,
    Operand,
    Store,
    Value,
)
from compiler.loops.networks.comparing import INTEGERS, nan_in_order
from compiler.loops.networks.ranks import Ranks
from compiler.loops.places import Places
from compiler.loops.row import Row
from compiler.loops.selecting.keys import Keys, Numbers
from compiler.loops.ways import Way
from compiler.loops.writing import Writer
from compiler.schedule import schedule

Selecting: TypeAlias = First | FirstValues | Ranked | AtRanks

LONGEST: Final = 1 << 19
"""Bytes of a row's keys, which stay in a core's own cache."""

MOST_FIRST: Final = 128
"""First elements that are put in order by comparing each with each."""

MOST_RANKS: Final = 3
"""Ranks for each of which a row is parted anew."""

_BITS: Final = 10
"""How many more bits tell a row's elements apart than its length has: signs and exponents of floats."""

_OF_A_PASS: Final = 66.0
_OF_A_FIRST: Final = 18.0
"""Instructions of a pass over the keys beside its vectors, and of one of the first elements."""


def selection_draft(kernel: schedule.Kernel, places: Places, vector_bytes: int) -> tuple[Draft, int] | None:
    """The loops of a call that wants a few of each row, and by how many rows they step; None for others.

    They are others, too, where a row is sorted sooner.
    """
    node = kernel.members[0]
    function = function_of(node, First, FirstValues, Ranked, AtRanks)
    if function is None:
        return None
    x, wanted = node.operands[0].type, node.type.shape[-1]
    width = x.shape[-1]
    if x.dtype not in NETWORKED or not isinstance(width, int) or not isinstance(wanted, int):
        return None
    most = MOST_FIRST if isinstance(function, First | FirstValues) else MOST_RANKS
    if not 0 < wanted <= most or not 0 < width * x.dtype.size <= LONGEST:
        return None
    drafting = _Drafting(node, function, places, vector_bytes)
    return (drafting.draft(), 1) if drafting.is_sooner() else None


class _Drafting:
    """One such kernel while it is written."""

    def __init__(self, node: Node, function: Selecting, places: Places, vector_bytes: int) -> None:
        self.node, self.function, self.places = node, function, places
        x = node.operands[0]
        self.dtype, width = x.type.dtype, x.type.shape[-1]
        assert isinstance(width, int)
        self.width, self.descends = width, isinstance(function, First | FirstValues) and function.largest
        integer = INTEGERS.get(self.dtype, self.dtype)
        self.writer, self.group = Writer(), Value(INT64)
        self.way = Way(self.writer, Value(INT64), integer, vector_bytes // integer.size, is_across=False)
        self.count = Count(product(node.type.shape[:-1]))
        self.x, self.out = (Row.of(item, places, self.group) for item in (x, node))
        self.addresses = {item.memory: item.pointer for item in (self.x, self.out)}
        self.keys = Keys(self.way, width)

    @property
    def wanted(self) -> int:
        found = self.node.type.shape[-1]
        assert isinstance(found, int)
        return found

    # What it takes

    @property
    def _of_one_by_one(self) -> float:
        """Instructions to seek the first elements one by one."""
        return self.wanted * (_OF_A_PASS + 2.4 * self.keys.vectors)

    @property
    def _of_parting(self) -> float:
        """Instructions to find what is of a rank."""
        parted = (_BITS + math.log2(self.width)) / 2
        return parted * (_OF_A_PASS + 4.2 * self.keys.vectors) + _OF_A_PASS + 4 * self.keys.vectors

    @property
    def _of_first(self) -> float:
        """Instructions to find the last of the first elements, and put them in order."""
        each = _OF_A_FIRST + 2.4 * self.wanted / self.way.lanes
        return self._of_parting + 3 * self.keys.vectors + self.wanted * each

    @property
    def _is_one_by_one(self) -> bool:
        """Only floats have a key that none of them can be."""
        return self.dtype.is_float and self._of_one_by_one < self._of_first

    @property
    def instructions(self) -> float:
        """Of a row."""
        if isinstance(self.function, Ranked | AtRanks):
            found = self.wanted * self._of_parting
        else:
            found = self._of_one_by_one if self._is_one_by_one else self._of_first
        return 6 * self.keys.vectors + found

    def is_sooner(self) -> bool:
        """Whether a network would take longer, which sorts rows in lanes, as many as there are."""
        if self.width > LONGEST_NETWORKED:
            return True
        rows = self.count.extent
        is_placed = isinstance(self.function, First | AtRanks)
        lanes = self.way.lanes // (2 if is_placed and self.dtype.size == 4 else 1)
        filled = min(1.0, rows / lanes) if isinstance(rows, int) and rows else 1.0
        layers = math.log2(self.width) if self.width > 1 else 0.0
        comparators = self.width * layers * (layers + 1) / 4
        each = 4.2 if is_placed and self.dtype.size == 8 else 1.8
        return self.instructions < comparators * each / (lanes * filled)

    # The loops

    def draft(self) -> Draft:
        """The loop over rows, and what is done to each."""
        ranks = None
        if isinstance(self.function, Ranked | AtRanks):
            ranks = Ranks(self.writer, self.node, self.places, self.width)
            self.addresses |= ranks.addresses
        scratch = [self.keys]
        self.keys.end()
        with self.writer.block() as body:
            row = partial(self.x.ref, is_vector=True)
            least, greatest = self.keys.write(self.dtype, self.descends, row)
            if ranks is not None:
                self._write_ranked(ranks, least, greatest)
            elif self._is_one_by_one:
                self._write_one_by_one()
            else:
                room = self.way.whole(self.wanted) + self.way.lanes
                found = [Numbers(self.way, dtype, room) for dtype in (self.way.dtype, INT64)]
                scratch += found
                self._write_first(least, greatest, *found)
        nest = For(self.group, 0, self.count, tuple(body))
        memories = (*self.addresses, *(item.memory for item in scratch))
        kernel = Kernel(memories, self.way.chunk, (), (*self.writer.blocks[0], nest))
        moves = tuple((node.type.dtype.size, node.type.size) for node in (self.node.operands[0], self.node))
        return Draft(
            kernel, self.count, self.addresses, (), self.count.extent * self.width,
            self.instructions / self.width * COUNTED, moves,
            scratch=tuple(Scratched(item.memory, item.size) for item in scratch),
        )  # fmt: skip

    def _found(self, rank: Operand, least: Value, greatest: Value) -> tuple[Value, Value]:
        """The key of a rank, and the place of its element."""
        way, row = self.way, self.keys

        def not_above(ends: Sequence[Value]) -> Sequence[Value]:
            return row.counted(lambda keys, _: [way.test("le", keys, end) for end in ends], len(ends))

        bounds = (least, greatest, way.number(0), way.number(self.width))
        low, _, below, _ = self._parted(bounds, rank, 8 * way.dtype.size, not_above)
        bound = way.spread(low)
        key = row.least(lambda keys, _: way.let("where", way.test("ge", keys, bound), keys, row.last))
        same = way.spread(key)
        first = row.least(
            lambda keys, at: way.let("where", way.test("eq", keys, same), row.places(at), row.last)
        )
        behind = way.let("sub", rank, below)
        seek = partial(self._equal_one, same, first, behind)
        (place,) = way.chosen(way.test("gt", behind, way.number(0)), (first,), seek)
        return key, place

    def _equal_one(self, key: Value, first: Value, rank: Value) -> Sequence[Operand]:
        """The place of a rank among those of equal keys, of which the first is given."""
        way, row = self.way, self.keys

        def not_behind(ends: Sequence[Value]) -> Sequence[Value]:
            def holds(keys: Value, at: Value) -> Sequence[Value]:
                places, is_one = row.places(at), way.test("eq", keys, key)
                return [way.test("and", is_one, way.test("le", places, end)) for end in ends]

            return row.counted(holds, len(ends))

        bounds = (first, way.number(self.width - 1), way.number(0), way.number(self.width))
        low, *_ = self._parted(bounds, rank, self.width.bit_length(), not_behind)
        start = way.spread(low)

        def place_from_start(keys: Value, at: Value) -> Value:
            places = row.places(at)
            is_one = way.test("and", way.test("eq", keys, key), way.test("ge", places, start))
            return way.let("where", is_one, places, row.last)

        return (row.least(place_from_start),)

    def _parted(
        self,
        bounds: tuple[Operand, Operand, Operand, Operand],
        rank: Operand,
        bits: int,
        counted: Callable[[Sequence[Value]], Sequence[Value]],
    ) -> list[Value]:
        """Bounds of a number of so many bits, how many are below the lower and not above the upper.

        They are equal in the end, or nothing else is between them. `counted` says how many are not above
        vectors of the ends of all parts but the last. Parts have a quarter each, and the last one more.
        """
        way, one = self.way, self.way.number(1)

        def parting(_: Value, state: Sequence[Value]) -> Sequence[Operand]:
            low, high, below, upto = state
            several = way.test("gt", way.let("sub", upto, below), one)

            def part() -> Sequence[Operand]:
                distance = way.let("sub", high, low)
                quarter, half = (way.let("lshr", distance, way.number(by)) for by in (2, 1))
                middle = way.let("add", low, half)
                ends = [way.let("add", low, quarter), middle, way.let("add", middle, quarter)]
                counts = counted([way.spread(end) for end in ends])
                starts = [low, *(way.let("add", end, one) for end in ends)]
                parts = list(zip(starts, [*ends, high], [below, *counts], [*counts, upto], strict=True))
                found: Sequence[Operand] = parts.pop()
                for here in reversed(parts):
                    is_here = way.test("gt", here[3], rank)
                    found = [way.let("where", is_here, *pair) for pair in zip(here, found, strict=True)]
                return found

            return way.chosen(way.test("and", several, way.test("lt", low, high)), state, part)

        return way.carry((0, bits // 2 + 3), bounds, parting)

    # What is wanted

    def _write_ranked(self, ranks: Ranks, least: Value, greatest: Value) -> None:
        """Stores what stands at each rank; of rows with NaN the last, where that is what is wanted."""
        assert isinstance(self.function, Ranked | AtRanks)
        way = self.way
        is_nan = None
        if self.function.or_nan and self.dtype.is_float:
            is_nan = way.test("eq", greatest, nan_in_order(self.dtype, self.descends))

        def result(number: Value) -> None:
            rank = self.keys.narrow(ranks.rank(number))
            if is_nan is not None:
                rank = way.let("where", is_nan, way.number(self.width - 1), rank)
            _, place = self._found(rank, least, greatest)
            self._store(number, self.keys.wide(place))

        way.each((0, self.wanted), result)

    def _store(self, number: Value, place: Value) -> None:
        """Stores an element of a place, or the place."""
        found = place if isinstance(self.function, First | AtRanks) else self._element(place)
        self.writer.write(Store(self.out.ref(number), found))

    def _element(self, place: Value) -> Value:
        x = Value(self.dtype)
        self.writer.write(Load(x, self.x.ref(place)))
        return x

    def _write_one_by_one(self) -> None:
        """Stores the first elements, each the first of the least keys, of which it is then none any more."""

        def one(number: Value) -> None:
            place = self.keys.wide(self.keys.first_least())
            self._store(number, place)
            self.keys.put(place, self.keys.last)

        self.way.each((0, self.wanted), one)

    def _write_first(self, least: Value, greatest: Value, keys: Numbers, places: Numbers) -> None:
        """Stores the first elements in their order."""
        way, row = self.way, self.keys
        key, place = self._found(way.number(self.wanted - 1), least, greatest)
        self._gather(key, place, keys, places)
        keys.put(way.writer.sum(self.wanted, 0), way.constant(row.last.value))

        def one(number: Value) -> None:
            own = way.spread(keys.element(number)), way.spread(row.narrow(number))

            def vector(first: Value, counts: Sequence[Value]) -> Sequence[Operand]:
                comes = row.comes((keys.vector(first), row.places(first)), own, "lt")
                return [way.let("add", *counts, way.let("cast", comes, dtype=way.dtype))]

            (count,) = way.carry((0, self.wanted), [way.constant(0)], vector, way.lanes)
            self._store(row.wide(row.joined(Reducer.SUM, count)), places.element(number))

        way.each((0, self.wanted), one)

    def _gather(self, key: Value, place: Value, keys: Numbers, places: Numbers) -> None:
        """The keys and places of elements up to one, in the order of places."""
        way, writer, row = self.way, self.writer, self.keys
        last = way.spread(key), way.spread(place)

        def vector(first: Value, count: Sequence[Value]) -> Sequence[Operand]:
            def lane(number: Value, behind: Sequence[Value]) -> Sequence[Operand]:
                at = writer.sum(first, number)
                found = row.element(at)
                keys.put(behind[0], found)
                places.put(behind[0], at)
                comes = row.comes((found, row.narrow(at)), (key, place), "le")
                return [writer.sum(behind[0], writer.let("cast", INT64, comes))]

            comes = row.comes((row.vector(first), row.places(first)), last, "le")
            is_any = writer.let("any", BOOL, comes)
            return way.chosen(is_any, count, lambda: way.carry((0, way.lanes), count, lane))

        way.carry((0, row.size), [Literal.of(0, INT64)], vector, way.lanes)
