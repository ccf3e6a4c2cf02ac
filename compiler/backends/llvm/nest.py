"""The register-tiled loop nest of a matrix product."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.backends.llvm import emit
from compiler.backends.llvm.emit import index
from compiler.backends.llvm.engine import Target
from compiler.backends.llvm.matrices import (
    BLOCK_DEPTH,
    PREFETCH_TERMS,
    ContractionShape,
    Epilogue,
    Matrix,
    Span,
    Totals,
    choose_tile,
)
from compiler.backends.llvm.panel import Panel
from compiler.backends.llvm.untyped import Builder, Value, ir


class Nest:
    """One nest while it is emitted: the operands, and the memory between its loops."""

    def __init__(
        self,
        builder: Builder,
        target: Target,
        shape: ContractionShape,
        left: Matrix,
        right: Matrix,
        span: Span,
        outputs: tuple[Matrix, ...],
        epilogue: Epilogue,
    ) -> None:
        self.builder, self.target, self.shape, self.span = builder, target, shape, span
        self.left, self.right, self.outputs, self.epilogue = left, right, outputs, epilogue
        self.tile = choose_tile(target, shape)
        self.element = shape.element
        self.vector = ir.VectorType(shape.element, self.tile.lanes)
        self.panel = Panel(builder, target, shape, self.tile, right, span.stop_column)
        self.one_block = shape.depth is not None and shape.depth <= BLOCK_DEPTH
        held = self.tile.rows if self.one_block else self.tile.block_rows
        self.sums = emit.stack_array(builder, shape.element, held * self.tile.columns)

    def emit(self) -> None:
        """The outer loops."""
        builder, span = self.builder, self.span
        with emit.counted_loop(builder, span.first_batch, span.stop_batch) as batches:
            self.batch = batches.index
            self.left_base = self.batch_base(self.left)
            self.right_base = self.batch_base(self.right)
            with emit.counted_loop(builder, span.first_row, span.stop_row, self.tile.block_rows) as blocks:
                self.first_row = blocks.index
                end = builder.add(blocks.index, index(self.tile.block_rows))
                self.stop_row = emit.minimum(builder, end, span.stop_row)
                with emit.counted_loop(
                    builder, span.first_column, span.stop_column, self.tile.columns
                ) as panels:
                    self.column = panels.index
                    self.emit_panel()

    def batch_base(self, matrix: Matrix) -> Value:
        """The first element of `matrix` in this batch."""
        elements = self.builder.mul(self.batch, matrix.batch_stride)
        return emit.offset(self.builder, matrix.pointer, elements, self.element)

    def emit_panel(self) -> None:
        """All of k for one panel of columns; the last block of k stores. A depth of 0 is one empty block."""
        if self.one_block:
            self.emit_depth_block(index(0), None)
            return
        at_least_one = self.builder.select(
            self.builder.icmp_signed(">", self.span.depth, index(0)), self.span.depth, index(1)
        )
        with emit.counted_loop(self.builder, index(0), at_least_one, BLOCK_DEPTH) as blocks:
            end = self.builder.add(blocks.index, index(BLOCK_DEPTH))
            self.emit_depth_block(blocks.index, self.builder.icmp_signed(">=", end, self.span.depth))

    def emit_depth_block(self, first: Value, last: Value | None) -> None:
        """One block of k from `first` for all row tiles; `last` tells whether it is the final one."""
        builder = self.builder
        remaining = builder.sub(self.span.depth, first)
        terms = remaining if last is None else emit.minimum(builder, remaining, index(BLOCK_DEPTH))
        rows = builder.sub(self.stop_row, self.first_row)
        source, step = self.panel.prepare(self.right_base, self.column, first, terms, rows)
        masks = self.panel.masks(self.column)
        with emit.counted_loop(builder, self.first_row, self.stop_row, self.tile.rows) as tiles:
            row = tiles.index
            sums = self.sums
            if last is not None:
                done = builder.mul(builder.sub(row, self.first_row), index(self.tile.columns))
                sums = emit.offset(builder, sums, done, self.element)
            totals = self.emit_tile(row, first, terms, source, step, masks)
            if last is not None:
                totals = self.add_earlier(totals, sums, first)
            for number, total in enumerate(totals):
                emit.store(builder, total, self.vector_at(sums, number))
            if last is None:
                self.emit_epilogue(row, sums)
            else:
                with builder.if_then(last):
                    self.emit_epilogue(row, sums)

    def vector_at(self, base: Value, number: int) -> Value:
        """The address of vector `number` after `base`."""
        return emit.offset(self.builder, base, index(number * self.tile.lanes), self.element)

    def emit_tile(
        self,
        row: Value,
        first: Value,
        terms: Value,
        source: Value,
        step: Value,
        masks: Sequence[Value | None],
    ) -> list[Value]:
        """The accumulators of one tile over one block of k, row by row.

        Rows past the end repeat the last one, so that a partial tile is the same code; they are not stored.
        """
        builder, tile = self.builder, self.tile
        rows = [self.left_row(row, number, first) for number in range(tile.rows)]
        zero = ir.Constant(self.vector, None)
        carried = [index(0), source, *([zero] * (tile.rows * tile.vectors))]
        with emit.counted_loop(builder, index(0), terms, carried=carried) as loop:
            position, address, *sums = loop.values
            b = [
                emit.load(builder, self.vector_at(address, number), self.vector, mask)
                for number, mask in enumerate(masks)
            ]
            loop.next.append(builder.add(position, self.left.column_stride))
            loop.next.append(emit.offset(builder, address, step, self.element))
            self.prefetch(rows[0], position)
            for number, start in enumerate(rows):
                scalar = emit.load(builder, emit.offset(builder, start, position, self.element), self.element)
                a = emit.splat(builder, scalar, tile.lanes)
                for vector, operand in enumerate(b):
                    total = sums[number * tile.vectors + vector]
                    fused = self.target.has_fma
                    loop.next.append(emit.multiply_add(builder, a, operand, total, fused=fused))
        return loop.results[2:]

    def prefetch(self, start: Value, position: Value) -> None:
        """Ask for A some terms ahead: rows that lie far apart are beyond the processor's own guesses."""
        builder = self.builder
        if self.shape.left_contiguous:
            return
        ahead = builder.add(position, builder.mul(self.left.column_stride, index(PREFETCH_TERMS)))
        address = emit.offset(builder, start, ahead, self.element)
        read_keep_data = [ir.Constant(emit.i32, number) for number in (0, 3, 1)]
        emit.intrinsic(builder, "llvm.prefetch.p0", emit.void, [address, *read_keep_data])

    def left_row(self, row: Value, number: int, first: Value) -> Value:
        """The address of A at row `row + number` (or the last row of the block) and term `first`."""
        builder = self.builder
        if number:
            last = builder.sub(self.stop_row, index(1))
            row = emit.minimum(builder, builder.add(row, index(number)), last)
        elements = builder.add(
            builder.mul(row, self.left.row_stride), builder.mul(first, self.left.column_stride)
        )
        return emit.offset(builder, self.left_base, elements, self.element)

    def add_earlier(self, totals: list[Value], sums: Value, first: Value) -> list[Value]:
        """`totals` plus the sums of the blocks of k before, if there were any."""
        builder = self.builder
        before = builder.block
        with builder.if_then(builder.icmp_signed(">", first, index(0))):
            earlier = [
                emit.load(builder, self.vector_at(sums, number), self.vector) for number in range(len(totals))
            ]
            add = builder.add if isinstance(self.element, ir.IntType) else builder.fadd
            added = [add(old, new) for old, new in zip(earlier, totals, strict=True)]
            adding = builder.block
        results: list[Value] = []
        for new, total in zip(totals, added, strict=True):
            phi = builder.phi(self.vector)
            phi.add_incoming(new, before)
            phi.add_incoming(total, adding)
            results.append(phi)
        return results

    def emit_epilogue(self, row: Value, sums: Value) -> None:
        """Hand the finished totals of one tile to the epilogue, row by row and vector by vector."""
        builder, tile = self.builder, self.tile
        remaining = builder.sub(self.stop_row, row)
        rows = emit.minimum(builder, remaining, index(tile.rows))
        width = emit.minimum(builder, builder.sub(self.span.stop_column, self.column), index(tile.columns))
        with emit.counted_loop(builder, index(0), rows) as row_loop:
            start = builder.mul(row_loop.index, index(tile.columns))
            with emit.counted_loop(builder, index(0), width, tile.lanes) as vectors:
                at = builder.add(start, vectors.index)
                value = emit.load(builder, emit.offset(builder, sums, at, self.element), self.vector)
                column = builder.add(self.column, vectors.index)
                self.store_outputs(value, builder.add(row, row_loop.index), column)

    def store_outputs(self, value: Value, row: Value, column: Value) -> None:
        """One vector through the epilogue to memory: masked, or plain where masks are costly."""
        builder, lanes = self.builder, self.tile.lanes
        if self.panel.whole:
            self.store_vector(Totals(value, self.batch, row, column, None))
            return
        mask = emit.lane_mask(builder, column, self.span.stop_column, lanes)
        if self.target.has_masked_memory:
            self.store_vector(Totals(value, self.batch, row, column, mask))
            return
        end = builder.add(column, index(lanes))
        with builder.if_else(builder.icmp_signed("<=", end, self.span.stop_column)) as (full, partial):
            with full:
                self.store_vector(Totals(value, self.batch, row, column, None))
            with partial:
                self.store_vector(Totals(value, self.batch, row, column, mask))

    def store_vector(self, totals: Totals) -> None:
        """Run the epilogue and store what it returns."""
        builder = self.builder
        results = self.epilogue(builder, totals)
        for output, result in zip(self.outputs, results, strict=True):
            before = builder.mul(self.batch, output.batch_stride)
            inside = builder.add(builder.mul(totals.row, output.row_stride), totals.column)
            elements = builder.add(before, inside)
            address = emit.offset(builder, output.pointer, elements, result.type.element)
            emit.store(builder, result, address, totals.mask)
