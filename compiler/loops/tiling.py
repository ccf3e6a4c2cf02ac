"""Computes a product by tiles of sums that stay in registers.

    for i in 0 .. n:                               for ib in 0 .. n by 512:
        for j in 0 .. m:                               for jp in 0 .. m by 32:
            for k in 0 .. l:  carrying s = 0.0             pack the panel of w at jp
                s = fma(x[i,k], w[k,j], s)    ->           for it in ib .. min(ib + 512, n) by 8:
            y[i,j] = relu(s)                                   tile: sums of 8 x 32 over k
                                                               for i in it .. min(it + 8, n):
                                                                   for j in jp .. min(jp + 32, m):
                                                                       y[i,j] = relu(sums[...])

Outside in: blocks of rows; panels of columns as wide as the tile; blocks of terms; tiles of rows. Where sums
of several blocks can lie in the result until they are whole, panels are inside of blocks of terms: a block of
the left side stays in a near cache. Where the right side's rows do not lie as the tile reads them, a panel of
them is copied once for all tiles of a block of rows (Goto and van de Geijn, "Anatomy of high-performance
matrix multiplication", ACM TOMS 34(3), 2008; without their packing of the left side, which small matrices do
not repay). Where nothing follows the sums, and their terms are one block, a tile stores them in the result. A
large result of few terms takes longer to store than to compute: its tiles follow each other along its rows,
by a copy of a strip of the right side. Each sum is the chain of multiply-adds that it was: neither layout,
tile nor chunk changes a bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from compiler.ir.types import BOOL, INT64
from compiler.loops.copying import Copy
from compiler.loops.language import (
    Along,
    For,
    If,
    Kernel,
    Layout,
    Literal,
    Load,
    Memory,
    Number,
    Pack,
    Ref,
    Stmt,
    Store,
    Tile,
    Value,
    operand,
)
from compiler.loops.machine import Machine
from compiler.loops.recognition import Product
from compiler.loops.shapes import SHORT_DEPTH, choose
from compiler.loops.tables import BLOCK_DEPTH
from compiler.loops.vectors import vectorise
from compiler.loops.walking import definitions, multiple, stride
from compiler.loops.writing import Writer

COPY_ROWS: Final = 32
"""Rows from which on it pays to copy a panel that could be read in place."""

CROWDED: Final = 1 << 12
CROWDED_ROWS: Final = 16
"""The same where rows lie a multiple of so many bytes apart: a first cache has places for a few of them, and
what the first tile read is gone when the next one comes. 0.75 to 0.9 of the time for 16 to 28 rows."""

STRIP: Final = 8
"""Tiles along a row of the result before those of the next rows."""

NEAR: Final = 4
"""Vectors that rows of the right side are apart at most where they are as good as a copied panel's."""


def tile(kernel: Kernel, found: Product, machine: Machine) -> Kernel:
    """The kernel by tiles, the maps behind them by vectors."""
    writing = _Tiling(found, machine, definitions(kernel.body))
    body = writing.block(kernel.body)
    tiled = replace(kernel, body=body, rooms=(*kernel.rooms, *writing.rooms))
    return vectorise(tiled, writing.shape.wide)


