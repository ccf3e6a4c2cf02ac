"""The innermost loop of a matrix product: one tile of sums, in a function of its own.

Only there do the accumulators have all registers. Beside the maps that follow, LLVM moves their constants in
front of the loop over the tiles, and spills accumulators for them in every iteration of k. Kernels of one
module share the function.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Final

from compiler.backends.llvm.emit import words
from compiler.backends.llvm.emit.places import Places
from compiler.backends.llvm.emit.registers import register
from compiler.backends.llvm.emit.values import Values
from compiler.backends.llvm.emit.ways import Way, way
from compiler.backends.llvm.emit.words import index
from compiler.backends.llvm.jit.building import Builder
from compiler.backends.llvm.jit.kinds import Constant, Type, i32, i64, vector_of, void, zero
from compiler.backends.llvm.jit.kinds import Value as Register
from compiler.backends.llvm.jit.modules import Module
from compiler.loops.language import Tile
from compiler.loops.machine import Machine
from compiler.loops.tiles import FEW_TERMS, PARTS_AHEAD, TERMS_AHEAD, TileCode

FIRST_CACHE: Final = 3
SECOND_CACHE: Final = 2
"""Where a line that is asked for is wanted, in LLVM's numbers."""

_PREFETCH_TERMS: Final = 24
"""How many terms ahead A is asked for where it is not read in order."""


def emit_tile(builder: Builder, values: Values, places: Places, machine: Machine, stmt: Tile) -> None:
    """Call the function of a tile, which is written where the module has none yet."""
    rows, terms, right = (way(values, places, item) for item in (*stmt.left_strides, stmt.right_step))
    code = _Code.of(stmt, machine, stmt.lanes)
    code.call(
        builder,
        _Arguments(
            a=places.address(stmt.left),
            by_row=rows.register,
            by_term=terms.register,
            rows=values.number(stmt.exist),
            b=places.address(stmt.right),
            step=right.register,
            terms=values.number(stmt.terms),
            sums=places.address(stmt.sums),
            first=values.number(stmt.first),
            columns=values.number(stmt.columns),
            live=None if stmt.live is None else places.address(stmt.live),
            apart=None if stmt.apart is None else values.number(stmt.apart),
        ),
    )


@dataclass(frozen=True)
class _Arguments:
    """What a tile is computed from; strides in elements, or the addresses of tables.

    `a` is the address of A at the first row and term, of which `rows` rows exist: those past them repeat the
    last one, so that a partial tile is the same code. `b` is the panel, of `columns` columns that exist, and
    `step` how its rows lie. The sums of `terms` terms are stored at `sums`, row by row; where `first`
    is not 0 they are added to what lies there. `live` has the numbers of the terms, where some are left out.
    Rows of a result in which sums are stored lie `apart`.
    """

    a: Register
    by_row: Register
    by_term: Register
    rows: Register
    b: Register
    step: Register
    terms: Register
    sums: Register
    first: Register
    columns: Register
    live: Register | None = None
    apart: Register | None = None

    @property
    def registers(self) -> dict[str, Register]:
        """Those that there are, in their order."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: item for name, item in found.items() if item is not None}


class _Code(TileCode):
    """The code of a tile as a function of LLVM's."""

    @property
    def element(self) -> Type:
        """The type of a number in a register."""
        return register(self.dtype)

    def call(self, builder: Builder, arguments: _Arguments) -> None:
        """Emits the call, and the function where the module has none yet."""
        module = builder.module
        function = module.globals.get(self.name) or self._function(module, arguments)
        builder.call(function, list(arguments.registers.values()), void)

    def _function(self, module: Module, arguments: _Arguments) -> Register:
        kinds = [item.type for item in arguments.registers.values()]
        function = module.function(self.name, void, kinds)
        function.internal = True
        builder = Builder(function)
        given = dict(zip(arguments.registers, function.args, strict=True))
        _Tile(self, builder, _Arguments(**given)).emit()
        builder.ret_void()
        return function


