"""The kernels of calls that put a few rows in order: one row at a time, in all lanes.

    work[c, l] = x[16*c + l]                        for columns c, lanes l: any element may lie anywhere
    sort each lane                                  Batcher's network over the columns, as of rows in lanes
    for runs of 1, 2, 4, 8 lanes:                   two of which lie one behind the other
        exchange lanes l and l + 8, 4, 2, 1 of one column, as far as runs are long
        exchange columns that are m / 2, .. 1 apart
    out[m*l + c] = work[c, l]

Every second run is in descending order, so that two make a sequence that rises once and falls once, which
exchanges at falling distances put in order (K. Batcher, "Sorting networks and their applications", 1968).
Keys are integers, and a run descends where the bits of its keys are turned: all exchanges are the same. Lanes
of two columns are put between each other, round after round, so that each bit of a lane's number becomes the
number of a vector once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from compiler.ir.dims import product
from compiler.ir.known_calls import Order, Sorted, function_of
from compiler.ir.node import Node
from compiler.ir.ordering import NETWORKED
from compiler.ir.types import BOOL, INT64
from compiler.loops.drafts import COUNTED, Draft, Scratched
from compiler.loops.language import Count, For, Kernel, Literal, Load, Memory, Operand, Ref, Store, Value
from compiler.loops.networks.batcher import Network, comparators, whole
from compiler.loops.networks.columns import Columns
from compiler.loops.networks.comparing import INTEGERS, Item, Keys, Kind, Packed, Pairs
from compiler.loops.networks.drafting import longest
from compiler.loops.places import Places
from compiler.loops.row import Row
from compiler.loops.squares import zips
from compiler.loops.ways import Way
from compiler.loops.writing import Writer
from compiler.schedule import schedule

LONGEST: Final = 1 << 15
LONGEST_PLACED: Final = 1 << 16
"""Bytes of a row's keys up to which it is sorted so, alone and with places: in the first cache, and near it.

