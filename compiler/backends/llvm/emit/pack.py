"""Panels of the right side of a product: some terms of B, in rows as wide as a tile."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.backends.llvm.emit import words
from compiler.backends.llvm.emit.places import Places
from compiler.backends.llvm.emit.registers import register
from compiler.backends.llvm.emit.values import Values
from compiler.backends.llvm.emit.ways import Way, way
from compiler.backends.llvm.jit.untyped import Builder, ir
from compiler.backends.llvm.jit.untyped import Value as Register
from compiler.loops.language import Layout, Pack
from compiler.loops.machine import Machine

_BLOCK = 8
"""Side of the squares in which B is transposed: larger ones run a little faster and compile far slower."""


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
        address, step = builder.phi(words.pointer), builder.phi(words.i64)
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
        vector = ir.VectorType(self.element, lanes)
        with words.counted_loop(
            builder, words.index(0), self.terms, carried=[self.source, self.room]
        ) as loop:
            here, there = loop.values
            for first, mask in masks.items():
                item = words.load(builder, self.moved(here, words.index(first)), vector, mask)
                words.store(builder, item, self.moved(there, words.index(first)))
            loop.next.append(self.moved(here, self.way.register))
            loop.next.append(self.moved(there, self.width))

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
        """Copy terms `begin`..`stop` and panel columns `left`..`right`, one element at a time."""
        builder = self.builder
        is_contiguous = self.stmt.layout is Layout.COLUMNS
        with words.counted_loop(builder, left, right) as columns:
            base = self.column_base(columns.index)
            with words.counted_loop(builder, begin, stop) as terms:
                term = terms.index if is_contiguous else self.way.elements(builder, terms.index)
                source = self.moved(base, term)
                at = builder.add(builder.mul(terms.index, self.width), columns.index)
                words.store(builder, words.load(builder, source, self.element), self.moved(self.room, at))

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
                at = builder.add(builder.mul(blocks.index, self.width), groups.index)
                target = self.moved(self.room, at)
                for number, row in enumerate(words.transposed(builder, rows)):
                    words.store(builder, row, self.moved(target, words.index(number * self.stmt.width)))
            if not masked:
                end = builder.add(groups.index, words.index(side))
                self.copy(whole, self.terms, groups.index, end)

    def load_rows(
        self, bases: Sequence[Register], position: Register, mask: Register | None
    ) -> list[Register]:
        """From each base a vector, as long as there are bases, `position` elements on."""
        kind = ir.VectorType(self.element, len(bases))
        return [words.load(self.builder, self.moved(base, position), kind, mask) for base in bases]
