"""The kernels of calls that sort: rows into scratch memory, a network over columns, and what is wanted out.

    for g in 0 .. rows in steps of 16:
        work[j] = x[min(g + lanes, rows - 1), j] for all j
        sort the columns of work
        out[min(g + lanes, rows - 1), r] = work[r] for all r

Rows are read and written as they lie and turned in registers, squares of as many rows and columns as a vector
has lanes; the last square ends where rows do, and lanes without a row do once more what the last one does.
Where neighbours of a row are no neighbours in memory, columns are read and written lane by lane.

Floats are compared as they are, which NaN and zeros of two signs would upset: a row with NaN has infinities in
their stead while it is sorted, and zeros are afterwards written in the order in which they came.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from compiler.ir.dims import Extent, Shape, product
from compiler.ir.known_calls import AtRanks, First, FirstValues, Order, Ranked, Sorted
from compiler.ir.node import Node
from compiler.ir.op import Call
from compiler.ir.types import BOOL, FLOAT32, FLOAT64, INT32, INT64, DType
from compiler.loops.drafts import Draft, UnsupportedError, number_of
from compiler.loops.factors.matrices import Way
from compiler.loops.language import (
    Carry,
    Check,
    Count,
    For,
    If,
    Kernel,
    Literal,
    Load,
    Memory,
    Number,
    Operand,
    Ref,
    Store,
    Value,
)
from compiler.loops.networks.batcher import Network, comparators, whole
from compiler.loops.networks.columns import Columns
from compiler.loops.networks.comparing import Item, Packed, Pairs, Values
from compiler.loops.places import Places, Pointer, Region
from compiler.loops.squares import every, zips
from compiler.loops.writing import Writer
from compiler.schedule import schedule

LONGEST: Final = 256
"""Elements of a row up to which a network sorts."""

_COMPARATOR: Final[Mapping[type, float]] = {Values: 4.0, Packed: 5.0, Pairs: 12.0}
"""Instructions of a comparator."""

_TURNED: Final = 12.0
"""Instructions for a vector that is read and one that is written."""


def network_draft(kernel: schedule.Kernel, places: Places, vector_bytes: int) -> tuple[Draft, int] | None:
    """The loops of a call that sorts short rows, and by how many rows they step; None for other calls.

    Raises UnsupportedError where NumPy is asked: rows are long or of unknown length, or of a dtype without
    networks.
    """
    node = kernel.members[0]
    if not isinstance(node.op, Call) or not isinstance(
        node.op.function, Sorted | Order | First | FirstValues | Ranked | AtRanks
    ):
        return None
    drafting = _Drafting(node, places, vector_bytes)
    return drafting.draft(), drafting.way.lanes


def has_network(dtype: DType, width: Extent) -> bool:
    """Whether rows of so many elements are sorted by a network."""
    return dtype in (FLOAT32, FLOAT64, INT32, INT64) and isinstance(width, int) and 0 < width <= LONGEST


class _Rows:
    """An array's memory by rows: how far they lie apart, and elements of a row."""

    def __init__(self, node: Node, places: Places) -> None:
        located = places[node]
        self.memory = Memory(node.type.dtype, label=node)
        self.pointer = located.pointer
        self.apart = number_of(_apart(node.type.shape[:-1], located.strides[:-1]))
        self.along = number_of(located.strides[-1])
        width = node.type.shape[-1]
        assert isinstance(width, int)
        self.width = width

    def ref(self, row: Value, column: Number, writer: Writer, step: Number = 1) -> Ref:
        """The place of an element."""
        place = writer.sum(column, 0) if isinstance(column, int) else column
        assert isinstance(place, Value)
        terms = tuple(term for term in ((row, self.apart), (place, self.along)) if term[1] != 0)
        return Ref(self.memory, terms, step=step)


def _apart(shape: Shape, strides: Shape) -> Extent:
    """How far rows lie apart. Raises UnsupportedError where that differs."""
    axes = [(extent, stride) for extent, stride in zip(shape, strides, strict=True) if extent != 1]
    for (_, outer), (extent, inner) in zip(axes, axes[1:], strict=False):
        if outer != extent * inner:
            raise UnsupportedError("its rows do not lie evenly in memory")
    return axes[-1][1] if axes else 0