Rows of 1,000, 4,096 and 8,192 float32 take 0.5 to 0.7 of NumPy's time, and one of 10,000 would take 2.
"""

FEWEST: Final = 2
"""Columns of the shortest row."""

_LAYERS: Final = 3
"""Distances of columns that are exchanged in one go."""

_TOGETHER: Final = 16
"""Columns that are put in order in registers."""

_FAR: Final = 1.4
"""What rows in lanes take where they have no room in the first cache, to what they take there."""

_MEASURED: Final = 0.4
"""What such instructions take to what others do: few wait for each other."""


def line_draft(kernel: schedule.Kernel, places: Places, vector_bytes: int) -> tuple[Draft, int] | None:
    """The loops of a call that puts few rows in order, and by how many rows they step; None for others."""
    node = kernel.members[0]
    function = function_of(node, Sorted, Order)
    x = node.operands[0].type if function is not None else None
    if function is None or x is None or x.dtype not in NETWORKED or not isinstance(x.shape[-1], int):
        return None
    drafting = _Drafting(node, function, places, vector_bytes)
    return (drafting.draft(), 1) if drafting.is_near and drafting.is_sooner() else None


class _Drafting:
    """One such kernel while it is written."""

    def __init__(self, node: Node, function: Sorted | Order, places: Places, vector_bytes: int) -> None:
        self.node, self.function = node, function
        x, self.writer, self.group = node.operands[0], Writer(), Value(INT64)
        self.dtype, width = x.type.dtype, x.type.shape[-1]
        assert isinstance(width, int)
        self.width = width
        sorts = INT64 if self.is_placed else INTEGERS.get(self.dtype, self.dtype)
        lanes = vector_bytes // sorts.size
        self.way = way = Way(self.writer, Value(INT64), sorts, lanes, is_across=True)
        kind = Keys if not self.is_placed else Packed if self.dtype.size == 4 else Pairs
        self.kind: Kind = kind(way, self.dtype, function.descending, is_along=True)
        self.columns = Columns(way, self.kind, whole(-(-width // lanes)))
        self.network = Network(self.columns, self.columns.size, self.kind.layers)
        self.count = Count(product(node.type.shape[:-1]))
        self.x, self.out = (Row.of(item, places, self.group) for item in (x, node))
        self.ordered = Memory(node.type.dtype, is_scratch=True)

    @property
    def is_placed(self) -> bool:
        """Whether places are wanted, not elements."""
        return isinstance(self.function, Order)

    @property
    def bits(self) -> int:
        """Of the number of a lane."""
        return self.way.lanes.bit_length() - 1

    @property
    def is_near(self) -> bool:
        """Whether a row has columns enough, and a cache has room for it."""
        size = self._bytes(self.columns.size)
        return self.width >= FEWEST * self.way.lanes and size <= (
            LONGEST_PLACED if self.is_placed else LONGEST
        )

    def _bytes(self, columns: int) -> int:
        return columns * self.way.lanes * sum(dtype.size for dtype in self.kind.dtypes)

    # What it takes

    @property
    def instructions(self) -> float:
        """Of a row."""
        size = self.columns.size
        compared = len(list(comparators(size))) + size / 2 * self.bits * (size.bit_length() - 1)
        compared += size / 2 * self.bits * (self.bits + 1) / 2
        turned = size * self.bits * (self.bits + 1) * len(self.kind.dtypes)
        return compared * self.kind.instructions + turned + 24 * size

    def is_sooner(self) -> bool:
        """Whether rows in lanes would take longer, as many as there are."""
        rows, lanes, kind = self.count.extent, self.way.lanes, self.kind
        if self.width > longest(self.function, self.dtype):
            return True
        across = len(list(comparators(self.width))) * kind.instructions + 24 * self.width
        far = 1 if self._bytes(self.width) <= LONGEST else _FAR
        return isinstance(rows, int) and self.instructions * rows < across * far * -(-rows // lanes)

    # The loops

    def draft(self) -> Draft:
        """The loop over rows, and what is done to each."""
        size, way = self.columns.size, self.way
        flips = [self._flip(number) for number in range(self.bits + 1)]
        with self.writer.block() as body:
            least = self._read(flips[0])
            near = min(_TOGETHER, size)
            self._walk(near, 1, list(comparators(near)))
            self.network.merge(near)
            for level in range(1, self.bits + 1):
                way.each((0, size), partial(self._exchange_lanes, level, flips[level]), 2)
                self._exchange_columns()
            self._write()
            if least is not None:
                negative = Literal.of(-(1 << 8 * least.dtype.size - 1), least.dtype)
                is_zero = way.let("eq", least, negative, dtype=BOOL)
                way.when(self.writer.let("any", BOOL, is_zero), self._restore_zeros)
        nest = For(self.group, 0, self.count, tuple(body))
        addresses = {item.memory: item.pointer for item in (self.x, self.out)}
        memories = (*addresses, *self.columns.memories, self.ordered)
        kernel = Kernel(memories, way.chunk, (), (*self.writer.blocks[0], nest))
        moves = tuple((node.type.dtype.size, node.type.size) for node in (self.node.operands[0], self.node))
        scratch = (*self.columns.scratch, Scratched(self.ordered, size * way.lanes))
        instructions = _MEASURED * self.instructions / self.width * COUNTED
        iterations = self.count.extent * self.width
        return Draft(kernel, self.count, addresses, (), iterations, instructions, moves, scratch=scratch)

    def _flip(self, level: int) -> Value:
        """Ones in the lanes whose runs change their direction before runs of 2 ** level lanes are made."""
        way = self.way
        numbers = self.writer.let("lanes", INT64, Literal.of(0, INT64), lanes=way.lanes)
        bits = [1 << number for number in (level - 1, level) if 0 <= number < self.bits]
        turned: Value | None = None
        for bit in bits:
            found = way.let("and", numbers, Literal.of(bit, INT64), dtype=INT64)
            is_set = way.let("ne", found, Literal.of(0, INT64), dtype=BOOL)
            turned = is_set if turned is None else way.let("ne", turned, is_set, dtype=BOOL)
        assert turned is not None, "a vector has two lanes or more"
        return way.let("where", turned, way.constant(-1), way.constant(0))

    def _flipped(self, item: Item, flip: Value) -> Item:
        return tuple(self.way.let("xor", part, flip) for part in item)

    def _read(self, flip: Value) -> Value | None:
        """A row's elements, and last ones behind them; of sorted floats the least pattern of bits."""
        way, writer, lanes = self.way, self.writer, self.way.lanes
        last = tuple(writer.let("splat", item.dtype, item, lanes=lanes) for item in self.kind.last)
        filled = self._flipped(last, flip)
        is_hiding = not self.is_placed and self.dtype.is_float
        integer = INTEGERS.get(self.dtype, self.dtype)

        def column(number: Value, least: Sequence[Value], mask: Value | None = None) -> Sequence[Operand]:
            first, x = writer.product(number, lanes), Value(self.dtype, lanes)
            writer.write(Load(x, self.x.ref(first, is_vector=True), mask))
            item = self._flipped(self.kind.made(x, first), flip)
            if mask is not None:
                item = tuple(
                    way.let("where", mask, *pair, dtype=pair[0].dtype)
                    for pair in zip(item, filled, strict=True)
                )
            self.columns.put(number, item)
            if not is_hiding:
                return ()
            bits = way.let("bits", x, dtype=integer)
            is_less = way.let("lt", bits, *least, dtype=BOOL)
            return [way.let("where", is_less, bits, *least, dtype=integer)]

        count = self.width // lanes
        found = way.carry((0, count), [way.constant(0, integer)] if is_hiding else [], column)
        if self.width % lanes:
            left = writer.let("first", BOOL, Literal.of(self.width % lanes, INT64), lanes=lanes)
            found = list(column(writer.sum(count, 0), found, left))
            count += 1
        way.each((count, self.columns.size), lambda number: self.columns.put(number, filled))
        return found[0] if found and isinstance(found[0], Value) else None

    def _exchange_lanes(self, level: int, flip: Value, column: Value) -> None:
        """Exchanges lanes of two columns, of which the second one is next to the first."""
        places = [column, self.writer.sum(column, 1)]
        one, other = (self._flipped(self.columns.item(place), flip) for place in places)
        for bit in range(self.bits - 1, -2, -1):
            turned = [
                tuple(self.way.let(atom, *pair) for pair in zip(one, other, strict=True))
                for atom in ("zip_low", "zip_high")
            ]
            one, other = turned
            if 0 <= bit < level:
                one, other = self.kind.exchanged(one, other)
        for place, item in zip(places, (one, other), strict=True):
            self.columns.put(place, item)

    def _exchange_columns(self) -> None:
        """Exchanges columns that are half of all apart, a quarter, .. until they are neighbours."""
        layers = self.columns.size.bit_length() - 1
        together = (layers - 1) % _LAYERS + 1
        while layers:
            count, apart = 1 << together, 1 << layers - together
            self._walk(count, apart, [(k, k ^ d) for d in _halves(count) for k in range(count) if not k & d])
            layers, together = layers - together, _LAYERS

    def _walk(self, count: int, apart: int, pairs: Sequence[tuple[int, int]]) -> None:
        """Exchanges pairs of so many columns, which are so far apart, wherever they begin."""
        way, writer = self.way, self.writer

        def inside(first: Value) -> None:
            places = [writer.sum(first, apart * number) for number in range(count)]
            items = [self.columns.item(place) for place in places]
            for place, item in zip(places, self.network.in_order(items, pairs), strict=True):
                self.columns.put(place, item)

        def group(base: Value) -> None:
            way.each((base, writer.sum(base, apart)), inside)

        if apart == 1:
            way.each((0, self.columns.size), inside, count)
        else:
            way.each((0, self.columns.size), group, apart * count)

    # What is written

    def _write(self) -> None:
        """The elements in their order: lanes one behind the other."""
        way, writer, lanes, size = self.way, self.writer, self.way.lanes, self.columns.size
        together = min(lanes, size)

        def square(first: Value) -> None:
            places = [writer.sum(first, number) for number in range(together)]
            found = zips(writer, [self.kind.result(self.columns.item(place)) for place in places])
            for number in range(together):
                start = writer.sum(first, number * (size if together == lanes else lanes))
                writer.write(Store(self._ordered(start), found(number)))

        way.each((0, size), square, together)
        index, mask = Value(INT64), Value(BOOL, lanes)
        with writer.block() as body:
            found = Value(self.ordered.dtype, lanes)
            writer.write(Load(found, self._ordered(index), mask))
            writer.write(Store(self.out.ref(index, is_vector=True), found, mask))
        writer.write(For(index, 0, self.width, tuple(body), lanes, lanes, mask))

    def _ordered(self, place: Value) -> Ref:
        size = self.columns.size * self.way.lanes
        return Ref(self.ordered, ((self.way.chunk, size), (place, 1)))

    def _restore_zeros(self) -> None:
        """Zeros in the order in which they came, behind what comes before them."""
        way, writer = self.way, self.writer
        zero = Literal.of(0.0, self.dtype)

        def element(place: Value) -> Value:
            x = Value(self.dtype)
            writer.write(Load(x, self.x.ref(place)))
            return x

        def is_before(place: Value, count: Sequence[Value]) -> Sequence[Operand]:
            x = element(place)
            found = writer.let("gt" if self.function.descending else "lt", BOOL, x, zero)
            if self.function.descending:
                found = writer.let("or", BOOL, found, writer.let("isnan", BOOL, x))
            return [writer.sum(count[0], writer.let("cast", INT64, found))]

        def put(place: Value, following: Sequence[Value]) -> Sequence[Operand]:
            x = element(place)

            def store() -> Sequence[Operand]:
                writer.write(Store(self.out.ref(following[0]), x))
                return [writer.sum(following[0], 1)]

            return way.chosen(writer.let("eq", BOOL, x, zero), following, store)

        along = Way(writer, way.chunk, way.dtype, way.lanes, is_across=False)
        start = along.carry((0, self.width), [Literal.of(0, INT64)], is_before)
        along.carry((0, self.width), start, put)


def _halves(count: int) -> list[int]:
    """Half of a power of two, a quarter, and so on to one."""
    return [count >> number for number in range(1, count.bit_length())]
