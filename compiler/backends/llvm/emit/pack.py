"""Panels of the right side of a product: some terms of B, in rows as wide as a tile."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.backends.llvm.emit import words
from compiler.backends.llvm.emit.places import Places
from compiler.backends.llvm.emit.registers import register
from compiler.backends.llvm.emit.values import Values
from compiler.backends.llvm.emit.ways import Way, way
from compiler.backends.llvm.jit.building import Builder
from compiler.backends.llvm.jit.kinds import Constant, i32, i64, integer, numbers_of, pointer, vector_of
from compiler.backends.llvm.jit.kinds import Value as Register
from compiler.loops.language import Layout, Pack
from compiler.loops.machine import Machine
from compiler.loops.products import EVERY_OTHER

_BLOCK = 8
"""Side of the squares in which B is transposed: larger ones run a little faster and compile far slower."""

_AT_ONCE = 4
"""Columns that are copied in one iteration."""


def emit_pack(builder: Builder, values: Values, places: Places, machine: Machine, stmt: Pack) -> None:
    """Prepare a panel. Its address is known from here on, and `step`, the distance of its rows."""
    source, terms = places.address(stmt.source), way(values, places, stmt.strides[0])
    packing = _Packing(builder, values, machine.has_masked_memory, stmt, source, terms)
    values.addresses[stmt.panel], values[stmt.step] = packing.emit()


class _Packing:
    """A panel while it is prepared. `source` is its first element in B, `way` where B's rows lie."""

    def __init__(
        self, builder: Builder, values: Values, has_masks: bool, stmt: Pack, source: Register, way: Way
    ) -> None:
        self.builder, self.has_masks, self.stmt, self.source = builder, has_masks, stmt, source
        self.element = register(stmt.source.memory.dtype)
        self.way, self.column = way, values.number(stmt.strides[1])
        self.terms, self.columns = values.number(stmt.terms), values.number(stmt.columns)
        self.rows = values.number(stmt.rows)
        self.room, self.width = values.addresses[stmt.room], words.index(stmt.width)

    def emit(self) -> tuple[Register, Register]:
        """The panel's address and the distance of its rows in elements."""
        stmt = self.stmt
        if stmt.layout is Layout.ROWS and (stmt.whole or self.has_masks):
            return self.copied_if_worthwhile()
        if stmt.layout is Layout.COLUMNS:
            self.transpose()
        elif stmt.strides[1] == EVERY_OTHER and self.has_masks:
            self.copy_every_other()
        elif self.way.is_table:
            self.transpose_runs()
        else:
            self.copy(words.index(0), self.terms, words.index(0), self.width)
        return self.room, self.width

    def copied_if_worthwhile(self) -> tuple[Register, Register]:
        """B itself, or a copy.

        For many rows it pays: it is aligned, and its lines are not in each other's way in the cache. A panel
        that the last column cuts off is always copied, so that its vectors are whole.
        """
        builder = self.builder
        before = builder.block
        copy = builder.icmp_signed(">=", self.rows, words.index(self.stmt.few))
        if not self.stmt.whole:
            copy = builder.or_(copy, builder.icmp_signed(">", self.width, self.columns))
        with builder.if_then(copy):
            self.copy_vectors()
            copied = builder.block
        address, step = builder.phi(pointer), builder.phi(i64)
        address.add_incoming(self.source, before)
        address.add_incoming(self.room, copied)
        step.add_incoming(self.way.register, before)
        step.add_incoming(self.width, copied)
        return address, step

    def copy_vectors(self) -> None:
        """Copy the rows of the panel, a vector at a time."""
        builder, lanes = self.builder, self.stmt.lanes
        firsts = range(0, self.stmt.width, lanes)
        masks = {first: None if self.stmt.whole else self.mask(first) for first in firsts}
        vector = vector_of(self.element, lanes)
        with words.counted_loop(
            builder, words.index(0), self.terms, carried=[self.source, self.room]
        ) as loop:
            here, there = loop.values
            for first, mask in masks.items():
                item = words.load(builder, self.moved(here, words.index(first)), vector, mask)
                words.store(builder, item, self.moved(there, words.index(first)))
            loop.next.append(self.moved(here, self.way.register))
            loop.next.append(self.moved(there, self.width))

    def copy_every_other(self) -> None:
        """Copy rows of the panel whose columns are two elements apart, a vector of two vectors."""
        builder, lanes, index = self.builder, self.stmt.lanes, words.index
        kind = vector_of(self.element, lanes)
        evens = numbers_of(i32, *range(0, 2 * lanes, 2))
        reach = builder.sub(builder.mul(self.columns, index(2)), index(1))
        firsts = range(0, 2 * self.stmt.width, lanes)
        masks = [words.lane_mask(builder, index(first), reach, lanes) for first in firsts]
        with words.counted_loop(builder, index(0), self.terms) as terms:
            here = self.moved(self.source, self.way.elements(builder, terms.index))
            there = self.moved(self.room, builder.mul(terms.index, self.width))
            parts = [
                words.load(builder, self.moved(here, index(first)), kind, mask)
                for first, mask in zip(firsts, masks, strict=True)
            ]
            for number, (low, high) in enumerate(zip(parts[::2], parts[1::2], strict=True)):
                item = builder.shuffle_vector(low, high, evens)
                words.store(builder, item, self.moved(there, index(number * lanes)))

    def mask(self, first: int) -> Register:
        """Which columns exist of a vector of the panel."""
        return words.lane_mask(self.builder, words.index(first), self.columns, self.stmt.lanes)

    def moved(self, base: Register, elements: Register) -> Register:
        return words.offset(self.builder, base, elements, self.element)

    def column_base(self, number: Register) -> Register:
        """The address of B at the first term and a column of the panel, or the last column there is."""
        builder = self.builder
        last = builder.sub(self.columns, words.index(1))
        column = words.minimum(builder, number, last)
        if self.stmt.layout is Layout.ROWS:
            return self.moved(self.source, column)
        return self.moved(self.source, builder.mul(column, self.column))

    def copy(self, begin: Register, stop: Register, left: Register, right: Register) -> None:
        """Copy terms `begin`..`stop` and those of the columns `left`..`right` that exist, element by element.

        A row of the panel is written at once: rows lie so far apart that one cannot stay in the cache for
        another column of each.
        """
        builder, index = self.builder, words.index
        is_contiguous = self.stmt.layout is Layout.COLUMNS
        end = words.minimum(builder, right, self.columns)
        whole = builder.add(left, builder.and_(builder.sub(end, left), index(-_AT_ONCE)))
        with words.counted_loop(builder, begin, stop) as terms:
            term = terms.index if is_contiguous else self.way.elements(builder, terms.index)
            here, there = self.moved(self.source, term), builder.mul(terms.index, self.width)
            row = self.moved(self.room, there)
            with words.counted_loop(builder, left, whole, _AT_ONCE) as columns:
                for number in range(_AT_ONCE):
                    self.copy_column(here, row, builder.add(columns.index, index(number)))
            with words.counted_loop(builder, whole, end) as columns:
                self.copy_column(here, row, columns.index)

    def copy_column(self, here: Register, row: Register, column: Register) -> None:
        """Copy one element of a term."""
        builder = self.builder
        far = column if self.stmt.layout is Layout.ROWS else builder.mul(column, self.column)
        words.store(
            builder, words.load(builder, self.moved(here, far), self.element), self.moved(row, column)
        )

    def transpose(self) -> None:
        """Transpose square blocks of B into rows of the panel.

        Machines with masks read the ragged end under a mask and write whole blocks; the others copy it.
        """
        builder, masked = self.builder, self.has_masks
        side = min(self.stmt.lanes, _BLOCK)
        whole = self.terms if masked else builder.and_(self.terms, words.index(-side))
        with words.counted_loop(builder, words.index(0), self.width, side) as groups:
            bases = [self.column_base(builder.add(groups.index, words.index(k))) for k in range(side)]
            with words.counted_loop(builder, words.index(0), whole, side) as blocks:
                mask = words.lane_mask(builder, blocks.index, self.terms, side) if masked else None
                rows = self.load_rows(bases, blocks.index, mask)
                self.store_block(rows, blocks.index, groups.index)
            if not masked:
                end = builder.add(groups.index, words.index(side))
                self.copy(whole, self.terms, groups.index, end)

    def transpose_runs(self) -> None:
        """Transpose square blocks of B whose terms are neighbours, as the table says; copy the others."""
        builder, side = self.builder, min(self.stmt.lanes, _BLOCK)
        whole = builder.and_(self.terms, words.index(-side))
        kind = vector_of(i64, side)
        with words.counted_loop(builder, words.index(0), whole, side) as blocks:
            table = words.offset(builder, self.way.register, blocks.index, i64)
            first = words.load(builder, table, i64)
            run = builder.add(words.splat(builder, first, side), numbers_of(i64, *range(side)))
            is_term = builder.icmp_signed("==", words.load(builder, table, kind), run)
            is_run = builder.icmp_signed(
                "==", builder.bitcast(is_term, integer(side)), Constant(integer(side), -1)
            )
            with builder.if_else(is_run) as (neighbours, others):
                with neighbours, words.counted_loop(builder, words.index(0), self.width, side) as groups:
                    columns = [builder.add(groups.index, words.index(k)) for k in range(side)]
                    rows = self.load_rows(list(map(self.column_base, columns)), first, None)
                    self.store_block(rows, blocks.index, groups.index)
                with others:
                    end = builder.add(blocks.index, words.index(side))
                    self.copy(blocks.index, end, words.index(0), self.width)
        self.copy(whole, self.terms, words.index(0), self.width)

    def store_block(self, rows: Sequence[Register], term: Register, column: Register) -> None:
        """Store the transpose of a square block at a term and a column of the panel."""
        builder = self.builder
        target = self.moved(self.room, builder.add(builder.mul(term, self.width), column))
        for number, row in enumerate(words.transposed(builder, rows)):
            words.store(builder, row, self.moved(target, words.index(number * self.stmt.width)))

    def load_rows(
        self, bases: Sequence[Register], position: Register, mask: Register | None
    ) -> list[Register]:
        """From each base a vector, as long as there are bases, `position` elements on."""
        kind = vector_of(self.element, len(bases))
        return [words.load(self.builder, self.moved(base, position), kind, mask) for base in bases]