class _Drafting:
    """One such kernel while it is written."""

    def __init__(self, node: Node, places: Places, vector_bytes: int) -> None:
        assert isinstance(node.op, Call)
        self.node, self.function = node, node.op.function
        x = node.operands[0]
        width, dtype = x.type.shape[-1], x.type.dtype
        if dtype not in (FLOAT32, FLOAT64, INT32, INT64):
            raise UnsupportedError(f"there are no sorting networks for {dtype}")
        if not isinstance(width, int):
            raise UnsupportedError("how long its rows are is not known")
        if not 0 < width <= LONGEST:
            raise UnsupportedError(f"NumPy sorts rows of {width} elements faster than a network")
        if not isinstance(node.type.shape[-1], int) or not node.type.shape[-1]:
            raise UnsupportedError("it has no known number of results in a row")
        self.x, self.out = _Rows(x, places), _Rows(node, places)
        is_placed = isinstance(self.function, Order | First | AtRanks)
        sorts = INT64 if is_placed else dtype
        self.writer, self.group = Writer(), Value(INT64)
        self.way = Way(self.writer, Value(INT64), sorts, vector_bytes // sorts.size, is_across=True)
        self.kind = (
            (Packed if dtype.size == 4 else Pairs)(self.way, dtype, self.descending)
            if is_placed
            else Values(self.way, dtype, self.descending)
        )
        self.columns = Columns(self.way, self.kind, whole(width))
        self.count = Count(product(node.type.shape[:-1]))
        self.addresses = {item.memory: item.pointer for item in (self.x, self.out)}
        self.places = places

    @property
    def descending(self) -> bool:
        """Whether the greatest element comes first."""
        match self.function:
            case Sorted() | Order():
                return self.function.descending
            case First() | FirstValues():
                return self.function.largest
            case _:
                return False

    def draft(self) -> Draft:
        """The loops over groups of rows, and what is done to each."""
        width, way = self.x.width, self.way
        ranks = self._ranks() if isinstance(self.function, Ranked | AtRanks) else None
        with self.writer.block() as body:
            self._sort()
            if ranks is None:
                self._write()
            else:
                self._write_ranked(*ranks)
        nest = For(self.group, 0, self.count, tuple(body), way.lanes)
        kernel = Kernel(
            (*self.addresses, *self.columns.memories), way.chunk, (), (*self.writer.blocks[0], nest)
        )
        for_columns = len(list(comparators(width))) * _COMPARATOR[type(self.kind)] + width * _TURNED
        instructions = for_columns / width / way.lanes
        moves = tuple((node.type.dtype.size, node.type.size) for node in (self.node.operands[0], self.node))
        iterations = self.count.extent * width
        scratch = self.columns.scratch
        return Draft(
            kernel, self.count, self.addresses, (), iterations, instructions, moves, scratch=scratch
        )

    # Rows in, and what a network does not see

    def _sort(self) -> None:
        """The rows of a group in order, in scratch memory."""
        columns, width = self.columns, self.x.width
        columns.end(width)
        state = self._read()
        network = Network(columns, width)
        if not state:
            network.sort()
            return
        has_nan, least = state
        is_unknown = self.way.is_anywhere(has_nan)
        unknown = self._hidden(is_unknown)
        network.sort()
        negative_zero = self.way.let("eq", least, self._negative_zero, dtype=BOOL)
        self.way.when(self.way.is_anywhere(negative_zero), self._restore_zeros)
        self.way.when(is_unknown, lambda: self._restore_nan(unknown))

    @property
    def _lines(self) -> list[Value]:
        """The row of each lane."""
        writer = self.writer
        last = writer.difference(self.count, 1)
        return [writer.minimum(writer.sum(self.group, number), last) for number in range(self.way.lanes)]

    @property
    def _exists(self) -> Value:
        left = self.writer.difference(self.count, self.group)
        return self.writer.let("first", BOOL, left, lanes=self.way.lanes)

    def _read(self) -> Sequence[Value]:
        """Every column into scratch memory; of floats whether there is NaN, and the least pattern of bits."""
        rows, way, writer = self.x, self.way, self.writer
        first = self._nothing_seen()
        if rows.along != 1:

            def column(place: Value, *seen: Value) -> Sequence[Operand]:
                x = self._column(place)
                self.columns.put(place, self.kind.made(x, place))
                return self._seen(seen, [x])

            return way.loop(0, rows.width, column, first=first)
        lines, lanes = self._lines, way.lanes
        known = min(rows.width, lanes)
        mask = None
        if known < lanes:
            mask = writer.let("first", BOOL, Literal.of(known, INT64), lanes=lanes)

        def square(place: Value, *seen: Value) -> Sequence[Operand]:
            begin = writer.minimum(place, rows.width - known)
            parts = [Value(rows.memory.dtype, lanes) for _ in lines]
            for line, part in zip(lines, parts, strict=True):
                writer.write(Load(part, rows.ref(line, begin, writer), mask))
            found = [every(writer, parts, number) for number in range(known)]
            for number, x in enumerate(found):
                here = writer.sum(begin, number)
                self.columns.put(here, self.kind.made(x, here))
            return self._seen(seen, found)

        return way.loop(0, rows.width, square, first=first, step=lanes)

    def _column(self, place: Value) -> Value:
        """A column of the rows as they are given."""
        rows, way, writer = self.x, self.way, self.writer
        last = writer.let("splat", INT64, writer.difference(self.count, 1), lanes=way.lanes)
        at = writer.let("lanes", INT64, self.group, lanes=way.lanes)
        at = writer.let("minimum", INT64, at, last, lanes=way.lanes)
        x = Value(rows.memory.dtype, way.lanes)
        terms = ((place, rows.along),) if rows.along != 0 else ()
        writer.write(Load(x, Ref(rows.memory, terms, at=at, stride=rows.apart)))
        return x

    @property
    def _integer(self) -> DType:
        return INT32 if self.way.dtype.size == 4 else INT64

    @property
    def _negative_zero(self) -> Literal:
        """Of its bits no integer is less than those of -0.0."""
        return Literal.of(-(1 << (8 * self._integer.size - 1)), self._integer)

    def _nothing_seen(self) -> Sequence[Value]:
        if not isinstance(self.kind, Values) or not self.way.dtype.is_float:
            return []
        return [self.way.constant(0, BOOL), self.way.constant(0, self._integer)]

    def _seen(self, seen: Sequence[Value], found: Sequence[Value]) -> Sequence[Value]:
        """What is known of more columns."""
        if not seen:
            return []
        way, (has_nan, least) = self.way, seen
        for x in found:
            has_nan = way.let("or", has_nan, way.let("isnan", x, dtype=BOOL), dtype=BOOL)
            bits = way.let("bits", x, dtype=self._integer)
            is_less = way.let("lt", bits, least, dtype=BOOL)
            least = way.let("where", is_less, bits, least, dtype=self._integer)
        return has_nan, least

    def _hidden(self, is_unknown: Value) -> Value:
        """Infinities in the stead of NaN, and how many there are in each row."""
        way, lanes = self.way, self.way.lanes
        inside, after = Value(INT64, lanes), Value(INT64, lanes)
        none = way.constant(0, INT64)

        def column(place: Value, count: Value) -> Sequence[Operand]:
            (x,) = self.columns.item(place)
            is_nan = way.let("isnan", x, dtype=BOOL)
            self.columns.put(place, (way.let("where", is_nan, way.number(float("inf")), x),))
            return [way.let("add", count, way.let("cast", is_nan, dtype=INT64), dtype=INT64)]

        with self.writer.block() as body:
            (count,) = way.loop(0, self.x.width, column, first=[inside])
        self.writer.write(If(is_unknown, tuple(body), carried=(Carry(inside, none, count, after),)))
        return after

    def _restore_zeros(self) -> None:
        """Zeros in the order in which they came, behind what comes before them."""
        way, writer, (memory,) = self.way, self.writer, self.columns.memories
        before = "gt" if self.descending else "lt"

        def counted(place: Value, count: Value) -> Sequence[Operand]:
            comes = way.let(before, self.columns.item(place)[0], way.number(0), dtype=BOOL)
            return [way.let("add", count, way.let("cast", comes, dtype=INT64), dtype=INT64)]

        (start,) = way.loop(0, self.x.width, counted, first=[way.constant(0, INT64)])
        lane = writer.let("lanes", INT64, Literal.of(0, INT64), lanes=way.lanes)

        def column(place: Value, following: Value) -> Sequence[Operand]:
            x = self._column(place)
            is_zero = way.let("eq", x, way.number(0), dtype=BOOL)
            at = way.let(
                "add",
                way.let("mul", following, Literal.of(way.lanes, INT64), dtype=INT64),
                lane,
                dtype=INT64,
            )
            ref = Ref(memory, ((way.chunk, self.columns.size * way.lanes),), at=at)
            writer.write(Store(ref, x, is_zero))
            return [way.let("add", following, way.let("cast", is_zero, dtype=INT64), dtype=INT64)]

        way.loop(0, self.x.width, column, first=[start])

    def _restore_nan(self, count: Value) -> None:
        """NaN where it stands in the order, which is last of ascending and first of descending."""
        way, width = self.way, self.x.width

        def column(place: Value) -> None:
            number = place if self.descending else self.writer.difference(width - 1, place)
            is_nan = way.let("lt", way.place(number), count, dtype=BOOL)
            (x,) = self.columns.item(place)
            self.columns.put(place, (way.let("where", is_nan, way.number(float("nan")), x),))

        way.loop(0, width, column)

    # What is wanted out

    def _write(self) -> None:
        """Stores the first columns."""
        rows, way, writer = self.out, self.way, self.writer
        if rows.along != 1 or rows.width == 1:
            way.loop(0, rows.width, lambda place: self._put(place, self._result(self.columns.item(place))))
            return
        lines, lanes = self._lines, way.lanes
        known = min(rows.width, lanes)
        mask = None
        if known < lanes:
            mask = writer.let("first", BOOL, Literal.of(known, INT64), lanes=lanes)

        def square(place: Value) -> None:
            begin = writer.minimum(place, rows.width - known)
            found = [self._result(self.columns.item(writer.sum(begin, number))) for number in range(known)]
            row = zips(writer, [*found, *[found[-1]] * (lanes - known)])
            for number, line in enumerate(lines):
                writer.write(Store(rows.ref(line, begin, writer), row(number), mask))

        way.loop(0, rows.width, square, step=lanes)

    def _result(self, item: Item) -> Value:
        return self.kind.result(item)

    def _put(self, place: Value, value: Value) -> None:
        """Stores a column of results."""
        ref = self.out.ref(self.group, place, self.writer, step=self.out.apart)
        self.writer.write(Store(ref, value, self._exists))

    def _ranks(self) -> tuple[Callable[[Value], Value], int]:
        """The rank that each result has, and how many there are; they are checked first."""
        node, writer = self.node.operands[1], self.writer
        (count,), located = node.type.shape, self.places[node]
        assert isinstance(count, int)
        memory, status = Memory(node.type.dtype, label=node), Memory(INT64)
        self.addresses[memory] = located.pointer
        self.addresses[status] = Pointer(Region.STATUS, 0)
        stride = number_of(located.strides[0])

        def rank(place: Value) -> Value:
            found = Value(memory.dtype)
            writer.write(Load(found, Ref(memory, ((place, stride),))))
            number = writer.cast(found, memory.dtype, INT64)
            assert isinstance(number, Value)
            return number

        def check(place: Value) -> None:
            found = rank(place)
            is_known = writer.let("lt", BOOL, found, Literal.of(self.x.width, INT64))
            writer.write(Check(writer.let("ge", BOOL, found, Literal.of(0, INT64)), status))
            writer.write(Check(is_known, status))

        self.way.loop(0, count, check)
        return rank, count

    def _write_ranked(self, rank: Callable[[Value], Value], count: int) -> None:
        """Stores the columns of some ranks, or NaN of rows that have one."""
        assert isinstance(self.function, Ranked | AtRanks)
        last = self.columns.item(self.x.width - 1)
        is_nan = self.kind.is_nan(last) if self.function.or_nan else None

        def column(place: Value) -> None:
            found = self._result(self.columns.item(rank(place)))
            if is_nan is not None:
                found = self.way.let("where", is_nan, self._result(last), found)
            self._put(place, found)

        self.way.loop(0, count, column)
