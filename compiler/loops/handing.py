"""Joins loops over the same columns, and hands on in registers what they pass each other in a room.

    for j in 0 .. 64:                                 for j in 0 .. 64:
        room[j] = 0.0                                     for k in 0 .. 8:  carrying s = 0.0
    for j in 0 .. 64:                                         s = s + x[64*k + j]
        for k in 0 .. 8:  carrying s = room[j]    ->      y[j] = f32(s)
            s = s + x[64*k + j]
        room[j] = s
    for j in 0 .. 64:
        y[j] = f32(room[j])

Each iteration has a place of its own in the room, and nothing else passes between the loops. One of two loops
that are joined has a loop inside: of two that have none, a long chain was cut. A room that nobody reads any
more is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from compiler.loops.copying import Copy
from compiler.loops.language import (
    Check,
    For,
    If,
    Kernel,
    Load,
    Memory,
    Pack,
    Ref,
    Stmt,
    Store,
    Tile,
    refs,
    walk,
)
from compiler.loops.walking import is_innermost, stride


def hand_on(kernel: Kernel) -> Kernel:
    """The kernel with neighbouring loops joined that pass each other rows in rooms."""
    if not kernel.rooms:
        return kernel
    body = _block(kernel.body)
    read = {ref.memory for stmt in walk(body) if not isinstance(stmt, Store) for ref in refs(stmt)}
    read |= {stmt.room for stmt in walk(body) if isinstance(stmt, Pack)}
    rooms = tuple(room for room in kernel.rooms if room in read)
    if len(rooms) < len(kernel.rooms):
        body = _Without(set(kernel.rooms) - set(rooms)).block(body)
    return replace(kernel, body=body, rooms=rooms)


def _block(body: Iterable[Stmt]) -> tuple[Stmt, ...]:
    found: list[Stmt] = []
    for stmt in map(_inside, body):
        last = found[-1] if found else None
        if isinstance(last, For) and isinstance(stmt, For) and _may_join(last, stmt):
            found[-1] = _joined(last, stmt)
        else:
            found.append(stmt)
    return tuple(found)


def _inside(stmt: Stmt) -> Stmt:
    match stmt:
        case For():
            return replace(stmt, body=_block(stmt.body))
        case If():
            return replace(stmt, then=_block(stmt.then), otherwise=_block(stmt.otherwise))
        case _:
            return stmt


def _may_join(first: For, second: For) -> bool:
    """Whether loops are alike, and pass each other nothing but rows in rooms."""
    both = (first, second)
    if any(loop.lanes or loop.carried or loop.ahead for loop in both) or all(map(is_innermost, both)):
        return False
    if (first.start, first.stop, first.step) != (second.start, second.stop, second.step):
        return False
    if any(isinstance(stmt, Check | Pack | Tile) for loop in both for stmt in walk(loop.body)):
        return False
    stored = [_memories(loop, stores=True) for loop in both]
    touched = [_memories(loop) for loop in both]
    shared = (stored[0] & touched[1]) | (stored[1] & touched[0])
    if not shared or any(memory.overlaps for memory in stored[0] | stored[1]):
        return False
    return all(memory.extent and _is_one_place(memory, both) for memory in shared)


def _memories(loop: For, *, stores: bool = False) -> set[Memory]:
    """The memory that a loop stores, or also loads."""
    inside = walk(loop.body)
    return {ref.memory for stmt in inside if isinstance(stmt, Store) or not stores for ref in refs(stmt)}


def _is_one_place(memory: Memory, both: Sequence[For]) -> bool:
    """Whether iterations of loops have a place of their own in a room, the same in each loop."""
    places: set[object] = set()
    for loop in both:
        inside = [ref for stmt in walk(loop.body) for ref in refs(stmt) if ref.memory is memory]
        direct = [ref for stmt in loop.body if isinstance(stmt, Load | Store) for ref in refs(stmt)]
        if any(ref not in direct or stride(ref, loop.index) == 0 for ref in inside):
            return False
        places.update(Copy({loop.index: both[0].index}).ref(ref) for ref in inside)
    return len(places) == 1


def _joined(first: For, second: For) -> For:
    """One loop; what it has stored in a room it does not load."""
    body = (*first.body, *Copy({second.index: first.index}).block(second.body))
    known: dict[Ref, object] = {}
    copy = Copy()
    found: list[Stmt] = []
    for stmt in body:
        if isinstance(stmt, Load) and stmt.ref in known:
            copy.known[stmt.value] = known[stmt.ref]
            continue
        found.append(copy.stmt(stmt))
        if isinstance(stmt, Store) and stmt.ref.memory.extent:
            known[stmt.ref] = copy.of(stmt.operand)
    return replace(first, body=tuple(found))


class _Without(Copy):
    """Statements without stores in rooms that are gone."""

    def __init__(self, gone: set[Memory]) -> None:
        super().__init__()
        self.gone = gone

    def block(self, body: Iterable[Stmt]) -> tuple[Stmt, ...]:
        return super().block(
            stmt for stmt in body if not (isinstance(stmt, Store) and stmt.ref.memory in self.gone)
        )
