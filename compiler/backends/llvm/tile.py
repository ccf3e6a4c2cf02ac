"""The innermost loop of a matrix product: one tile of totals, in a function of its own.

Only there do the accumulators have all registers. Beside an epilogue, LLVM moves the epilogue's constants in
front of the loop over the tiles, and has to put accumulators into memory for them in every turn of k. Kernels
of one module share the function.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

from compiler.backends.llvm import emit
from compiler.backends.llvm.emit import index
from compiler.backends.llvm.jit.untyped import Builder, Module, Type, Value, ir
from compiler.backends.llvm.matrices import PREFETCH_TERMS, Tile


@dataclass(frozen=True)
class TileArguments:
    """What a tile is computed from; strides in elements.

    `a` is the address of A at the first row and term, of which `rows` rows exist: those past them repeat the
    last one, so that a partial tile is the same code. `b` is the panel, of `columns` columns that exist, and
    `step` the distance of its rows. The sums of `terms` terms are stored at `sums`, row by row; where `first`
    is not 0 they are added to what lies there.
    """

    a: Value
    row_stride: Value
    column_stride: Value
    rows: Value
    b: Value
    step: Value
    terms: Value
    sums: Value
    first: Value
    columns: Value


_NAMES: Final = tuple(field.name for field in fields(TileArguments))


@dataclass(frozen=True)
class TileCode:
    """What selects the code of a tile."""

    element: Type
    tile: Tile
    fused: bool
    """Whether a multiply-add rounds once."""
    contiguous: bool
    """Whether the terms of a row of A are known to be neighbours."""
    masked: bool
    """Whether the panel is read under a mask of the columns that exist."""

    @property
    def name(self) -> str:
        """The function's name: equal code, equal name."""
        tile = self.tile
        marks = [word for word in ("fused", "contiguous", "masked") if getattr(self, word)]
        return "_".join(
            ["tile", emit.suffix(self.element), f"{tile.rows}x{tile.vectors}x{tile.lanes}", *marks]
        )

    def call(self, builder: Builder, arguments: TileArguments) -> None:
        """Emits the call, and the function where the module has none yet."""
        module: Module = builder.module
        function = module.globals.get(self.name) or self._function(module)
        builder.call(function, [getattr(arguments, name) for name in _NAMES])

    def _function(self, module: Module) -> Value:
        kinds = [emit.pointer if name in ("a", "b", "sums") else emit.i64 for name in _NAMES]
        function = ir.Function(module, ir.FunctionType(emit.void, kinds), self.name)
        function.linkage = "internal"
        function.attributes.add("nounwind")
        builder = ir.IRBuilder(function.append_basic_block("entry"))
        _Emitter(self, builder, TileArguments(*function.args)).emit()
        builder.ret_void()
        return function


class _Emitter:
    """A tile's function while it is emitted."""

    def __init__(self, code: TileCode, builder: Builder, given: TileArguments) -> None:
        self.code, self.tile, self.builder, self.given = code, code.tile, builder, given
        self.vector = ir.VectorType(code.element, code.tile.lanes)

    def emit(self) -> None:
        """The sums over k, added to those of the terms before, if there are any."""
        builder, totals = self.builder, self.sums()
        add = builder.add if isinstance(self.code.element, ir.IntType) else builder.fadd
        with builder.if_else(builder.icmp_signed(">", self.given.first, index(0))) as (later, at_once):
            with later:
                earlier = [self.load(self.given.sums, number) for number in range(len(totals))]
                self.store([add(old, new) for old, new in zip(earlier, totals, strict=True)])
            with at_once:
                self.store(totals)

    def sums(self) -> list[Value]:
        """The accumulators after all terms, row by row."""
        builder, given, tile = self.builder, self.given, self.tile
        rows = [self.row(number) for number in range(tile.rows)]
        masks = self.masks()
        zero = ir.Constant(self.vector, None)
        carried = [given.b, *([zero] * (tile.rows * tile.vectors))]
        if not self.code.contiguous:
            carried.insert(0, index(0))
        with emit.counted_loop(builder, index(0), given.terms, carried=carried) as loop:
            if self.code.contiguous:
                position, (address, *sums) = loop.index, loop.values
            else:
                position, address, *sums = loop.values
                loop.next.append(builder.add(position, given.column_stride))
                self.prefetch(rows[0], position)
            b = [self.load(address, number, mask) for number, mask in enumerate(masks)]
            loop.next.append(emit.offset(builder, address, given.step, self.code.element))
            for number, start in enumerate(rows):
                at = emit.offset(builder, start, position, self.code.element)
                a = emit.splat(builder, emit.load(builder, at, self.code.element), tile.lanes)
                for vector, operand in enumerate(b):
                    total = sums[number * tile.vectors + vector]
                    fused = self.code.fused
                    loop.next.append(emit.multiply_add(builder, a, operand, total, fused=fused))
        return loop.results[len(carried) - len(sums) :]

    def row(self, number: int) -> Value:
        """The address of A at a row, or at the last one."""
        builder = self.builder
        last = builder.sub(self.given.rows, index(1))
        elements = builder.mul(emit.minimum(builder, index(number), last), self.given.row_stride)
        return emit.offset(builder, self.given.a, elements, self.code.element)

    def masks(self) -> list[Value | None]:
        """For each vector of the panel, which of its columns exist."""
        count, lanes = self.tile.vectors, self.tile.lanes
        if not self.code.masked:
            return [None] * count
        firsts = [index(number * lanes) for number in range(count)]
        return [emit.lane_mask(self.builder, first, self.given.columns, lanes) for first in firsts]

    def prefetch(self, start: Value, position: Value) -> None:
        """Ask for A some terms ahead: rows that lie far apart are beyond the processor's own guesses."""
        builder = self.builder
        ahead = builder.add(position, builder.mul(self.given.column_stride, index(PREFETCH_TERMS)))
        address = emit.offset(builder, start, ahead, self.code.element)
        read_keep_data = [ir.Constant(emit.i32, number) for number in (0, 3, 1)]
        emit.intrinsic(builder, "llvm.prefetch.p0", emit.void, [address, *read_keep_data])

    def store(self, totals: Sequence[Value]) -> None:
        for number, total in enumerate(totals):
            emit.store(self.builder, total, self.vector_at(self.given.sums, number))

    def load(self, base: Value, number: int, mask: Value | None = None) -> Value:
        return emit.load(self.builder, self.vector_at(base, number), self.vector, mask)

    def vector_at(self, base: Value, number: int) -> Value:
        """The address of vector `number` after `base`."""
        return emit.offset(self.builder, base, index(number * self.tile.lanes), self.code.element)
