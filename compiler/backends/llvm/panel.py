"""Panels of the right operand: blocks of B[k, j] with rows as wide as the tile, ready to be multiplied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compiler.backends.llvm import emit
from compiler.backends.llvm.emit import index
from compiler.backends.llvm.jit.engine import Target
from compiler.backends.llvm.jit.untyped import Builder, Value, ir
from compiler.backends.llvm.matrices import (
    BLOCK_DEPTH,
    COPY_ROWS,
    TRANSPOSED_BLOCK,
    ContractionShape,
    Matrix,
    Right,
    Tile,
)


@dataclass
class Panel:
    """Prepares the panels of one nest.

    `base` is the first element of B in the current batch.
    """

    builder: Builder
    target: Target
    shape: ContractionShape
    tile: Tile
    matrix: Matrix
    stop_column: Value

    def __post_init__(self) -> None:
        shape, tile = self.shape, self.tile
        self.element = shape.element
        self.vector = ir.VectorType(shape.element, tile.lanes)
        self.whole = shape.columns is not None and shape.columns % tile.columns == 0
        self.direct = shape.right is Right.ROWS and (self.whole or self.target.has_masked_memory)
        self.never_copied = self.direct and shape.rows is not None and shape.rows < COPY_ROWS
        self.memory = None
        if not self.never_copied:
            self.memory = emit.stack_array(self.builder, self.element, BLOCK_DEPTH * tile.columns)

    @property
    def is_read_masked(self) -> bool:
        """Whether vectors are read from B itself, of which the last may lack columns."""
        return not self.whole and self.never_copied

    def column_masks(self, column: Value) -> list[Value | None]:
        """For each vector of the panel at `column`, which of its columns exist."""
        tile = self.tile
        firsts = [self.builder.add(column, index(number * tile.lanes)) for number in range(tile.vectors)]
        return [emit.lane_mask(self.builder, first, self.stop_column, tile.lanes) for first in firsts]

    def prepare(
        self, base: Value, column: Value, first: Value, terms: Value, rows: Value
    ) -> tuple[Value, Value]:
        """The panel at `column` of `terms` terms from `first` on, for `rows` rows of A.

        Returns the address of its first vector and the distance of its rows in elements.
        """
        self.base, self.column = base, column
        if self.memory is None:
            return self.in_place(first), self.matrix.row_stride
        if self.direct:
            return self.copied_if_worthwhile(self.memory, first, terms, rows)
        if self.shape.right is Right.COLUMNS:
            self.transpose(self.memory, first, terms)
        else:
            self.copy(self.memory, first, index(0), terms, index(0), index(self.tile.columns))
        return self.memory, index(self.tile.columns)

    def in_place(self, first: Value) -> Value:
        """The address in B of the panel's first element at term `first`."""
        elements = self.builder.add(self.builder.mul(first, self.matrix.row_stride), self.column)
        return emit.offset(self.builder, self.base, elements, self.element)

    def vector_at(self, base: Value, number: int) -> Value:
        """The address of vector `number` after `base`."""
        return emit.offset(self.builder, base, index(number * self.tile.lanes), self.element)

    def copied_if_worthwhile(
        self, memory: Value, first: Value, terms: Value, rows: Value
    ) -> tuple[Value, Value]:
        """B itself, or a copy.

        For many rows it pays: it is aligned, and its lines are not in each other's way in the cache. A panel
        that the last column cuts off is always copied, so that its vectors are whole.
        """
        builder = self.builder
        source, copy_step = self.in_place(first), index(self.tile.columns)
        before = builder.block
        copy = builder.icmp_signed(">=", rows, index(COPY_ROWS))
        if not self.whole:
            end = builder.add(self.column, index(self.tile.columns))
            copy = builder.or_(copy, builder.icmp_signed(">", end, self.stop_column))
        with builder.if_then(copy):
            self.copy_vectors(source, memory, terms)
            copied = builder.block
        address, step = builder.phi(emit.pointer), builder.phi(emit.i64)
        address.add_incoming(source, before)
        address.add_incoming(memory, copied)
        step.add_incoming(self.matrix.row_stride, before)
        step.add_incoming(copy_step, copied)
        return address, step

    def copy_vectors(self, source: Value, memory: Value, terms: Value) -> None:
        """Copy `terms` rows of the panel, a vector at a time."""
        builder = self.builder
        masks = [None] * self.tile.vectors if self.whole else self.column_masks(self.column)
        with emit.counted_loop(builder, index(0), terms, carried=[source, memory]) as loop:
            here, there = loop.values
            for number, mask in enumerate(masks):
                vector = emit.load(builder, self.vector_at(here, number), self.vector, mask)
                emit.store(builder, vector, self.vector_at(there, number))
            loop.next.append(emit.offset(builder, here, self.matrix.row_stride, self.element))
            loop.next.append(emit.offset(builder, there, index(self.tile.columns), self.element))

    def column_base(self, number: Value, first: Value) -> Value:
        """The address of B at term `first` and column `self.column + number`, or the last column."""
        builder = self.builder
        last = builder.sub(self.stop_column, index(1))
        column = emit.minimum(builder, builder.add(self.column, number), last)
        one = index(1)
        row_stride = one if self.shape.right is Right.COLUMNS else self.matrix.row_stride
        column_stride = one if self.shape.right is Right.ROWS else self.matrix.column_stride
        elements = builder.add(builder.mul(column, column_stride), builder.mul(first, row_stride))
        return emit.offset(builder, self.base, elements, self.element)

    def copy(self, memory: Value, first: Value, begin: Value, stop: Value, left: Value, right: Value) -> None:
        """Copy terms `begin`..`stop` and panel columns `left`..`right`, one element at a time."""
        builder = self.builder
        stride = index(1) if self.shape.right is Right.COLUMNS else self.matrix.row_stride
        with emit.counted_loop(builder, left, right) as columns:
            base = self.column_base(columns.index, first)
            with emit.counted_loop(builder, begin, stop) as terms:
                source = emit.offset(builder, base, builder.mul(terms.index, stride), self.element)
                at = builder.add(builder.mul(terms.index, index(self.tile.columns)), columns.index)
                value = emit.load(builder, source, self.element)
                emit.store(builder, value, emit.offset(builder, memory, at, self.element))

    def transpose(self, memory: Value, first: Value, terms: Value) -> None:
        """Transpose square blocks of B into rows of the panel.

        Targets with masks read the ragged end under a mask and write whole blocks; the others copy it.
        """
        builder, masked = self.builder, self.target.has_masked_memory
        side = min(self.tile.lanes, TRANSPOSED_BLOCK)
        whole = terms if masked else builder.and_(terms, index(-side))
        with emit.counted_loop(builder, index(0), index(self.tile.columns), side) as groups:
            bases = [
                self.column_base(builder.add(groups.index, index(number)), first) for number in range(side)
            ]
            with emit.counted_loop(builder, index(0), whole, side) as blocks:
                mask = emit.lane_mask(builder, blocks.index, terms, side) if masked else None
                rows = self.load_rows(bases, blocks.index, mask)
                at = builder.add(builder.mul(blocks.index, index(self.tile.columns)), groups.index)
                target = emit.offset(builder, memory, at, self.element)
                for number, row in enumerate(emit.transposed(builder, rows)):
                    self.store_row(row, target, number)
            if not masked:
                end = builder.add(groups.index, index(side))
                self.copy(memory, first, whole, terms, groups.index, end)

    def load_rows(self, bases: Sequence[Value], position: Value, mask: Value | None) -> list[Value]:
        """From each base a vector, as long as there are bases, `position` elements on."""
        kind = ir.VectorType(self.element, len(bases))
        addresses = [emit.offset(self.builder, base, position, self.element) for base in bases]
        return [emit.load(self.builder, address, kind, mask) for address in addresses]

    def store_row(self, row: Value, base: Value, number: int) -> None:
        """Store one vector into row `number` of the panel after `base`."""
        address = emit.offset(self.builder, base, index(number * self.tile.columns), self.element)
        emit.store(self.builder, row, address)
