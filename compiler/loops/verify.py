"""The laws of kernels, as data: a sentence and a check each.

They are verified after every step from kernel to kernel. A broken law is an error that prints its sentence
and the line of the kernel's text. What can only be known in a call, such as whether two places are one, is
judged as far as the kernel itself says it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from compiler.ir.law import Law, enforce
from compiler.ir.types import BOOL, INT64
from compiler.loops.facts import Broken, Facts, law
from compiler.loops.language import (
    Along,
    Carry,
    Check,
    Count,
    Fold,
    For,
    If,
    Join,
    Kernel,
    Let,
    Load,
    Memory,
    Number,
    Pack,
    Ref,
    Stmt,
    Store,
    Tile,
    Value,
    lanes_of,
    reads,
    refs,
    written,
)
from compiler.loops.verify_memory import MEMORY_LAWS
from compiler.loops.verify_types import TYPE_LAWS, is_machine


def verify(kernel: Kernel, maker: str = "") -> None:
    """Raises LawError with the sentence of the first broken law, the line, and who made the kernel."""
    enforce(LAWS, Facts.of(kernel), maker)


def verify_machine(kernel: Kernel, maker: str = "") -> None:
    """The same of a kernel that is to be emitted, which a machine's atoms and loops say alone."""
    facts = Facts.of(kernel)
    enforce((*LAWS, *MACHINE_LAWS), facts, maker)


def _begun(stmt: For | If) -> Iterator[Value]:
    """The values that a loop or a branch writes for its body."""
    if isinstance(stmt, For):
        yield stmt.index
        if stmt.mask is not None:
            yield stmt.mask
    yield from (item.inside for item in stmt.carried)


def _written_once(facts: Facts) -> Iterator[Broken]:
    kernel = facts.kernel
    seen: set[Value | Memory] = set()
    for item in (*kernel.arguments, kernel.chunk, *kernel.rooms):
        if item in seen:
            yield None, f"{item}"
        seen.add(item)
    for stmt, _ in facts.statements:
        made: list[Value | Memory] = [*written(stmt)]
        made += _begun(stmt) if isinstance(stmt, For | If) else [stmt.panel] if isinstance(stmt, Pack) else []
        for item in made:
            if item in seen:
                yield stmt, f"{'memory' if isinstance(item, Memory) else 'a value'} is made a second time"
            seen.add(item)


def _visible(facts: Facts) -> Iterator[Broken]:
    kernel = facts.kernel
    known: set[Value | Memory] = {*kernel.arguments, kernel.chunk, *kernel.rooms}
    yield from _visible_in(kernel.body, known)


def _visible_in(body: tuple[Stmt, ...], outside: set[Value | Memory]) -> Iterator[Broken]:
    known = set(outside)
    for stmt in body:
        yield from _read_here(stmt, known)
        if isinstance(stmt, For):
            yield from _visible_in(stmt.ahead, known)
            inside = known.union(_begun(stmt), _made(stmt.ahead))
            yield from _visible_in(stmt.body, inside)
            yield from _handed_on(stmt, inside.union(_made(stmt.body)))
        elif isinstance(stmt, If):
            inside = known.union(_begun(stmt))
            yield from _visible_in(stmt.then, inside)
            yield from _visible_in(stmt.otherwise, known)
            yield from _handed_on(stmt, inside.union(_made(stmt.then)))
        known.update(_made((stmt,)))


def _handed_on(stmt: For | If, inside: set[Value | Memory]) -> Iterator[Broken]:
    for item in stmt.carried:
        if isinstance(item.following, Value) and item.following not in inside:
            yield stmt, "what an iteration hands on is not written in it"


def _made(body: tuple[Stmt, ...]) -> Iterator[Value | Memory]:
    for stmt in body:
        yield from written(stmt)
        if isinstance(stmt, Pack):
            yield stmt.panel


