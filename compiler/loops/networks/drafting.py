"""The kernels of calls that sort: rows into scratch memory, a network over columns, and what is wanted out.

    for g in 0 .. rows in steps of 16:
        work[j] = x[min(g + lanes, rows - 1), j] for all j
        sort the columns of work
        out[min(g + lanes, rows - 1), r] = work[r] for all r

As many columns as there are lanes are in registers when they are read, and are put in order there. Floats
are compared as they are, which NaN and zeros of two signs would upset: infinities are sorted in the stead of
NaN, and where there was NaN, or -0.0, what is in order is put right before it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeAlias

from compiler.ir.dims import product
from compiler.ir.known_calls import AtRanks, First, FirstValues, Order, Ranked, Sorted, function_of
from compiler.ir.node import Node
from compiler.ir.ordering import LONGEST_NETWORKED, NETWORKED
from compiler.ir.types import BOOL, INT64, DType
from compiler.loops.drafts import COUNTED, Draft, UnsupportedError
from compiler.loops.language import (
    Count,
    For,
    Kernel,
    Literal,
    Operand,
    Ref,
    Store,
    Value,
)
from compiler.loops.networks.batcher import Network, comparators, whole
from compiler.loops.networks.columns import Columns
from compiler.loops.networks.comparing import INTEGERS, Kind, Packed, Pairs, Values
from compiler.loops.networks.ranks import Ranks
from compiler.loops.networks.rows import Rows
from compiler.loops.places import Places
from compiler.loops.ways import Way
from compiler.loops.writing import Writer
from compiler.schedule import schedule

Sorting: TypeAlias = Sorted | Order | First | FirstValues | Ranked | AtRanks

LONGER: Final = 2
"""How many times as long rows may be that are only put in order, or of 32 bits but for the first places.