class _Tile:
    """A tile's function while it is emitted."""

    def __init__(self, code: _Code, builder: Builder, given: _Arguments) -> None:
        self.code, self.builder, self.given = code, builder, given
        ways = zip((given.by_row, given.by_term, given.step), code.tables, strict=True)
        self.by_row, self.by_term, self.step = (Way(*pair) for pair in ways)
        self.vector = vector_of(code.element, code.lanes)

    def emit(self) -> None:
        """The sums over k, added to those of the terms before, if there are any."""
        if self.code.asks_results:
            self.ask_for_results()
        builder, totals, store = (
            self.builder,
            self.sums(),
            self.store_rows if self.code.direct else self.store,
        )
        if self.code.direct and not self.code.adds:
            store(totals)
            return
        with builder.if_else(builder.icmp_signed(">", self.given.first, index(0))) as (later, at_once):
            with later:
                store(totals, adds=True)
            with at_once:
                store(totals)

    def sums(self) -> list[Register]:
        """The accumulators after all terms, row by row."""
        builder, given, code = self.builder, self.given, self.code
        rows = [self.row(number) for number in range(code.rows)]
        masks = self.masks(is_masked=self.code.masked)
        count = code.rows * code.vectors
        carried = [*([zero(self.vector)] * count), *self.moving()]
        ahead = self.ahead() if code.ahead else None
        add_terms = partial(self.add_terms, rows, masks, ahead)
        if not code.asks_rows:
            return add_terms(index(0), given.terms, carried)[:count]
        following, line = self.following(), code.line
        with words.counted_loop(builder, index(0), given.terms, line, carried=carried) as lines:
            here = builder.add(lines.index, following)
            for row in rows:
                self.ask_for(words.offset(builder, row, here, code.element), SECOND_CACHE)
            stop = words.minimum(builder, builder.add(lines.index, index(line)), given.terms)
            lines.next += add_terms(lines.index, stop, lines.values)
        return lines.results[:count]

    def following(self) -> Register:
        """How far the rows of the next tile are from these, in elements; nothing, if there is none."""
        builder, given, rows = self.builder, self.given, self.code.rows
        far = builder.mul(self.by_row.register, index(rows))
        has_more = builder.icmp_signed(">", given.rows, index(rows))
        return builder.select(has_more, far, index(0))

    def add_terms(
        self,
        rows: Sequence[Register],
        masks: Sequence[Register | None],
        ahead: Register | None,
        begin: Register,
        end: Register,
        carried: Sequence[Register],
    ) -> list[Register]:
        """The accumulators, and what moves with the terms, after some of these."""
        builder, code = self.builder, self.code
        count = code.rows * code.vectors
        with words.counted_loop(builder, begin, end, carried=carried) as loop:
            sums, moving = loop.values[:count], list(loop.values[count:])
            term = self.term(loop.index)
            position = self.position(term, moving)
            if not (code.contiguous or code.chosen or self.by_term.is_table):
                self.prefetch(rows[0], position)
            if ahead is not None:
                far = builder.mul(loop.index, index(code.step_ahead))
                self.ask_for(words.offset(builder, ahead, far, code.element), SECOND_CACHE)
            address = self.panel_row(term, moving)
            if code.lies_far:
                self.ask_for_row(address)
            b = [self.load(address, number, mask) for number, mask in enumerate(masks)]
            for number, start in enumerate(rows):
                a = self.left(start, position)
                for vector, operand in enumerate(b):
                    total = sums[number * code.vectors + vector]
                    loop.next.append(words.multiply_add(builder, a, operand, total, fused=code.fused))
            loop.next += moving
        return loop.results

    def term(self, number: Register) -> Register:
        """A term by its place among those that there are."""
        builder, live = self.builder, self.given.live
        if live is None:
            return number
        return words.load(builder, words.offset(builder, live, number, i64), i64)

    def moving(self) -> list[Register]:
        """What goes on by a stride from term to term: how far A is, and the address of B."""
        if self.code.chosen:
            return []
        is_moving = not (self.code.contiguous or self.by_term.is_table)
        found = [index(0)] if is_moving else []
        return found if self.step.is_table else [*found, self.given.b]

    def position(self, term: Register, moving: list[Register]) -> Register:
        """How far a term of A is from the first one, in elements."""
        if self.code.contiguous:
            return term
        if self.by_term.is_table or self.code.chosen:
            return self.by_term.elements(self.builder, term)
        position, moving[0] = moving[0], self.builder.add(moving[0], self.by_term.register)
        return position

    def panel_row(self, term: Register, moving: list[Register]) -> Register:
        """The address of B at a term."""
        builder, step, element = self.builder, self.step, self.code.element
        if step.is_table or self.code.chosen:
            return words.offset(builder, self.given.b, step.elements(builder, term), element)
        address, moving[-1] = moving[-1], words.offset(builder, moving[-1], step.register, element)
        return address

    def left(self, row: Register, position: Register) -> Register:
        """An element of A in every lane."""
        at = words.offset(self.builder, row, position, self.code.element)
        return words.splat(self.builder, words.load(self.builder, at, self.code.element), self.code.lanes)

    def row(self, number: int) -> Register:
        """The address of A at a row, or at the last one."""
        builder = self.builder
        last = builder.sub(self.given.rows, index(1))
        elements = self.by_row.elements(builder, words.minimum(builder, index(number), last))
        return words.offset(builder, self.given.a, elements, self.code.element)

    def masks(self, *, is_masked: bool) -> Sequence[Register | None]:
        """For each vector of the panel, which of its columns exist."""
        count, lanes = self.code.vectors, self.code.lanes
        if not is_masked:
            return [None] * count
        firsts = [index(number * lanes) for number in range(count)]
        return [words.lane_mask(self.builder, first, self.given.columns, lanes) for first in firsts]

    def prefetch(self, start: Register, position: Register) -> None:
        """Ask for A some terms ahead: rows that lie far apart are beyond the processor's own guesses."""
        builder = self.builder
        ahead = builder.add(position, builder.mul(self.by_term.register, index(_PREFETCH_TERMS)))
        self.ask_for(words.offset(builder, start, ahead, self.code.element), FIRST_CACHE)

    def ask_for_row(self, row: Register) -> None:
        """Ask for the panel's row some terms after one; of few terms for the next panel's, beside it."""
        builder, element = self.builder, self.code.element
        later_term = builder.mul(self.step.register, index(TERMS_AHEAD))
        is_few = builder.icmp_signed("<=", self.given.terms, index(FEW_TERMS))
        far = builder.select(is_few, index(self.code.vectors * self.code.lanes), later_term)
        later = words.offset(builder, row, far, element)
        for column in self.code.lines:
            self.ask_for(words.offset(builder, later, index(column), element), FIRST_CACHE)

    def ahead(self) -> Register:
        """The address from which on a tile asks for the next panel: each of some neighbours for a part of it.

        All at once they would take the ways to memory for themselves, and then the tile waits for its own.
        """
        builder, given, code = self.builder, self.given, self.code
        tiles = builder.sdiv(builder.sub(given.rows, index(1)), index(code.rows))
        part = builder.srem(tiles, index(PARTS_AHEAD))
        begin = builder.mul(builder.mul(part, given.terms), index(code.step_ahead))
        return words.offset(builder, given.b, builder.add(begin, index(code.distance_ahead)), code.element)

    def ask_for_results(self) -> None:
        """Ask for the lines in which sums are stored, while these are computed."""
        for row in range(self.code.rows):
            start = self.result_row(row)
            for column in self.code.lines:
                line = words.offset(self.builder, start, index(column), self.code.element)
                self.ask_for(line, FIRST_CACHE, to_write=True)

    def ask_for(self, address: Register, cache: int, *, to_write: bool = False) -> None:
        """Ask for a line of memory, which is read or written later if at all."""
        write_keep_data = [Constant(i32, number) for number in (int(to_write), cache, 1)]
        words.intrinsic(self.builder, "llvm.prefetch.p0", void, [address, *write_keep_data])

    def store(self, totals: Sequence[Register], *, adds: bool = False) -> None:
        """Store all sums, or add them to what is there: whole rows, one behind the other."""
        earlier = [self.load(self.given.sums, number) for number in range(len(totals))] if adds else []
        for number, total in enumerate(self.added(earlier, totals)):
            words.store(self.builder, total, self.vector_at(self.given.sums, number))

    def store_rows(self, totals: Sequence[Register], *, adds: bool = False) -> None:
        """The same in the result, of the rows and columns that exist."""
        builder, count = self.builder, self.code.vectors
        masks = self.masks(is_masked=self.code.cut)
        for row in range(self.code.rows):
            place = self.result_row(row)
            sums = totals[row * count : (row + 1) * count]
            with builder.if_then(builder.icmp_signed(">", self.given.rows, index(row))):
                earlier = (
                    [self.load(place, number, mask) for number, mask in enumerate(masks)] if adds else []
                )
                for number, total in enumerate(self.added(earlier, sums)):
                    words.store(builder, total, self.vector_at(place, number), masks[number])

    def added(self, earlier: Sequence[Register], sums: Sequence[Register]) -> Sequence[Register]:
        """Sums added to those of the terms before, if there are any."""
        add = self.builder.add if self.code.element.width else self.builder.fadd
        return [add(old, new) for old, new in zip(earlier, sums, strict=True)] if earlier else sums

    def result_row(self, number: int) -> Register:
        """The address of a row in the result."""
        apart = self.given.apart
        assert apart is not None, "sums are stored in a result whose rows lie apart"
        start = self.builder.mul(apart, index(number))
        return words.offset(self.builder, self.given.sums, start, self.code.element)

    def load(self, base: Register, number: int, mask: Register | None = None) -> Register:
        return words.load(self.builder, self.vector_at(base, number), self.vector, mask)

    def vector_at(self, base: Register, number: int) -> Register:
        """The address of vector `number` after `base`."""
        return words.offset(self.builder, base, index(number * self.code.lanes), self.code.element)