def _read_here(stmt: Stmt, known: set[Value | Memory]) -> Iterator[Broken]:
    following = {item.following for item in stmt.carried} if isinstance(stmt, For | If) else ()
    for value in reads(stmt):
        if value not in known and value not in following:
            yield stmt, "it reads a value that is not written before it, or in a block that has ended"
    memories = [ref.memory for ref in refs(stmt)]
    memories += [stmt.room] if isinstance(stmt, Pack) else [stmt.status] if isinstance(stmt, Check) else []
    if not known.issuperset(memories):
        yield stmt, "it uses memory that is no argument, no room, and no panel before it"


def _numbers(stmt: Stmt) -> Iterator[Number]:
    for ref in refs(stmt):
        yield from (item for term in ref.terms for item in term)
        yield from (ref.step, ref.stride)
    match stmt:
        case For():
            yield from (stmt.start, stmt.stop, stmt.index)
        case Pack():
            yield from (*_strides(*stmt.strides), stmt.terms, stmt.columns, stmt.rows, stmt.step)
        case Tile():
            yield from _strides(*stmt.left_strides, stmt.right_step)
            yield from (stmt.exist, stmt.terms, stmt.first, stmt.columns)
            yield from () if stmt.apart is None else (stmt.apart,)
        case _:
            pass


def _strides(*items: Along) -> Iterator[Number]:
    return (item for item in items if not isinstance(item, Ref))


def _numbers_are_whole(facts: Facts) -> Iterator[Broken]:
    kernel = facts.kernel
    given = [item for item in (*kernel.arguments, kernel.chunk) if isinstance(item, Value)]
    if any(item.dtype is not INT64 or item.lanes for item in given):
        yield None, "an argument or the chunk's number is no scalar of int64"
    for stmt, _ in facts.statements:
        for item in _numbers(stmt):
            if isinstance(item, Value) and (item.dtype is not INT64 or item.lanes):
                yield stmt, f"{item.dtype} of {item.lanes} lanes"


def _conditions(facts: Facts) -> Iterator[Broken]:
    for stmt, _ in facts.statements:
        if isinstance(stmt, If | Check) and (stmt.condition.dtype is not BOOL or stmt.condition.lanes):
            yield stmt, f"{stmt.condition.dtype} of {stmt.condition.lanes} lanes"


def _lanes(facts: Facts) -> Iterator[Broken]:
    for loop in facts.each(For):
        lanes = loop.lanes
        if lanes < 0 or lanes == 1 or lanes & (lanes - 1):
            yield loop, f"{lanes} lanes"
        elif loop.step < 1 or loop.step % max(lanes, 1):
            yield loop, f"step {loop.step}, lanes {lanes}"


def _whole_vectors(facts: Facts) -> Iterator[Broken]:
    for loop in facts.each(For):
        if loop.lanes and loop.mask is None and not _divides(loop.step, loop.start, loop.stop):
            yield loop, f"steps of {loop.step}, and no mask"


def _divides(step: int, start: Number, stop: Number) -> bool:
    """Whether a loop's iterations are whole, as far as it says so."""
    if isinstance(start, Value) or isinstance(stop, Value):
        return True
    extents = [item.extent if isinstance(item, Count) else item for item in (start, stop)]
    difference = extents[1] - extents[0]
    terms = [difference] if isinstance(difference, int) else [count for _, count in difference.terms]
    return all(count % step == 0 for count in terms)


def _masks(facts: Facts) -> Iterator[Broken]:
    for loop in facts.each(For):
        if loop.mask is None:
            continue
        if not loop.lanes or loop.step != loop.lanes:
            yield loop, f"step {loop.step}, lanes {loop.lanes}"
        elif loop.mask.dtype is not BOOL or loop.mask.lanes != loop.lanes:
            yield loop, f"its mask is {loop.mask.dtype} of {loop.mask.lanes} lanes"