Of NumPy's time rows of 10, 100, 256, 512 and 1000 elements take 0.10, 0.39, 0.45, 0.52 and 0.7 in float32,
and 0.16, 0.6, 0.57, 0.47 and 0.8 in float64. Places in int64 take 0.2, 0.4, 0.6, 0.85 and 1.1 of a call's
time, which seeks the first ten among few candidates, and then is ahead from 1000 elements on.
"""

_TURNED: Final = 12.0
"""Instructions for a vector that is read and one that is written."""


def network_draft(kernel: schedule.Kernel, places: Places, vector_bytes: int) -> tuple[Draft, int] | None:
    """The loops of a call that sorts short rows, and by how many rows they step; None for other calls.

    Raises UnsupportedError where NumPy is asked: rows are long or of unknown length, or of a dtype without
    networks.
    """
    node = kernel.members[0]
    function = function_of(node, Sorted, Order, First, FirstValues, Ranked, AtRanks)
    if function is None:
        return None
    drafting = _Drafting(node, function, places, vector_bytes)
    return drafting.draft(), drafting.way.lanes


def longest(function: Sorting, dtype: DType) -> int:
    """Up to how many elements rows of a dtype are sorted here."""
    is_narrow = dtype.size == 4 and not isinstance(function, First)
    return LONGEST_NETWORKED * (LONGER if is_narrow or isinstance(function, Sorted) else 1)


def _descends(function: Sorting) -> bool:
    """Whether the greatest element comes first."""
    match function:
        case Sorted() | Order():
            return function.descending
        case First() | FirstValues():
            return function.largest
        case _:
            return False


class _Drafting:
    """One such kernel while it is written."""

    def __init__(
        self,
        node: Node,
        function: Sorting,
        places: Places,
        vector_bytes: int,
    ) -> None:
        self.node, self.function, self.places = node, function, places
        x = node.operands[0]
        dtype, width = x.type.dtype, x.type.shape[-1]
        if dtype not in NETWORKED:
            raise UnsupportedError(f"there are no sorting networks for {dtype}")
        if not isinstance(width, int):
            raise UnsupportedError("how long its rows are is not known")
        if not 0 < width <= longest(function, dtype):
            raise UnsupportedError(f"NumPy sorts rows of {width} elements faster than a network")
        if not isinstance(node.type.shape[-1], int):
            raise UnsupportedError("how many results a row has is not known")
        self.writer, self.group = Writer(), Value(INT64)
        self.descends, is_placed = _descends(function), isinstance(function, Order | First | AtRanks)
        sorts = INT64 if is_placed else dtype
        self.way = way = Way(self.writer, Value(INT64), sorts, vector_bytes // sorts.size, is_across=True)
        kind = Values if not is_placed else Packed if dtype.size == 4 else Pairs
        self.kind: Kind = kind(way, dtype, self.descends)
        self.columns = Columns(way, self.kind, whole(width))
        self.count = Count(product(node.type.shape[:-1]))
        self.x, self.out = (Rows(way, item, places[item], self.group, self.count) for item in (x, node))
        self.addresses = {item.memory: item.pointer for item in (self.x, self.out)}

    def draft(self) -> Draft:
        """The loops over groups of rows, and what is done to each."""
        width, way = self.x.width, self.way
        ranks = None
        if isinstance(self.function, Ranked | AtRanks):
            ranks = Ranks(self.writer, self.node, self.places, width)
            self.addresses |= ranks.addresses
        self.columns.end(width)
        with self.writer.block() as body:
            self._sort()
            if ranks is None:
                self._write()
            else:
                self._write_ranked(ranks)
        nest = For(self.group, 0, self.count, tuple(body), way.lanes)
        memories = (*self.addresses, *self.columns.memories)
        kernel = Kernel(memories, way.chunk, (), (*self.writer.blocks[0], nest))
        compared = len(list(comparators(width))) * self.kind.instructions
        instructions = (compared / width + _TURNED) * COUNTED / way.lanes
        moves = tuple((node.type.dtype.size, node.type.size) for node in (self.node.operands[0], self.node))
        iterations, scratch = self.count.extent * width, self.columns.scratch
        return Draft(kernel, self.count, self.addresses, (), iterations, instructions, moves, scratch=scratch)

    # Rows in order, in scratch memory

    def _sort(self) -> None:
        """The rows of a group in order."""
        lanes, width = self.way.lanes, self.x.width
        network = Network(self.columns, width, self.kind.layers)
        seen: Sequence[Value] = []
        if self._is_hiding:
            seen = [self.way.constant(0, BOOL), self.way.constant(0, INTEGERS[self.way.dtype])]

        def run(count: int, first: Value, seen: Sequence[Value]) -> Sequence[Operand]:
            found = self.x.columns(first, count)
            places = [self.writer.sum(first, number) for number in range(count)]
            items = [self.kind.made(x, place) for x, place in zip(found, places, strict=True)]
            for place, item in zip(places, network.in_order(items, comparators(count)), strict=True):
                self.columns.put(place, item)
            return self._seen(seen, found)

        left = width % lanes
        if width >= lanes:
            seen = self.way.carry((0, width - left), seen, partial(run, lanes), lanes)
        if left:
            seen = self.way.carry((width - left, width), seen, partial(run, left), lanes)
        network.merge(lanes)
        if seen:
            has_nan, least = seen
            is_zero = self.way.let(
                "eq", least, Literal.of(-(1 << 8 * least.dtype.size - 1), least.dtype), dtype=BOOL
            )
            self.way.when(self.way.is_anywhere(is_zero), self._restore_zeros)
            self.way.when(self.way.is_anywhere(has_nan), self._restore_nan)

    @property
    def _is_hiding(self) -> bool:
        """Whether there is something that the network does not see."""
        return isinstance(self.kind, Values) and self.way.dtype.is_float

    def _seen(self, seen: Sequence[Value], found: Sequence[Value]) -> Sequence[Value]:
        """Whether there was NaN, and the least pattern of bits, which is that of -0.0."""
        if not seen:
            return []
        way, (has_nan, least) = self.way, seen
        for x in found:
            has_nan = way.let("or", has_nan, way.let("isnan", x, dtype=BOOL), dtype=BOOL)
            bits = way.let("bits", x, dtype=least.dtype)
            is_less = way.let("lt", bits, least, dtype=BOOL)
            least = way.let("where", is_less, bits, least, dtype=least.dtype)
        return has_nan, least

    def _counted(self, atom: str, of: Callable[[Value], Value], *others: Operand) -> Value:
        """In how many columns an atom holds."""
        way = self.way

        def column(place: Value, counts: Sequence[Value]) -> Sequence[Operand]:
            holds = way.let(atom, of(place), *others, dtype=BOOL)
            return [way.let("add", *counts, way.let("cast", holds, dtype=INT64), dtype=INT64)]

        (count,) = way.carry((0, self.x.width), [way.constant(0, INT64)], column)
        return count

    def _restore_zeros(self) -> None:
        """Zeros in the order in which they came, behind what comes before them."""
        way, writer, (memory,) = self.way, self.writer, self.columns.memories
        before = "gt" if self.descends else "lt"
        start = self._counted(before, lambda place: self.columns.item(place)[0], way.number(0))
        lane = writer.let("lanes", INT64, Literal.of(0, INT64), lanes=way.lanes)

        def column(place: Value, state: Sequence[Value]) -> Sequence[Operand]:
            (following,) = state
            x = self.x.column(place)
            is_zero = way.let("eq", x, way.number(0), dtype=BOOL)
            at = way.let("mul", following, Literal.of(way.lanes, INT64), dtype=INT64)
            at = way.let("add", at, lane, dtype=INT64)
            chunk = (way.chunk, self.columns.size * way.lanes)
            writer.write(Store(Ref(memory, (chunk,), at=at), x, is_zero))
            return [way.let("add", following, way.let("cast", is_zero, dtype=INT64), dtype=INT64)]

        way.carry((0, self.x.width), [start], column)

    def _restore_nan(self) -> None:
        """NaN where it stands in the order: last where it ascends, first where it descends."""
        way, width = self.way, self.x.width
        count = self._counted("isnan", self.x.column)

        def column(place: Value) -> None:
            number = place if self.descends else self.writer.difference(width - 1, place)
            is_nan = way.let("lt", way.place(number), count, dtype=BOOL)
            (x,) = self.columns.item(place)
            self.columns.put(place, (way.let("where", is_nan, way.number(float("nan")), x),))

        way.each((0, width), column)

    # What is wanted

    def _write(self) -> None:
        """Stores the first columns; the last square of several ends where they do."""
        together = min(self.way.lanes, self.out.width)

        def square(place: Value) -> None:
            first = self.writer.minimum(place, self.out.width - together)
            places = [self.writer.sum(first, number) for number in range(together)]
            self.out.store(first, [self.kind.result(self.columns.item(place)) for place in places])

        self.way.each((0, self.out.width), square, self.way.lanes)

    def _write_ranked(self, ranks: Ranks) -> None:
        """Stores the columns of some ranks; of rows with NaN the last one, where that is what is wanted."""
        assert isinstance(self.function, Ranked | AtRanks)
        last = self.columns.item(self.x.width - 1)
        is_nan = self.kind.is_nan(last) if self.function.or_nan else None

        def column(place: Value) -> None:
            found = self.kind.result(self.columns.item(ranks.rank(place)))
            if is_nan is not None:
                found = self.way.let("where", is_nan, self.kind.result(last), found, dtype=found.dtype)
            self.out.store_column(place, found)

        self.way.each((0, self.out.width), column)
