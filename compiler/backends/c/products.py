"""The leaves of a matrix product: panels by helpers, tiles of sums as functions with named accumulators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from compiler.backends.c.registers import Type, type_of
from compiler.backends.c.values import Values
from compiler.loops.language import Along, Layout, Pack, Ref, Tile
from compiler.loops.machine import Machine
from compiler.loops.products import EVERY_OTHER
from compiler.loops.tiles import FEW_TERMS, PARTS_AHEAD, TERMS_AHEAD, TileCode

_BLOCK: Final = 8
"""Side of the largest squares in which B is transposed."""

_PREFETCH_TERMS: Final = 24
"""How many terms ahead A is asked for where it is not read in order."""


def pack_text(values: Values, machine: Machine, stmt: Pack, panel: str, step: str) -> list[str]:
    """The statements that prepare a panel, which is called `panel`, its rows `step` apart."""
    kind = _native(machine, type_of(stmt.source.memory.dtype, stmt.lanes))
    if stmt.layout is Layout.ROWS and (stmt.whole or machine.has_masked_memory):
        return _copied_if_worthwhile(values, stmt, kind, panel, step)
    call = _packing(values, machine, stmt, kind)
    return [
        f"{kind.element} *{panel} = {values.memories[stmt.room]};",
        f"i64 {step} = {stmt.width};",
        f"{call};",
    ]


def _copied_if_worthwhile(values: Values, stmt: Pack, kind: Type, panel: str, step: str) -> list[str]:
    """B itself, or a copy."""
    room, columns = values.memories[stmt.room], values.number(stmt.columns)
    copy = f"{values.number(stmt.rows)} >= {stmt.few}"
    if not stmt.whole:
        copy += f" || {columns} < {stmt.width}"
    sizes = f"{step}, {values.number(stmt.terms)}, {columns}, {stmt.width}, {int(stmt.whole)}"
    return [
        f"{kind.element} *{panel} = {values.place(stmt.source)};",
        f"i64 {step} = {_along(values, stmt.strides[0])};",
        f"if ({copy}) {{",
        f"    pack_rows_{kind.name}({room}, {panel}, {sizes});",
        f"    {panel} = {room}, {step} = {stmt.width};",
        "}",
    ]


def _packing(values: Values, machine: Machine, stmt: Pack, kind: Type) -> str:
    """The call that copies a panel."""
    way, far = _along(values, stmt.strides[0]), values.number(stmt.strides[1])
    is_table = isinstance(stmt.strides[0], Ref)
    between = f"{values.memories[stmt.room]}, {values.place(stmt.source)}"
    terms = f"0, {way}" if is_table else f"{way}, 0"
    sizes = f"{values.number(stmt.terms)}, {values.number(stmt.columns)}, {stmt.width}"
    square = Type(kind.element, min(kind.lanes, _BLOCK)).name
    if stmt.layout is Layout.COLUMNS:
        return f"pack_columns_{square}({between}, {far}, {sizes})"
    if stmt.strides[1] == EVERY_OTHER and machine.has_masked_memory:
        return f"pack_every_other_{kind.name}({between}, {terms}, {sizes})"
    far = "1" if stmt.layout is Layout.ROWS else far
    if is_table:
        return f"pack_runs_{square}({between}, {way}, {far}, {sizes})"
    return f"pack_strided_{kind.element}({between}, {terms}, {far}, {sizes})"


def _along(values: Values, item: Along) -> str:
    """A stride, or the address of a table."""
    return values.place(item) if isinstance(item, Ref) else values.number(item)


def tile_text(values: Values, machine: Machine, stmt: Tile) -> tuple[Code, str]:
    """The code of a tile, and its call."""
    ways = (*stmt.left_strides, stmt.right_step)
    by_row, by_term, step = (_along(values, item) for item in ways)
    kind = _native(machine, type_of(stmt.left.memory.dtype, stmt.lanes))
    code = Code.of(stmt, machine, kind.lanes)
    number = values.number
    arguments = [
        values.place(stmt.left), by_row, by_term, number(stmt.exist), values.place(stmt.right), step,
        number(stmt.terms), values.place(stmt.sums), number(stmt.first), number(stmt.columns),
        *([] if stmt.live is None else [values.place(stmt.live)]),
        *([] if stmt.apart is None else [number(stmt.apart)]),
    ]  # fmt: skip
    return code, f"{code.name}({', '.join(arguments)});"


def _native(machine: Machine, kind: Type) -> Type:
    """As many lanes as a register has, at most."""
    return Type(kind.element, min(kind.lanes, machine.vector_bytes // kind.size))


class Code(TileCode):
    """The code of a tile as a function of C."""

    @property
    def type(self) -> Type:
        """A vector of sums."""
        return type_of(self.dtype, self.lanes)

    def text(self) -> list[str]:
        """The function. `a` is A at the first row and term, of which `rows` rows exist; `b` is the panel."""
        names = [f"sum{i}_{j}" for i in range(self.rows) for j in range(self.vectors)]
        rows = [names[i : i + self.vectors] for i in range(0, len(names), self.vectors)]
        return [
            *self.head(),
            *(f"    {line}" for line in (self.asking() if self.asks_results else ())),
            *(f"    const {self.type.element} *a{i} = {self.row(i)};" for i in range(self.rows)),
            *(f"    {self.type.name} {', '.join(f'{name} = {{0}}' for name in row)};" for row in rows),
            *(f"    {line}" for line in self.sums(rows)),
            *(f"    {line}" for line in (self.direct_rows(rows) if self.direct else self.added_up(names))),
            "}",
            "",
        ]

    def asking(self) -> list[str]:
        """Lines in which sums are stored are asked for while these are computed."""
        places = (f"sums + {i} * apart + {column}" for i in range(self.rows) for column in self.lines)
        return [f"__builtin_prefetch({place}, 1, 3);" for place in places]

    def added_up(self, names: Sequence[str]) -> list[str]:
        """Sums are added to those of the terms before, if there are any."""
        loaded = [f"{name} = {self.loaded('sums', number)} + {name};" for number, name in enumerate(names)]
        stored = [
            f"store_{self.type.name}({self.moved('sums', number)}, {name});"
            for number, name in enumerate(names)
        ]
        return ["if (first > 0) {", *(f"    {line}" for line in loaded), "}", *stored]

    def direct_rows(self, rows: Sequence[Sequence[str]]) -> list[str]:
        """Rows that exist are stored in the result, or added to what is there of the terms before."""
        lines: list[str] = []
        for i, row in enumerate(rows):
            start = f"sums + {i} * apart"
            earlier = [self.loaded(start, j, masked=self.cut) for j in range(len(row))] if self.adds else []
            added = [f"{name} = {old} + {name};" for name, old in zip(row, earlier, strict=False)]
            lines += [f"if (rows > {i}) {{", *(f"    if (first > 0) {line}" for line in added)]
            for j, name in enumerate(row):
                count = f"columns - {j * self.type.lanes}, " if self.cut else ""
                place = self.moved(start, j)
                lines.append(f"    store_{'first_' * self.cut}{self.type.name}({place}, {count}{name});")
            lines.append("}")
        return lines

    def head(self) -> list[str]:
        """The signature: strides in elements, or tables."""
        element = self.type.element
        by_row, by_term, step = (
            f"const i64 *{name}" if is_table else f"i64 {name}"
            for name, is_table in zip(("by_row", "by_term", "step"), self.tables, strict=True)
        )
        live = ", const i64 *live" * self.chosen + ", i64 apart" * self.direct
        return [
            f"TILE void {self.name}(",
            f"    const {element} *a, {by_row}, {by_term}, i64 rows,",
            f"    const {element} *b, {step}, i64 terms, {element} *sums, i64 first, i64 columns{live}",
            ") {",
        ]

    def row(self, number: int) -> str:
        """The address of A at a row, or at the last one there is."""
        place = f"SMALLER({number}, rows - 1)" if number else "0"
        if self.tables[0]:
            return f"a + by_row[{place}]"
        return f"a + {place} * by_row" if number else "a"

    def sums(self, rows: Sequence[Sequence[str]]) -> list[str]:
        """The loop over terms."""
        kind, (_, by_table, right_by_table) = self.type.name, self.tables
        is_moving = not (self.contiguous or by_table or self.chosen)
        number = "n" if self.chosen else "k"
        moving = (", at = 0", ", at += by_term") if is_moving else ("", "")
        lines = [f"for (i64 {number} = 0{moving[0]}; {number} < terms; {number}++{moving[1]}) {{"]
        if self.ahead:
            lines.append(f"    __builtin_prefetch(ahead + {number} * {self.step_ahead}, 0, 2);")
            tiles = f"(rows - 1) / {self.rows} % {PARTS_AHEAD}"
            begin = f"{tiles} * terms * {self.step_ahead} + {self.distance_ahead}"
            lines.insert(0, f"const {self.type.element} *ahead = b + {begin};")
        if self.chosen:
            lines.append("    i64 k = live[n];")
        if is_moving:
            lines.append(f"    __builtin_prefetch(a0 + at + {_PREFETCH_TERMS} * by_term, 0, 3);")
        elif not self.contiguous:
            lines.append(f"    i64 at = {'by_term[k]' if by_table else 'k * by_term'};")
        panel = "row" if right_by_table or self.chosen else "b"
        if panel == "row":
            far = "step[k]" if right_by_table else "k * step"
            lines.append(f"    const {self.type.element} *row = b + {far};")
        if self.lies_far:
            far = f"b + (terms <= {FEW_TERMS} ? {self.vectors * self.lanes} : {TERMS_AHEAD} * step)"
            lines += [f"    __builtin_prefetch({far} + {column}, 0, 3);" for column in self.lines]
        loaded = [self.loaded(panel, j, masked=self.masked) for j in range(self.vectors)]
        lines += [f"    {kind} b{j} = {text};" for j, text in enumerate(loaded)]
        if panel == "b":
            lines.append("    b += step;")
        for i, row in enumerate(rows):
            lines.append(f"    {kind} x{i} = splat_{kind}(a{i}[{'k' if self.contiguous else 'at'}]);")
            lines += [f"    {name} = {self.added(name, f'x{i}', f'b{j}')};" for j, name in enumerate(row)]
        return [*lines, "}"]

    def added(self, total: str, a: str, b: str) -> str:
        """One more product."""
        return f"fma_{self.type.name}({a}, {b}, {total})" if self.fused else f"{total} + {a} * {b}"

    def loaded(self, base: str, number: int, *, masked: bool = False) -> str:
        """A vector behind an address."""
        place = self.moved(base, number)
        if masked:
            return f"load_first_{self.type.name}({place}, columns - {number * self.type.lanes})"
        return f"load_{self.type.name}({place})"

    def moved(self, base: str, number: int) -> str:
        """The address of a vector behind another."""
        return f"{base} + {number * self.type.lanes}" if number else base