def _masked_inside(facts: Facts) -> Iterator[Broken]:
    for stmt, loops in facts.statements:
        if isinstance(stmt, Load | Store) and id(stmt) not in facts.chosen and _lacks_mask(stmt, loops):
            yield stmt, "it has neither"


def _lacks_mask(stmt: Load | Store, loops: tuple[For, ...]) -> bool:
    """Whether lanes may be touched that do not exist; rooms are as long as their vectors."""
    masked = {loop.index for loop in loops if loop.mask is not None}
    if not masked or stmt.mask is not None or not lanes_of(stmt):
        return False
    if isinstance(stmt, Store) and stmt.first:
        return False
    return not stmt.ref.memory.extent and _lies_along(stmt.ref, masked)


def _lies_along(ref: Ref, indices: set[Value]) -> bool:
    is_along = any(value in indices and stride != 0 for value, stride in ref.terms)
    return is_along and ref.step != 0


def _pieces(facts: Facts) -> Iterator[Broken]:
    for store in facts.each(Store):
        lanes = lanes_of(store)
        if store.first and (store.mask is not None or not 0 < store.first < lanes):
            yield store, f"the first {store.first} of {lanes} lanes"


def _carried(facts: Facts) -> Iterator[Broken]:
    for stmt, _ in facts.statements:
        if not isinstance(stmt, For | If):
            continue
        for item in stmt.carried:
            if not _is_one_type(item):
                yield stmt, f"one is {item.inside.dtype} of {item.inside.lanes} lanes"


def _carried_through_one(facts: Facts) -> Iterator[Broken]:
    return ((stmt, "it has another") for stmt in facts.each(If) if stmt.carried and stmt.otherwise)


def _is_one_type(item: Carry) -> bool:
    wanted = item.inside.dtype, item.inside.lanes
    if (item.after.dtype, item.after.lanes) != wanted:
        return False
    for other in (item.first, item.following):
        if isinstance(other, Count):
            found = INT64, 0
        else:
            found = other.dtype, other.lanes if isinstance(other, Value) else item.inside.lanes
        if found != wanted:
            return False
    return True


LAWS: Final[tuple[Law[Facts], ...]] = (
    law("A value is written once, and memory is named once.", _written_once),
    law(
        "A value is read behind what writes it, in the same block or one inside, and so is a panel.", _visible
    ),
    law(
        "Arguments, bounds, strides, indices and the terms of places are scalars of int64.",
        _numbers_are_whole,
    ),
    law("A condition is one truth value.", _conditions),
    law("A loop has no lanes or a power of two, and its step is a multiple of them.", _lanes),
    law("A loop of vectors is whole or has a mask.", _whole_vectors),
    law("The mask of a loop has a truth value for each lane, and its step is its lanes.", _masks),
    law(
        "In a loop with a mask, a vector along it has a mask, is stored in pieces, or is one of two choices.",
        _masked_inside,
    ),
    law("A store in pieces leaves a lane out, and has no mask.", _pieces),
    law(
        "A carried value is of one type, at first, in an iteration, at its end and behind the loop.", _carried
    ),
    law("A branch that carries values has one block.", _carried_through_one),
    *TYPE_LAWS,
    *MEMORY_LAWS,
)


def _lowered(facts: Facts) -> Iterator[Broken]:
    for stmt, _ in facts.statements:
        if isinstance(stmt, Fold | Join) or (isinstance(stmt, Let) and not is_machine(stmt)):
            yield stmt, "it is to be lowered"


def _counted(facts: Facts) -> Iterator[Broken]:
    for stmt, _ in facts.statements:
        operands = stmt.operands if isinstance(stmt, Let) else ()
        if any(isinstance(item, Count) for item in (*operands, *_numbers(stmt))):
            yield stmt, "it has one"


MACHINE_LAWS: Final[tuple[Law[Facts], ...]] = (
    law("A kernel that is emitted has the atoms of machines alone, and no folds or joins.", _lowered),
    law("In a kernel that is emitted counts are arguments.", _counted),
)
