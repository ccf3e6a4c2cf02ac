"""Matrix times vector where every row of the matrix lies contiguous: dot products, several at a time."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.backends.llvm import emit
from compiler.backends.llvm.emit import index
from compiler.backends.llvm.jit.engine import Target
from compiler.backends.llvm.jit.untyped import Builder, Value, ir
from compiler.backends.llvm.matrices import ContractionShape, Epilogue, Matrix, Span, Totals


class DotRows:
    """Emits total[b, i, j] = sum over k of A[b, i, k] * B[b, k, j] where both run contiguously along k.

    As many columns as a vector has lanes are summed at once, each in a vector of its own whose lane l takes
    the terms k = l, l + lanes, ... in ascending order; then neighbouring lanes are added, until one is left
    of each. B is read once, from memory, which is what bounds the time.
    """

    def __init__(
        self,
        builder: Builder,
        target: Target,
        shape: ContractionShape,
        left: Matrix,
        right: Matrix,
        span: Span,
        outputs: Sequence[Matrix],
        epilogue: Epilogue,
    ) -> None:
        self.builder, self.target, self.element = builder, target, shape.element
        self.left, self.right, self.outputs = left, right, outputs
        self.span, self.epilogue = span, epilogue
        self.lanes = target.vector_bytes // emit.element_bytes(shape.element)
        self.vector = ir.VectorType(shape.element, self.lanes)

    def emit(self) -> None:
        """All batches, rows, and groups of columns."""
        builder, span = self.builder, self.span
        with emit.counted_loop(builder, span.first_batch, span.stop_batch) as batches:
            self.batch = batches.index
            with emit.counted_loop(builder, span.first_row, span.stop_row) as rows:
                self.row = rows.index
                with emit.counted_loop(builder, span.first_column, span.stop_column, self.lanes) as columns:
                    self.emit_group(columns.index)

    def emit_group(self, column: Value) -> None:
        """The totals of `lanes` columns from `column` on, and their epilogue."""
        builder = self.builder
        left = self.address(self.left, builder.mul(self.row, self.left.row_stride))
        last = builder.sub(self.span.stop_column, index(1))
        bases: list[Value] = []
        for number in range(self.lanes):
            here = emit.minimum(builder, builder.add(column, index(number)), last)
            bases.append(self.address(self.right, builder.mul(here, self.right.column_stride)))
        total = self.across(self.sums(left, bases))
        mask = emit.lane_mask(builder, column, self.span.stop_column, self.lanes)
        totals = Totals(total, self.batch, self.row, column, mask)
        results = self.epilogue(builder, totals)
        for output, result in zip(self.outputs, results, strict=True):
            at = builder.add(builder.mul(self.row, output.row_stride), column)
            emit.store(builder, result, self.address(output, at, result.type.element), mask)

    def address(self, matrix: Matrix, elements: Value, element: Value | None = None) -> Value:
        """The address `elements` elements into this batch of `matrix`."""
        builder = self.builder
        at = builder.add(builder.mul(self.batch, matrix.batch_stride), elements)
        return emit.offset(builder, matrix.pointer, at, element or self.element)

    def sums(self, left: Value, bases: Sequence[Value]) -> list[Value]:
        """One vector of partial sums for each base, over all of k; the ragged end is read under a mask."""
        builder, depth = self.builder, self.span.depth
        carried = [ir.Constant(self.vector, None)] * self.lanes
        if self.target.has_masked_memory:
            with emit.counted_loop(builder, index(0), depth, self.lanes, carried) as loop:
                mask = emit.lane_mask(builder, loop.index, depth, self.lanes)
                loop.next.extend(self.step(left, bases, loop.index, loop.values, mask))
            return loop.results
        whole = builder.and_(depth, index(-self.lanes))
        with emit.counted_loop(builder, index(0), whole, self.lanes, carried) as loop:
            loop.next.extend(self.step(left, bases, loop.index, loop.values, None))
        with emit.counted_loop(builder, whole, depth, self.lanes, loop.results) as rest:
            mask = emit.lane_mask(builder, rest.index, depth, self.lanes)
            rest.next.extend(self.step(left, bases, rest.index, rest.values, mask))
        return rest.results

    def step(
        self, left: Value, bases: Sequence[Value], at: Value, sums: Sequence[Value], mask: Value | None
    ) -> list[Value]:
        """Add the terms at `at` to each of `sums`."""
        builder, fused = self.builder, self.target.has_fma
        a = emit.load(builder, emit.offset(builder, left, at, self.element), self.vector, mask)
        added: list[Value] = []
        for base, total in zip(bases, sums, strict=True):
            b = emit.load(builder, emit.offset(builder, base, at, self.element), self.vector, mask)
            added.append(emit.multiply_add(builder, a, b, total, fused=fused))
        return added

    def across(self, rows: list[Value]) -> Value:
        """The sum over the lanes of each row, as the lanes of one vector; neighbours are added first."""
        builder = self.builder
        add = builder.add if isinstance(self.element, ir.IntType) else builder.fadd
        kind = ir.VectorType(emit.i32, self.lanes)
        even = ir.Constant(kind, list(range(0, 2 * self.lanes, 2)))
        odd = ir.Constant(kind, list(range(1, 2 * self.lanes, 2)))
        while len(rows) > 1:
            pairs = zip(rows[::2], rows[1::2], strict=True)
            rows = [
                add(builder.shuffle_vector(a, b, even), builder.shuffle_vector(a, b, odd)) for a, b in pairs
            ]
        return rows[0]
