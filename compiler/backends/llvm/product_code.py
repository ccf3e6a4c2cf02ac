"""Emits a chunk of a matrix product, and the maps that follow it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from compiler.backends.llvm import emit
from compiler.backends.llvm.contraction import ContractionShape, Matrix, Span, Totals, emit_contraction
from compiler.backends.llvm.emit import index
from compiler.backends.llvm.forms import Form
from compiler.backends.llvm.formulas import memory_type
from compiler.backends.llvm.jit.engine import Target
from compiler.backends.llvm.jit.untyped import Builder, Value
from compiler.backends.llvm.loops import NestEmitter
from compiler.ir.types import DType


@dataclass(frozen=True)
class ProductForm:
    """What a product's kernel does. The first member of `epilogue` is the product, as a map of nothing.

    Its loops are those outside the product, then batch, row and column. Arguments:

        batches, rows, columns, depth, the batches, rows and columns of a chunk, parts of the rows, of the
        columns, the extents of the outer loops,
        for left and right: address, strides by outer loops, batch, row and column, stride by depth,
        the slots and sizes of the epilogue
    """

    shape: ContractionShape
    dtype: DType
    epilogue: Form

    @property
    def outer(self) -> int:
        return self.epilogue.loops - 3


def emit_product(builder: Builder, form: ProductForm, target: Target, arguments: Value, chunk: Value) -> None:
    """Emits one chunk."""
    Product(builder, form, target, arguments, chunk).emit()


class _Reader:
    """Reads arguments one after the other."""

    def __init__(self, builder: Builder, arguments: Value) -> None:
        self.builder, self.arguments, self.position = builder, arguments, 0

    def number(self) -> Value:
        address = emit.offset(self.builder, self.arguments, index(self.position), emit.i64)
        self.position += 1
        return emit.load(self.builder, address, emit.i64)

    def numbers(self, count: int) -> list[Value]:
        return [self.number() for _ in range(count)]


class Product:
    """One product while it is emitted."""

    def __init__(
        self, builder: Builder, form: ProductForm, target: Target, arguments: Value, chunk: Value
    ) -> None:
        self.builder, self.form, self.target = builder, form, target
        reader = _Reader(builder, arguments)
        self.extents = reader.numbers(4)
        cuts = reader.numbers(3)
        row_parts, column_parts = reader.numbers(2)
        row_part, rest = builder.srem(chunk, row_parts), builder.sdiv(chunk, row_parts)
        parts = [builder.sdiv(rest, column_parts), row_part, builder.srem(rest, column_parts)]
        self.ends: list[Value] = []
        for part, cut, extent in zip(parts, cuts, self.extents[:3], strict=True):
            first = builder.mul(part, cut)
            self.ends += [first, emit.minimum(builder, builder.add(first, cut), extent)]
        self.outer = reader.numbers(form.outer)
        self.sides = [self._side(reader) for _ in range(2)]
        at = emit.offset(builder, arguments, index(reader.position), emit.i64)
        self.epilogue = _Epilogue(builder, form.epilogue, target, at, chunk)
        self.epilogue.columns = form.shape.columns or 0

    def _side(self, reader: _Reader) -> tuple[Value, list[Value], list[Value]]:
        address = self.builder.inttoptr(reader.number(), emit.pointer)
        return address, reader.numbers(self.form.outer), reader.numbers(4)

    def emit(self) -> None:
        """The loops outside the product, then the product."""
        self._outer(0)

    def _outer(self, loop: int) -> None:
        if loop == self.form.outer:
            self._product()
            return
        with emit.counted_loop(self.builder, index(0), self.outer[loop]) as counted:
            self.epilogue.indices[loop] = counted.index
            self._outer(loop + 1)

    def _base(self, address: Value, strides: list[Value]) -> Value:
        for loop, stride in enumerate(strides):
            elements = self.builder.mul(self.epilogue.indices[loop], stride)
            address = emit.offset(self.builder, address, elements, memory_type(self.form.dtype))
        return address

    def span(self) -> Span:
        """The batches, rows and columns of this chunk."""
        first_batch, stop_batch, first_row, stop_row, first_column, stop_column = self.ends
        return Span(first_batch, stop_batch, first_row, stop_row, first_column, stop_column, self.extents[3])

    def _product(self) -> None:
        (left, left_outer, (left_batch, left_row, _, left_depth)) = self.sides[0]
        (right, right_outer, (right_batch, _, right_column, right_depth)) = self.sides[1]
        emit_contraction(
            self.builder,
            self.target,
            self.form.shape,
            Matrix(self._base(left, left_outer), left_batch, left_row, left_depth),
            Matrix(self._base(right, right_outer), right_batch, right_depth, right_column),
            self.span(),
            (),
            self.epilogue.store_all,
        )


class _Epilogue(NestEmitter):
    """The maps after a product: a vector of totals at a time. `columns` are the product's, if known."""

    columns = 0

    @property
    def row_length(self) -> int:
        return self.columns

    def _read_arguments(self) -> None:
        """Only slots and sizes: the extents are the product's."""
        self.read_memory()
        self.sums = {}
        self.sizes = self.read_numbers(self.form.sizes)

    def hoist(self, key: object, make: Callable[[], Value]) -> Value:
        """Nothing is hoisted out of the product's own loops."""
        if key not in self.hoisted:
            self.hoisted[key] = make()
        return self.hoisted[key]

    def store_all(self, builder: Builder, totals: Totals) -> list[Any]:
        """Computes and stores what follows for one vector of totals."""
        outer = self.form.loops - 3
        self.indices.update({outer: totals.batch, outer + 1: totals.row, outer + 2: totals.column})
        self.mask = totals.mask
        self.number = 0
        self.hoisted, self.loaded, self.elements = {}, {}, {0: totals.value}
        self.vectors.forget()
        storing = [k for k, member in enumerate(self.form.members) if member.store is not None]
        for number in storing:
            self.element(number)
        for number in storing:
            slot = self.form.members[number].store
            assert slot is not None
            self.store(slot, self.elements[number])
        return []
