"""Reads short rows that lie in lanes as they lie in memory, and takes their columns apart in registers.

    for i in 0 .. n in vectors of 4:               for i in 0 .. n in vectors of 4:
        for j in 0 .. 2:  carrying s                   a, b = x[2*i], x[2*i + 4]
            s = s + x[2*i + j; by 2]          ->       kept[0] = evens(a, b)
        y[i] = s                                       kept[4] = odds(a, b)
                                                       for j in 0 .. 2:  carrying s
                                                           s = s + kept[4*j]
                                                       y[i] = s

A lane apart is an access of its own, which takes longer than all that is done to it. Rows of a power of two
are whole vectors one behind the other. Of others each is a vector under a mask, where masks have registers of
their own. Longer rows are taken apart by squares, the last of which ends where they do. A square of very long
ones would take a line of memory here and there, and no processor fetches such lines ahead: they are copied as
they lie before. Few rows stay as they are: it saves 2 to 8 ns a row, and takes 20 to 35 ms longer to compile.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from compiler.ir.types import BOOL, INT64
from compiler.loops.across import LONGEST, NEAR
from compiler.loops.arguments import FEW
from compiler.loops.language import (
    For,
    If,
    Kernel,
    Let,
    Literal,
    Load,
    Memory,
    Ref,
    Stmt,
    Store,
    Value,
)
from compiler.loops.machine import Machine
from compiler.loops.peeling import in_parts
from compiler.loops.squares import every
from compiler.loops.walking import at_most, definitions, inside, is_innermost, loops, stride
from compiler.loops.writing import Writer


def unzip(kernel: Kernel, machine: Machine) -> Kernel:
    """The kernel with loads of short rows that lie in lanes taken apart in registers."""
    if has_few_rows(kernel):
        return kernel
    rooms = list(kernel.rooms)
    body = _block(kernel.body, machine, rooms)
    return replace(kernel, body=body, rooms=tuple(rooms))


def has_few_rows(kernel: Kernel) -> bool:
    """Whether rows that lie in lanes are known to be few."""
    known = definitions(kernel.body)
    rows = [loop for loop in loops(kernel.body) if loop.lanes and not is_innermost(loop)]
    ends = [at_most(loop.stop, known) for loop in rows]
    return any(end is not None and end <= FEW for end in ends)


def _block(body: Sequence[Stmt], machine: Machine, rooms: list[Memory]) -> tuple[Stmt, ...]:
    return tuple(item for stmt in body for item in _unzipped(stmt, machine, rooms))


def _unzipped(stmt: Stmt, machine: Machine, rooms: list[Memory]) -> Sequence[Stmt]:
    match stmt:
        case For() if _short_rows(stmt, machine):
            return [_whole(item, machine, rooms) for item in in_parts(stmt)]
        case For():
            return [replace(stmt, body=_block(stmt.body, machine, rooms))]
        case If():
            then, otherwise = (_block(block, machine, rooms) for block in (stmt.then, stmt.otherwise))
            return [replace(stmt, then=then, otherwise=otherwise)]
        case _:
            return [stmt]


def _whole(stmt: Stmt, machine: Machine, rooms: list[Memory]) -> Stmt:
    """The loop of whole vectors over rooms that are filled first; what else there is stays as it is."""
    if not isinstance(stmt, For) or stmt.mask is not None:
        return stmt
    writer, known = Writer(), dict[tuple[object, ...], Memory]()
    places: dict[Value, tuple[Memory, Value]] = {}
    for columns, load in _short_rows(stmt, machine):
        key = _base(load.ref, columns)
        if key not in known:
            assert isinstance(columns.stop, int)
            room = known[key] = Memory(load.value.dtype, columns.stop * stmt.lanes)
            rooms.append(room)
            if columns.stop <= stmt.lanes:
                _fill(writer, room, _rows(writer, load, columns, stmt), columns.stop)
            elif columns.stop > NEAR * stmt.lanes and stride(load.ref, stmt.index) == columns.stop:
                lined = Memory(load.value.dtype, room.extent)
                rooms.append(lined)
                _line_up(writer, lined, load, columns, stmt)
                near = replace(load, ref=Ref(lined, ((stmt.index, columns.stop), (columns.index, 1))))
                _fill_by_squares(writer, room, near, columns, stmt, writer.sum(0, 0))
            else:
                _fill_by_squares(writer, room, load, columns, stmt, stmt.index)
        places[load.value] = known[key], columns.index
    body = tuple(_from_rooms(item, places, stmt.lanes) for item in stmt.body)
    return replace(stmt, body=(*writer.blocks[0], *body))


def _short_rows(rows: For, machine: Machine) -> list[tuple[For, Load]]:
    """The loads of lanes apart in loops over short rows, with these loops."""
    if not rows.lanes or rows.step != rows.lanes or rows.carried:
        return []
    stored = {stmt.ref.memory for stmt in inside(rows) if isinstance(stmt, Store)}
    made = made_in(rows)
    found: list[tuple[For, Load]] = []
    for columns in rows.body:
        if not isinstance(columns, For) or not is_innermost(columns) or not is_known(columns, rows.lanes):
            continue
        for stmt in columns.body:
            if not isinstance(stmt, Load) or stmt.ref.memory in stored:
                continue
            if lies_across(stmt.ref, rows, columns, made) and _pays(stmt.ref, columns, rows.lanes, machine):
                found.append((columns, stmt))
    return found


def made_in(rows: For) -> set[Value]:
    """What differs from one place in a loop to another."""
    return {value for stmt in inside(rows) for value in _made(stmt)}


def _made(stmt: Stmt) -> Sequence[Value]:
    match stmt:
        case Let() | Load():
            return (stmt.value,)
        case For():
            return (stmt.index,)
        case _:
            return ()


def is_known(columns: For, lanes: int) -> bool:
    """Whether a row is known to have more than one column, and not many."""
    stop = columns.stop
    return columns.start == 0 and columns.step == 1 and isinstance(stop, int) and 1 < stop <= LONGEST * lanes


def lies_across(ref: Ref, rows: For, columns: For, made: Collection[Value]) -> bool:
    """Whether lanes are rows, and neighbours of a row are neighbours in memory."""
    others = {value for value, _ in ref.terms} - {rows.index, columns.index}
    is_row = ref.at is None and not ref.memory.extent and others.isdisjoint(made)
    far = stride(ref, rows.index)
    return is_row and far not in (0, 1) and ref.step == far and stride(ref, columns.index) == 1


def _pays(ref: Ref, columns: For, lanes: int, machine: Machine) -> bool:
    """Whether rows are whole vectors, alone or one behind the other, or may be loaded under a mask."""
    width = columns.stop
    is_long = isinstance(width, int) and width >= lanes
    return is_long or is_dense(ref, columns) or machine.has_mask_registers


def is_dense(ref: Ref, columns: For) -> bool:
    """Whether rows of a power of two lie side by side."""
    width = columns.stop
    return isinstance(width, int) and ref.step == width and width & (width - 1) == 0


def _base(ref: Ref, columns: For) -> tuple[object, ...]:
    """Where a row begins."""
    return ref.memory, columns.stop, *(term for term in ref.terms if term[0] is not columns.index)


def _fill(writer: Writer, room: Memory, parts: Sequence[Value], width: int) -> None:
    """Stores each column of rows that lie one behind the other."""
    one = writer.sum(1, 0)
    for number in range(width):
        column = every(writer, parts, number)
        terms = ((one, number * column.lanes),) if number else ()
        writer.write(Store(Ref(room, terms), column))


def _line_up(writer: Writer, lined: Memory, load: Load, columns: For, rows: For) -> None:
    """Copies the rows of all lanes as they lie, one behind the other."""
    index, vector = Value(INT64), Value(load.value.dtype, rows.lanes)
    here = tuple((index if value is columns.index else value, far) for value, far in load.ref.terms)
    body = Load(vector, Ref(load.ref.memory, here)), Store(Ref(lined, ((index, 1),)), vector)
    writer.write(For(index, 0, lined.extent, body, rows.lanes))


def _fill_by_squares(writer: Writer, room: Memory, load: Load, columns: For, rows: For, begin: Value) -> None:
    """Stores each column of rows that are longer than a vector; `begin` is the first of them."""
    lanes, width, index = rows.lanes, columns.stop, Value(INT64)
    assert isinstance(width, int)
    lines = [writer.sum(begin, k) if k else begin for k in range(lanes)]
    left = width % lanes

    def fill(first: Value, known: int = 0) -> None:
        parts = [_row(writer, load, {rows.index: line, columns.index: first}, lanes) for line in lines]
        for number in range(known, lanes):
            place = writer.sum(first, number) if number else first
            writer.write(Store(Ref(room, ((place, lanes),)), every(writer, parts, number)))

    with writer.block() as body:
        fill(index)
    writer.write(For(index, 0, width - left, tuple(body), lanes))
    if left:
        fill(writer.sum(width - lanes, 0), lanes - left)


def _rows(writer: Writer, load: Load, columns: For, rows: For) -> list[Value]:
    """The rows of all lanes as vectors: as many in a vector as a power of two allows, or one."""
    lanes, dense = rows.lanes, is_dense(load.ref, columns)
    width = columns.stop
    assert isinstance(width, int)
    mask = (
        None if dense or width == lanes else writer.let("first", BOOL, Literal.of(width, INT64), lanes=lanes)
    )
    return [
        _row(writer, load, {rows.index: writer.sum(rows.index, k) if k else rows.index}, lanes, mask, columns)
        for k in range(0, lanes, lanes // width if dense else 1)
    ]


def _row(
    writer: Writer,
    load: Load,
    now: Mapping[Value, Value],
    lanes: int,
    mask: Value | None = None,
    columns: For | None = None,
) -> Value:
    """A vector of a row, from the first of the columns on or from where they are now."""
    terms = tuple(
        (now.get(value, value), far)
        for value, far in load.ref.terms
        if columns is None or value is not columns.index
    )
    vector = Value(load.value.dtype, lanes)
    writer.write(Load(vector, Ref(load.ref.memory, terms), mask))
    return vector


def _from_rooms(stmt: Stmt, places: Mapping[Value, tuple[Memory, Value]], lanes: int) -> Stmt:
    """A loop over a row with loads from rooms."""
    match stmt:
        case For():
            return replace(stmt, body=tuple(_from_rooms(item, places, lanes) for item in stmt.body))
        case Load() if stmt.value in places:
            room, index = places[stmt.value]
            return Load(stmt.value, Ref(room, ((index, lanes),)))
        case _:
            return stmt
