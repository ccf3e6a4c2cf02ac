"""Runs whole vectors without a mask, and the tail of a loop as one vector under a mask.

    for j in 0 .. n in vectors of 4 with m:            t = n - rem(n, 4)
        y[j; where m] = exp(x[j; where m])      ->     for j in 0 .. t in vectors of 4:
                                                           y[j] = exp(x[j])
                                                       for j in t .. n in vectors of 4 with m:
                                                           y[j; where m] = exp(x[j; where m])

The second loop has one iteration or none. Lanes hold what they held, and what the first loop carries the
second one takes up, so no bit changes. A store that chooses between a whole vector and pieces has made its
choice. Where masks have registers of their own they cost a loop nothing but a choice in each fold. So only
loops that carry something are peeled there, those that read or write backwards or by steps, as a mask takes
as long to turn as a vector (rows of 300 backwards take 0.15 to 0.9 of the time), and those that move numbers
of one or two bytes, which are widened and narrowed under a mask by more instructions (300,000 of them 0.65 to
0.85). Elsewhere all are: stores under a mask are slow with AVX2, and with SSE and NEON each lane of a load or
store under one is a branch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from compiler.ir.types import BOOL, INT64
from compiler.loops.copying import Copy
from compiler.loops.language import (
    Fold,
    For,
    If,
    Kernel,
    Let,
    Literal,
    Load,
    Number,
    Stmt,
    Store,
    Value,
    operand,
    reads,
    walk,
)
from compiler.loops.machine import Machine
from compiler.loops.writing import Writer


def peel(kernel: Kernel, machine: Machine) -> Kernel:
    """The kernel with a loop of whole vectors before the tail of each loop where that pays."""
    return replace(kernel, body=_block(kernel.body, machine))


def _block(body: Iterable[Stmt], machine: Machine) -> tuple[Stmt, ...]:
    return tuple(item for stmt in body for item in _peeled(stmt, machine))


def _peeled(stmt: Stmt, machine: Machine) -> tuple[Stmt, ...]:
    match stmt:
        case For():
            loop = replace(stmt, body=_block(stmt.body, machine))
            pays = loop.carried or not machine.has_mask_registers or _is_slow_masked(loop)
            return in_parts(loop) if pays else (loop,)
        case If():
            then, otherwise = (_block(part, machine) for part in (stmt.then, stmt.otherwise))
            return (replace(stmt, then=then, otherwise=otherwise),)
        case _:
            return (stmt,)


def _is_slow_masked(loop: For) -> bool:
    """Whether a mask is turned, as a vector read or written backwards is, or is over narrow numbers."""
    found = (stmt.ref for stmt in loop.body if isinstance(stmt, Load | Store) and stmt.mask is loop.mask)
    return loop.mask is not None and any(ref.step not in (0, 1) or ref.memory.dtype.size < 4 for ref in found)


def in_parts(loop: For) -> tuple[Stmt, ...]:
    """A loop under a mask in two, and before them where the second one begins; another as it is."""
    mask = loop.mask
    if mask is None:
        return (loop,)
    writer = Writer()
    end = whole_end(writer, loop)
    if end == loop.start:
        return (loop,)
    choices = _choices(loop)
    whole = _Whole(choices, mask)
    first = whole.stmt(replace(loop, stop=end, mask=None))
    carried = tuple(replace(item, first=whole.of(item.after)) for item in loop.carried)
    last = replace(loop, start=end, body=_Tail(choices).block(loop.body), carried=carried)
    return (*writer.blocks[0], first, last)


def whole_end(writer: Writer, loop: For) -> Number:
    """Where the whole vectors of a loop end.

    A remainder has the sign of what is divided, so if the loop has no iteration neither part has one.
    """
    start, stop, lanes = loop.start, loop.stop, loop.lanes
    if isinstance(start, int) and isinstance(stop, int):
        return stop - max(0, stop - start) % lanes
    count = operand(stop) if start == 0 else writer.difference(stop, start)
    left = writer.let("rem", INT64, count, Literal.of(lanes, INT64))
    assert isinstance(left, Value)
    return writer.difference(stop, left)


def _choices(loop: For) -> set[Value]:
    """The truth values by which stores of a loop are whole or in pieces, and nothing else."""
    stores = [stmt for stmt in loop.body if isinstance(stmt, If) and _is_in_pieces(stmt)]
    places = set(map(id, stores))
    others = [stmt for stmt in walk(loop.body) if id(stmt) not in places]
    found = {stmt.condition for stmt in stores}.difference(*map(reads, others))
    return {
        let.value for let in others if isinstance(let, Let) and let.value in found and _is_before(let, loop)
    }


def _is_in_pieces(stmt: If) -> bool:
    """Whether a store is that of a whole vector, or of the lanes before the end of the loop."""
    match stmt.then, stmt.otherwise:
        case (Store() as whole,), (Store() as rest,):
            return not whole.first and rest.first > 0 and whole.ref == rest.ref
        case _:
            return False


def _is_before(let: Let, loop: For) -> bool:
    """Whether a truth value says that an iteration is before the last one."""
    return let.atom == "lt" and let.operands[0] is loop.index and isinstance(let.operands[1], Literal)


class _Choosing(Copy):
    """Copies the iterations of a loop in which `choices` are made."""

    def __init__(self, choices: set[Value], *, is_fresh: bool = False) -> None:
        super().__init__(is_fresh=is_fresh)
        self.choices = choices

    def block(self, body: Iterable[Stmt]) -> tuple[Stmt, ...]:
        return super().block(
            stmt for stmt in body if not (isinstance(stmt, Let) and stmt.value in self.choices)
        )


class _Whole(_Choosing):
    """The iterations that are whole: no mask, and stores of whole vectors."""

    def __init__(self, choices: set[Value], mask: Value) -> None:
        super().__init__(choices, is_fresh=True)
        self.mask = mask
        self.known[mask] = Literal.of(1, BOOL)

    def stmt(self, stmt: Stmt) -> Stmt:
        match stmt:
            case If() if stmt.condition in self.choices:
                return super().stmt(stmt.then[0])
            case Load() | Store() | Fold() if stmt.mask is self.mask:
                return super().stmt(replace(stmt, mask=None))
            case _:
                return super().stmt(stmt)


class _Tail(_Choosing):
    """The tail: under the mask, and stores in pieces."""

    def stmt(self, stmt: Stmt) -> Stmt:
        if isinstance(stmt, If) and stmt.condition in self.choices:
            return super().stmt(stmt.otherwise[0])
        return super().stmt(stmt)