class _Tiling(Copy):
    """Writes the loops over rows and columns as loops over tiles."""

    def __init__(self, found: Product, machine: Machine, known: Mapping[Value, Stmt]) -> None:
        super().__init__()
        self.found, self.machine = found, machine
        rows, columns, depth = found.extents
        self.shape = choose(machine, found.dtype, rows, columns, depth, by_table=found.by_row is not None)
        self.whole = multiple(found.columns.stop, known) % self.shape.columns == 0
        self.one_block = depth is not None and depth <= BLOCK_DEPTH
        held = self.shape.rows if self.one_block else self.shape.held_rows
        self.sums = Memory(found.dtype, held * self.shape.columns)
        is_direct = found.layout is Layout.ROWS and (self.whole or machine.has_masked_memory)
        self.copied_from = CROWDED_ROWS if self._is_crowded() else COPY_ROWS
        is_few = rows is not None and rows < self.copied_from
        is_near = is_few or found.follows_table or self._is_near()
        self.result = self._result()
        self.is_stored = self.result is not None and self._is_bare()
        self.adds = self.result is not None and not self.one_block
        self.along_rows = self.shape.along_rows and self.result is not None and not found.follows_table
        self.is_packed = self.along_rows or not (is_direct and is_near)
        strip = SHORT_DEPTH * self._apart
        self.room = Memory(found.dtype, strip if self.along_rows else BLOCK_DEPTH * self.shape.columns)
        rooms = (self.sums,) if self.result is None else ()
        self.rooms = (*rooms, self.room) if self.is_packed else rooms
        self.writer = Writer()

    @property
    def _apart(self) -> int:
        """How far the rows of a strip's copy are apart: not so far that each is in the way of the next."""
        return STRIP * self.shape.columns + self.shape.lanes

    def _is_near(self) -> bool:
        """Whether rows of the right side are known to follow each other: they were packed before."""
        apart = stride(self.found.right, self.found.term)
        return isinstance(apart, int) and 0 < apart <= NEAR * self.shape.lanes

    def _is_crowded(self) -> bool:
        """Whether rows of the right side, as far apart as they are long, have few places in a cache."""
        columns = self.found.extents[1]
        return columns is not None and columns > 0 and columns * self.found.dtype.size % CROWDED == 0

    def _result(self) -> Ref | None:
        """Where tiles store sums that lie in a result as in a tile.

        Those of one block, if nothing follows them; those of several wherever they are written over at last.
        """
        rows = self.found.extents[0]
        is_many = rows is None or rows >= COPY_ROWS
        return next(self._results(), None) if (self._is_bare() if self.one_block else is_many) else None

    def _is_bare(self) -> bool:
        """Whether nothing but storing them is done with the sums."""
        match self.found.maps:
            case (Store(_, operand),):
                return operand is self.found.total
            case _:
                return False

    def _results(self) -> Iterator[Ref]:
        """What is written behind the sums, and not read, in the sums' dtype and with columns side by side."""
        found = self.found
        is_whole = self.whole or self.machine.has_mask_registers
        read = {stmt.ref.memory for stmt in found.maps if isinstance(stmt, Load)}
        for stmt in found.maps:
            match stmt:
                case Store(ref, _, None, 0) if ref.memory.dtype is found.dtype and ref.memory not in read:
                    is_plain = ref.at is None and not ref.memory.overlaps and found.live is None
                    if is_plain and is_whole and stride(ref, found.columns.index) == 1:
                        yield ref
                case _:
                    pass

    def stmt(self, stmt: Stmt) -> Stmt:
        if stmt is not self.found.rows:
            return super().stmt(stmt)
        if self.along_rows:
            return self._across()
        rows, writer, block = self.found.rows, self.writer, Value(INT64)
        length = self.shape.held_rows if self.result is None else self.shape.block_rows
        with writer.block() as body:
            last = writer.minimum(writer.sum(block, length), rows.stop)
            if self.one_block:
                self._panels(lambda panel: self._terms(block, last, panel, 0))
            elif self.adds:
                self._blocks(lambda term: self._panels(lambda panel: self._terms(block, last, panel, term)))
            else:
                self._panels(lambda panel: self._blocks(lambda term: self._terms(block, last, panel, term)))
        return For(block, rows.start, rows.stop, tuple(body), step=length)

    def _across(self) -> Stmt:
        """Strips of columns: of the right side a copy, then tiles along the rows of the result."""
        found, shape, writer = self.found, self.shape, self.writer
        rows, columns, wide = found.rows, found.columns, STRIP * shape.columns
        strip, row, panel, term = (Value(INT64) for _ in range(4))
        value, apart = Value(found.dtype), self._apart
        with writer.block() as body:
            stop = writer.minimum(writer.sum(strip, wide), columns.stop)
            place = Ref(self.room, ((term, apart), (columns.index, 1), (strip, -1)))
            copy = (Load(value, self._moved(found.right, {found.term: term})), Store(place, value))
            writer.write(For(term, 0, found.terms.stop, (For(columns.index, strip, stop, copy),)))
            with writer.block() as tiles:
                left, right = writer.difference(stop, panel), Ref(self.room, ((panel, 1), (strip, -1)))
                sums = self._sums(row, row, panel)
                writer.write(self._leaf(row, rows.stop, 0, found.terms.stop, left, right, apart, sums))
            along = For(panel, strip, stop, tuple(tiles), step=shape.columns)
            writer.write(For(row, rows.start, rows.stop, (along,), step=shape.rows))
        return For(strip, columns.start, columns.stop, tuple(body), step=wide)

    def _panels(self, inside: Callable[[Value], None]) -> None:
        """All columns."""
        columns, writer, panel = self.found.columns, self.writer, Value(INT64)
        with writer.block() as body:
            inside(panel)
        writer.write(For(panel, columns.start, columns.stop, tuple(body), step=self.shape.columns))

    def _blocks(self, inside: Callable[[Value], None]) -> None:
        """All terms; without terms there is one empty block."""
        writer, block = self.writer, Value(INT64)
        assert self.found.blocks is not None
        depth = self.found.blocks.stop
        stop = depth if isinstance(depth, int) else writer.maximum(depth, 1)
        with writer.block() as body:
            inside(block)
        writer.write(For(block, 0, stop, tuple(body), step=BLOCK_DEPTH))

    def _terms(self, first: Value, last: Value, panel: Value, term: Number) -> None:
        """One block of terms for all tiles of a block of rows; the last one goes through the maps."""
        writer, found = self.writer, self.found
        depth = (found.blocks or found.terms).stop
        terms = depth if self.one_block else writer.minimum(writer.difference(depth, term), BLOCK_DEPTH)
        columns = writer.difference(found.columns.stop, panel)
        right, step = self._panel(first, last, panel, term, terms, columns)
        row = Value(INT64)
        with writer.block() as body:
            sums = self._sums(row, first, panel)
            count, live = self._live(row, term, terms)
            tile = self._leaf(row, last, term, count, columns, right, step, sums)
            writer.write(replace(tile, live=live))
            with writer.block() as maps:
                if not self.is_stored:
                    self._maps(row, last, panel, sums)
            if self.one_block:
                writer.extend(maps)
            elif maps:
                ends = writer.sum(term, BLOCK_DEPTH)
                is_last = writer.let("ge", BOOL, ends, operand(depth))
                writer.write(If(is_last, tuple(maps)))
        writer.write(For(row, first, last, tuple(body), step=self.shape.rows))

    def _live(self, row: Value, term: Number, terms: Number) -> tuple[Number, Ref | None]:
        """How many terms a tile has, and the place of their numbers where some are left out.

        The rows of a tile are of one kind.
        """
        live, writer = self.found.live, self.writer
        if live is None:
            return terms, None
        kind = writer.number(Ref(live.kinds, ((row, 1),)))
        number = writer.let("div", INT64, operand(term), Literal.of(BLOCK_DEPTH, INT64))
        place = tuple((kind if index is live.kind else number, far) for index, far in live.begins.terms)
        begin, end = (writer.number(Ref(memory, place)) for memory in (live.begins.memory, live.ends))
        return writer.difference(end, begin), Ref(live.live, ((begin, 1),))

    def _sums(self, row: Value, first: Value, panel: Value) -> Ref:
        """Where the sums of a tile lie: all tiles of a block of rows keep theirs between blocks of terms."""
        if self.result is not None:
            return self._moved(self.result, {self.found.rows.index: row, self.found.columns.index: panel})
        if self.one_block:
            return Ref(self.sums)
        width = self.shape.columns
        return Ref(self.sums, ((row, width), (first, -width)))

    def _panel(
        self, first: Value, last: Value, panel: Value, term: Number, terms: Number, columns: Value
    ) -> tuple[Ref, Along]:
        """The panel of the right side, and how far its rows are apart."""
        found, shape = self.found, self.shape
        source = self._moved(found.right, {found.columns.index: panel, found.term: term})
        along = self._along(found.right, found.by_term[1], found.term, term)
        if not self.is_packed:
            return source, along
        rows = self._copied_for(self.writer.difference(last, first), along)
        memory, step = Memory(found.dtype), Value(INT64)
        across = stride(found.right, found.columns.index)
        layout = Layout.STRIDED if found.follows_table else found.layout
        self.writer.write(
            Pack(
                memory, step, self.room, source, layout, (along, across), terms, columns,
                shape.columns, shape.lanes, rows, self.copied_from, self.whole,
            )
        )  # fmt: skip
        return Ref(memory), step

    def _copied_for(self, rows: Number, along: Along) -> Number:
        """For how many rows a panel would be copied: for none where its rows follow each other already."""
        near = NEAR * self.shape.lanes
        if isinstance(along, Ref):
            return rows
        if isinstance(along, int):
            return 0 if along <= near else rows
        writer = self.writer
        is_far = writer.let("gt", BOOL, along, Literal.of(near, INT64))
        return writer.let("where", INT64, is_far, operand(rows), Literal.of(0, INT64))

    def _moved(self, ref: Ref, now: Mapping[Value, Number]) -> Ref:
        """A place at other indices; one that is 0 is left out."""
        terms = [(now.get(index, index), number) for index, number in ref.terms]
        return Ref(ref.memory, tuple((i, n) for i, n in terms if isinstance(i, Value)))

    def _along(self, ref: Ref, table: Ref | None, index: Value, now: Number) -> Along:
        """How far a factor moves with an index, or its table from the present row or term on."""
        if table is None:
            return stride(ref, index)
        return Ref(table.memory, ((now, 1),)) if isinstance(now, Value) else table

    def _leaf(
        self,
        row: Value,
        last: Number,
        term: Number,
        terms: Number,
        columns: Value,
        right: Ref,
        step: Along,
        sums: Ref,
    ) -> Tile:
        found, shape = self.found, self.shape
        left = self._moved(found.left, {found.rows.index: row, found.term: term})
        strides = (
            self._along(found.left, found.by_row, found.rows.index, row),
            self._along(found.left, found.by_term[0], found.term, term),
        )
        apart = None if self.result is None else stride(self.result, found.rows.index)
        return Tile(
            sums, shape.rows, shape.vectors, shape.lanes, left, strides, self.writer.difference(last, row),
            right, step, terms, 0 if self.one_block else term,
            shape.columns if apart is not None and self.whole else columns,
            not self.whole and not self.is_packed, apart=apart,
        )  # fmt: skip

    def _maps(self, first: Value, last: Value, panel: Value, sums: Ref) -> None:
        """What follows the sums of one tile."""
        found, writer, width = self.found, self.writer, self.shape.columns
        rows = writer.minimum(writer.sum(first, self.shape.rows), last)
        columns = writer.minimum(writer.sum(panel, width), found.columns.stop)
        row, column = found.rows.index, found.columns.index
        start = sums.terms[1:] if sums.terms else ((first, -width),)
        place = self.result or Ref(self.sums, ((row, width), *start, (column, 1), (panel, -1)))
        body = (Load(found.total, place), *found.maps)
        writer.write(For(row, first, rows, (For(column, panel, columns, body),)))
