"""The register-tiled loop nest of a matrix product."""

from __future__ import annotations

from compiler.backends.llvm import emit
from compiler.backends.llvm.emit import index
from compiler.backends.llvm.jit.engine import Target
from compiler.backends.llvm.jit.untyped import Builder, Value, ir
from compiler.backends.llvm.matrices import (
    BLOCK_DEPTH,
    ContractionShape,
    Epilogue,
    Matrix,
    Span,
    Totals,
    choose_tile,
)
from compiler.backends.llvm.panel import Panel
from compiler.backends.llvm.tile import TileArguments, TileCode


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
        self.panel = Panel(builder, target, shape, self.tile, right, span.stop_column)
        self.one_block = shape.depth is not None and shape.depth <= BLOCK_DEPTH
        held = self.tile.rows if self.one_block else self.tile.block_rows
        self.sums = emit.stack_array(builder, shape.element, held * self.tile.columns)
        self.code = TileCode(
            shape.element, self.tile, target.has_fma, shape.left_contiguous, self.panel.is_read_masked
        )

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
        with emit.counted_loop(builder, self.first_row, self.stop_row, self.tile.rows) as tiles:
            row = tiles.index
            sums = self.sums
            if last is not None:
                done = builder.mul(builder.sub(row, self.first_row), index(self.tile.columns))
                sums = emit.offset(builder, sums, done, self.element)
            self.emit_tile(row, first, terms, source, step, sums)
            if last is None:
                self.emit_epilogue(row, sums)
            else:
                with builder.if_then(last):
                    self.emit_epilogue(row, sums)

    def emit_tile(
        self, row: Value, first: Value, terms: Value, source: Value, step: Value, sums: Value
    ) -> None:
        """The totals of one tile over one block of k, into `sums`."""
        builder, left = self.builder, self.left
        elements = builder.add(builder.mul(row, left.row_stride), builder.mul(first, left.column_stride))
        self.code.call(
            builder,
            TileArguments(
                a=emit.offset(builder, self.left_base, elements, self.element),
                row_stride=left.row_stride,
                column_stride=left.column_stride,
                rows=builder.sub(self.stop_row, row),
                b=source,
                step=step,
                terms=terms,
                sums=sums,
                first=first,
                columns=builder.sub(self.span.stop_column, self.column),
            ),
        )

    def emit_epilogue(self, row: Value, sums: Value) -> None:
        """Hand the finished totals of one tile to the epilogue, row by row and vector by vector."""
        builder, tile = self.builder, self.tile
        remaining = builder.sub(self.stop_row, row)
        rows = emit.minimum(builder, remaining, index(tile.rows))
        width = emit.minimum(builder, builder.sub(self.span.stop_column, self.column), index(tile.columns))
        wide = ir.VectorType(self.element, tile.wide)
        with emit.counted_loop(builder, index(0), rows) as row_loop:
            start = builder.mul(row_loop.index, index(tile.columns))
            with emit.counted_loop(builder, index(0), width, tile.wide) as vectors:
                at = builder.add(start, vectors.index)
                value = emit.load(builder, emit.offset(builder, sums, at, self.element), wide)
                column = builder.add(self.column, vectors.index)
                self.store_outputs(value, builder.add(row, row_loop.index), column)

    def store_outputs(self, value: Value, row: Value, column: Value) -> None:
        """One vector through the epilogue to memory: masked, or plain where masks are costly."""
        builder, lanes = self.builder, self.tile.wide
        if self.panel.whole:
            self.store_vector(Totals(value, self.batch, row, column, None))
            return
        as_bits = self.target.has_mask_registers
        mask = emit.lane_mask(builder, column, self.span.stop_column, lanes, as_bits=as_bits)
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
