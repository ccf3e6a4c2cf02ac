"""Prefix reductions of rows by squares: rows lie in lanes, and columns are read and written turned.

    for i in 0 .. n:                               for i in 0 .. n by 16:
        for k in 0 .. m:  carrying s                   for k in 0 .. m by 16:  carrying s[16]
            s = s + x[i,k]                ->               x0 .. x15 = columns of x[i .. i + 16, k .. k + 16]
            y[i,k] = s                                     s, .. = s + x0, s + x0 + x1, ..
                                                           y[i .. i + 16, k .. k + 16] = rows of these

Each row is the chain that it was. Rows that lie in lanes would else be read and written lane by lane, which
takes 5 to 10 times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from compiler.ir.dims import product
from compiler.ir.op import Prefix, Scan
from compiler.ir.ordering import NETWORKED
from compiler.ir.types import INT64
from compiler.loops.drafts import COUNTED, Draft, UnsupportedError
from compiler.loops.language import Count, For, Kernel, Literal, Number, Operand, Value
from compiler.loops.networks.rows import Rows
from compiler.loops.places import Places
from compiler.loops.prefixes import ATOMS, FEWEST, first_of, state_of
from compiler.loops.ways import Way
from compiler.loops.writing import Writer
from compiler.schedule import schedule

_INSTRUCTIONS: Final = 16.0
"""For a vector that is read turned, added up and written."""


def scanning_draft(kernel: schedule.Kernel, places: Places, vector_bytes: int) -> tuple[Draft, int] | None:
    """The loops of a prefix reduction along rows of neighbours, and by how many rows they step.

    None for others, and where a result lies over what is read, rows are short or few.
    """
    node = kernel.members[0]
    op = node.op
    if not isinstance(op, Prefix) or op.scan is Scan.RECURRENCE or op.axis != node.type.rank - 1:
        return None
    (x,), dtype, width = node.operands, node.type.dtype, node.type.shape[-1]
    if not {dtype, x.type.dtype} <= {*NETWORKED} or not isinstance(width, int):
        return None
    lanes, count = vector_bytes // dtype.size, Count(product(node.type.shape[:-1]))
    is_few = isinstance(count.extent, int) and count.extent < FEWEST
    if width < lanes or is_few or places.overwrites(node, kernel):
        return None
    writer, group = Writer(), Value(INT64)
    way = Way(writer, Value(INT64), dtype, lanes, is_across=True)
    try:
        rows, out = (Rows(way, item, places[item], group, count) for item in (x, node))
    except UnsupportedError:
        return None
    if rows.along != 1 or out.along != 1:
        return None
    with writer.block() as body:
        _scan(way, op, rows, out)
    nest = For(group, 0, count, tuple(body), lanes)
    addresses = {item.memory: item.pointer for item in (rows, out)}
    moves = tuple((item.type.dtype.size, node.type.size) for item in (x, node))
    found = Kernel(tuple(addresses), way.chunk, (), (nest,))
    instructions = _INSTRUCTIONS * COUNTED / lanes
    return Draft(found, count, addresses, (), count.extent * width, instructions, moves), lanes


def _scan(way: Way, op: Prefix, rows: Rows, out: Rows) -> None:
    """All squares of a group of rows, the last one of as many columns as are left."""
    lanes, width, state = way.lanes, rows.width, state_of(op.scan, way.dtype)
    left, last = width % lanes, width - lanes

    def square(count: int, index: Value, before: Sequence[Value]) -> Sequence[Operand]:
        first: Number = way.writer.difference(last, index) if op.reverse else index
        if count < lanes and op.reverse:
            first = 0
        start = way.writer.sum(first, 0)
        items = rows.columns(start, lanes if op.reverse else count)[:count]
        sums: list[Value] = []
        (total,) = before
        for item in reversed(items) if op.reverse else items:
            wide = item if item.dtype is state else way.let("cast", item, dtype=state)
            total = way.let(ATOMS[op.scan], total, wide, dtype=state)
            sums.append(total if state is way.dtype else way.let("cast", total))
        out.store(start, sums[::-1] if op.reverse else sums)
        return [total]

    begin = way.writer.let("splat", state, Literal.of(first_of(op.scan, state), state), lanes=lanes)
    totals = way.carry((0, width - left), [begin], partial(square, lanes), lanes)
    if left:
        square(left, way.writer.sum(width - left, 0), totals)
