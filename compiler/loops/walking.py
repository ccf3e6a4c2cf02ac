"""Questions about the loops of a kernel."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from compiler.loops.language import (
    Fold,
    For,
    If,
    Join,
    Let,
    Literal,
    Load,
    Number,
    Ref,
    Stmt,
    Value,
    blocks,
    refs,
    walk,
    written,
)


def loops(body: Iterable[Stmt]) -> Iterator[For]:
    """Every loop, an outer one before those inside it."""
    return (stmt for stmt in walk(tuple(body)) if isinstance(stmt, For))


def replaced(body: Iterable[Stmt], rule: Callable[[For], Sequence[Stmt] | None]) -> tuple[Stmt, ...]:
    """The statements, in which outermost loops give way to what the rule has for them, if it has anything."""

    def new(stmt: Stmt) -> Sequence[Stmt]:
        match stmt:
            case For():
                found = rule(stmt)
                return [replace(stmt, body=replaced(stmt.body, rule))] if found is None else found
            case If():
                then, otherwise = replaced(stmt.then, rule), replaced(stmt.otherwise, rule)
                return [replace(stmt, then=then, otherwise=otherwise)]
            case _:
                return [stmt]

    return tuple(item for stmt in body for item in new(stmt))


def only_fold(loop: For) -> Fold | None:
    """The fold of vectors that is all that a loop without a mask does, and carries."""
    folds = [stmt for stmt in loop.body if isinstance(stmt, Fold)]
    is_plain = all(isinstance(stmt, Let | Load | Fold) for stmt in loop.body)
    if not is_plain or len(folds) != 1 or not loop.lanes or loop.mask is not None:
        return None
    is_carried = [item.following for item in loop.carried] == list(folds[0].following)
    return folds[0] if is_carried else None


def is_innermost(loop: For) -> bool:
    """Whether no other loop is inside."""
    return not any(isinstance(stmt, For) for stmt in walk(loop.body))


def is_vectorised(body: Iterable[Stmt]) -> bool:
    """Whether something is computed by vectors already."""
    return any(value.lanes for stmt in walk(tuple(body)) for value in written(stmt))


def definitions(body: Iterable[Stmt]) -> dict[Value, Stmt]:
    """The statement that writes each value; of an index its loop."""
    found: dict[Value, Stmt] = {}
    for stmt in walk(tuple(body)):
        found.update(dict.fromkeys(written(stmt), stmt))
        if isinstance(stmt, For):
            found[stmt.index] = stmt
    return found


def multiple(number: Number, known: Mapping[Value, Stmt]) -> int:
    """A number that divides another one, whatever the arguments are; 0 for that of 0."""
    if isinstance(number, int):
        return number
    stmt = known.get(number) if isinstance(number, Value) else None
    if isinstance(stmt, For) and stmt.index is number:
        return math.gcd(multiple(stmt.start, known), stmt.step)
    if not isinstance(stmt, Let):
        return 1
    parts = [_multiple_of_operand(item, known) for item in stmt.operands]
    if stmt.atom == "mul":
        return math.prod(parts)
    return math.gcd(*parts) if stmt.atom in ("add", "minimum") else 1


def _multiple_of_operand(item: object, known: Mapping[Value, Stmt]) -> int:
    if isinstance(item, Literal):
        return int(item.value)
    return multiple(item, known) if isinstance(item, Value) else 1


def at_most(number: Number | Literal, known: Mapping[Value, Stmt]) -> int | None:
    """What a number is never greater than, whatever the arguments are; None where that is not known."""
    if isinstance(number, int | Literal):
        return number if isinstance(number, int) else int(number.value)
    stmt = known.get(number) if isinstance(number, Value) else None
    if not isinstance(stmt, Let) or stmt.atom != "minimum":
        return None
    found = [at_most(item, known) for item in stmt.operands]
    return min((item for item in found if item is not None), default=None)


def ragged_end(stop: Number, lanes: int, known: Mapping[Value, Stmt]) -> int | None:
    """The one number at which a loop may end inside a vector; None where it is not known or there is none."""
    ends = set(_ends(stop, lanes, known))
    return ends.pop() if len(ends) == 1 else None


def _ends(stop: Number | Literal, lanes: int, known: Mapping[Value, Stmt]) -> Iterator[int | None]:
    if isinstance(stop, Literal):
        stop = int(stop.value)
    if multiple(stop, known) % lanes == 0:
        return
    stmt = known.get(stop) if isinstance(stop, Value) else None
    if isinstance(stop, int):
        yield stop
    elif isinstance(stmt, Let) and stmt.atom == "minimum":
        for item in stmt.operands:
            yield from _ends(item, lanes, known)
    else:
        yield None


def stride(ref: Ref, index: Value) -> Number:
    """How far a place moves with an index."""
    return next((number for item, number in ref.terms if item is index), 0)


def row_loop(body: Iterable[Stmt]) -> For | None:
    """The innermost loop in whose iterations reductions end: that over rows."""
    found = [loop for loop in loops(body) if any(isinstance(stmt, Join) for stmt in loop.body)]
    return found[-1] if found else None


def vector_elements(body: Iterable[Stmt], vector_bytes: int) -> int:
    """How many elements vectors have: as many as a register of the narrowest numbers in memory holds.

    What has fewer than four bytes has four in registers, or eight beside such alone.
    """
    sizes = {ref.memory.dtype.size for stmt in walk(tuple(body)) for ref in refs(stmt)}
    return vector_bytes // (8 if 8 in sizes and 4 not in sizes else 4)


def inside(loop: For) -> Iterator[Stmt]:
    """Every statement in a loop's iterations."""
    for block in blocks(loop):
        yield from walk(block)
