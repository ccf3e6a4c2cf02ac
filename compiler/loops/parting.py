"""Searches four parts of a long row at once.

    for j in 0 .. 1024 in vectors of 16:                  for j in 0 .. 256 in vectors of 16:
        best, at = argmax(best, at, x[j], j)    ->            best, at = argmax(best, at, x[j], j)
                                                              p, q = argmax(p, q, x[j+256], j+256)
                                                              ...
                                                          best, at = argmax(best, at, p, q)
                                                          ...

Each item waits for the comparison with the one before, so a search takes as long as the comparisons of one
lane. Of equals the first wins: parts are joined in their order. What is left beyond equal parts comes last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from compiler.ir.types import INT64
from compiler.loops.copying import Copy
from compiler.loops.language import Carry, Fold, For, Kernel, Let, Literal, Operand, Stmt, Value
from compiler.loops.reductions import empty
from compiler.loops.walking import only_fold, replaced

PARTS: Final = 4
"""Searches at once: a comparison and a choice take four times as long as they keep the processor busy."""

LONG: Final = 8
"""Vectors of a part from which on that pays."""


def part(kernel: Kernel) -> Kernel:
    """The kernel with searches along long rows in parts."""
    return replace(kernel, body=replaced(kernel.body, _parted))


def _parted(loop: For) -> Sequence[Stmt] | None:
    """A loop that searches a long row, in parts; None for others."""
    fold = only_fold(loop)
    if fold is None or not fold.reducer.is_search or _length(loop) < LONG * loop.lanes:
        return None
    return _in_parts(loop, fold)


def _length(loop: For) -> int:
    """How many iterations a part has; 0 where that is not known."""
    if not isinstance(loop.start, int) or not isinstance(loop.stop, int):
        return 0
    return (loop.stop - loop.start) // (PARTS * loop.lanes) * loop.lanes


def _in_parts(loop: For, fold: Fold) -> Sequence[Stmt]:
    """The loop of all parts, what joins them, and the loop over what is left."""
    length, index, start = _length(loop), Value(INT64), loop.start
    assert isinstance(start, int)
    body: list[Stmt] = []
    carried: list[Carry] = []
    for number in range(PARTS):
        place = index
        if number:
            place = Value(INT64)
            body.append(Let(place, "add", (index, Literal.of(number * length, INT64))))
        copy = Copy({loop.index: place}, is_fresh=True)
        inside = [copy.new(item.inside) for item in loop.carried]
        body += copy.block(loop.body)
        firsts = [item.first for item in loop.carried] if not number else empty(fold.reducer, inside[0].dtype)
        carried += [
            Carry(within, first, copy.of(item.following), copy.new(item.after))
            for item, within, first in zip(loop.carried, inside, firsts, strict=True)
        ]
    found: list[Stmt] = [
        replace(loop, index=index, stop=start + length, body=tuple(body), carried=tuple(carried))
    ]
    state: tuple[Operand, ...] = carried[0].after, carried[1].after
    for number in range(1, PARTS):
        item = carried[2 * number].after, carried[2 * number + 1].after
        following = tuple(Value(value.dtype, value.lanes) for value in item)
        found.append(Fold(following, fold.reducer, state, item))
        state = following
    rest = [replace(item, first=first) for item, first in zip(loop.carried, state, strict=True)]
    return [*found, replace(loop, start=start + PARTS * length, carried=tuple(rest))]
