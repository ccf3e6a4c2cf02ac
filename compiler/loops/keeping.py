"""Keeps what a later pass over the same elements needs again: in a room of one row, or of one strip.

    for j in 0 .. 100:  carrying s = 0.0           for j in 0 .. 100:  carrying s = 0.0
        s = s + exp(x[j] - m)                          e = exp(x[j] - m)
    for j in 0 .. 100:                      ->         s = s + e
        y[j] = exp(x[j] - m) / s                       kept[j] = e
                                                   for j in 0 .. 100:
                                                       y[j] = kept[j] / s

A value is kept if it is expensive to compute again and the rooms fit into a near cache. It is what is nearest
to where it is needed that is kept, not what it is made of.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from compiler.loops.language import For, Kernel, Let, Load, Memory, Ref, Stmt, Store, Value, reads
from compiler.loops.walking import is_innermost
from compiler.loops.weights import EXPENSIVE, weight

ROOM_BYTES: Final = 192 * 1024
"""The most that rooms of one row may take: they live on a thread's stack and in its cache."""


@dataclass
class Pass:
    """One pass over elements: its statements, and what equal values of all passes are known by."""

    body: Sequence[Stmt]
    keys: Mapping[Value, Hashable]
    made: dict[Hashable, Let | Load] = field(default_factory=dict[Hashable, "Let | Load"])

    def __post_init__(self) -> None:
        for stmt in self.body:
            if isinstance(stmt, Let | Load):
                self.made.setdefault(self.keys[stmt.value], stmt)

    def roots(self) -> Iterable[Hashable]:
        """What is stored, folded or handed on."""
        for stmt in self.body:
            if not isinstance(stmt, Let | Load):
                yield from self.operands(stmt)

    def operands(self, stmt: Stmt) -> list[Hashable]:
        """The values of this pass that a statement reads."""
        return [self.keys[value] for value in reads(stmt) if value in self.keys]


def choose(passes: Sequence[Pass], extent: int, room: int = ROOM_BYTES) -> dict[Hashable, Memory]:
    """Rooms of `extent` elements for what is worth keeping, later needs first."""
    kept: dict[Hashable, Memory] = {}
    for place in range(len(passes) - 1, 0, -1):
        now, before = passes[place], passes[:place]
        pending, seen = [*now.roots(), *_needed_for_rooms(kept, passes, place)], set[Hashable]()
        while pending:
            key = pending.pop()
            if key in seen or key in kept or key not in now.made:
                continue
            seen.add(key)
            stmt = now.made[key]
            size = extent * stmt.value.dtype.size
            is_earlier = any(key in item.made for item in before)
            if is_earlier and size <= room and _cost(key, now, kept) > EXPENSIVE:
                kept[key] = Memory(stmt.value.dtype, extent)
                room -= size
            else:
                pending += now.operands(stmt)
    return kept


def _needed_for_rooms(kept: Iterable[Hashable], passes: Sequence[Pass], place: int) -> list[Hashable]:
    """What a pass computes rooms' values from."""
    now = passes[place]
    earlier = {key for item in passes[:place] for key in item.made}
    return [x for key in kept if key in now.made and key not in earlier for x in now.operands(now.made[key])]


def _cost(key: Hashable, within: Pass, kept: Mapping[Hashable, Memory]) -> float:
    """Instructions to compute a value again."""
    total, pending, seen = 0.0, [key], set[Hashable]()
    while pending:
        current = pending.pop()
        if current in seen or (current in kept and current != key) or current not in within.made:
            continue
        seen.add(current)
        stmt = within.made[current]
        total += weight(stmt.atom, stmt.operands) if isinstance(stmt, Let) else 1.0
        pending += within.operands(stmt)
    return total


def keep_rows(kernel: Kernel) -> Kernel:
    """The kernel with rooms for what several passes over a row need."""
    rooms = list(kernel.rooms)
    body = kept_in(kernel.body, rooms)
    return replace(kernel, rooms=tuple(rooms), body=body)


def kept_in(body: tuple[Stmt, ...], rooms: list[Memory], lanes: int = 0) -> tuple[Stmt, ...]:
    """A block with rooms for what several passes in it need; those over rows in lanes keep vectors."""
    passes = [stmt for stmt in body if isinstance(stmt, For)]
    if len(passes) > 1 and all(map(is_innermost, passes)):
        return _kept_between(body, passes, rooms, lanes)
    return tuple(
        replace(stmt, body=kept_in(stmt.body, rooms, lanes)) if isinstance(stmt, For) else stmt
        for stmt in body
    )


def _kept_between(
    body: tuple[Stmt, ...], found: Sequence[For], rooms: list[Memory], lanes: int
) -> tuple[Stmt, ...]:
    extent = found[0].stop
    if not isinstance(extent, int) or any((loop.start, loop.stop) != (0, extent) for loop in found):
        return body
    padded = extent * lanes or -(-extent // 16) * 16
    passes = [Pass(loop.body, _keys(loop)) for loop in found]
    kept = choose(passes, padded)
    if not kept:
        return body
    rooms += kept.values()
    written: dict[int, For] = {}
    for place, (loop, item) in enumerate(zip(found, passes, strict=True)):
        inside = with_rooms(item, kept, _is_first(passes, place), loop.index, step=lanes or 1)
        handed = {item.following for item in loop.carried if isinstance(item.following, Value)}
        written[id(loop)] = replace(loop, body=needed(inside, handed))
    return tuple(written.get(id(stmt), stmt) for stmt in body)


def _is_first(passes: Sequence[Pass], place: int) -> Mapping[Hashable, bool]:
    """For each value of a pass whether no earlier one has it."""
    earlier = {key for item in passes[:place] for key in item.made}
    return {key: key not in earlier for key in passes[place].made}


def with_rooms(
    item: Pass,
    kept: Mapping[Hashable, Memory],
    is_first: Mapping[Hashable, bool],
    index: Value,
    origin: Value | None = None,
    step: int = 1,
) -> tuple[Stmt, ...]:
    """A pass's statements: what is kept is stored by the first pass that has it, and loaded by the others.

    Elements of a room are counted from `origin` on, `step` for each iteration.
    """
    found: list[Stmt] = []
    stores: list[Stmt] = []
    for stmt in item.body:
        key = item.keys[stmt.value] if isinstance(stmt, Let | Load) else None
        if not isinstance(stmt, Let | Load) or key not in kept or item.made[key] is not stmt:
            found.append(stmt)
            continue
        terms = ((index, step),) if origin is None else ((index, step), (origin, -step))
        place = Ref(kept[key], terms)
        if is_first[key]:
            found.append(stmt)
            stores.append(Store(place, stmt.value))
        else:
            found.append(Load(stmt.value, place))
    return (*found, *stores)


def _keys(loop: For) -> dict[Value, Hashable]:
    """What the values of a loop are made of; equal for equal values of loops over the same elements."""
    known: dict[Value, Hashable] = {loop.index: "index"}
    for stmt in loop.body:
        match stmt:
            case Let():
                operands = tuple(known.get(x, x) if isinstance(x, Value) else x for x in stmt.operands)
                known[stmt.value] = (stmt.atom, stmt.value.dtype, operands)
            case Load():
                terms = tuple((known.get(index, index), stride) for index, stride in stmt.ref.terms)
                known[stmt.value] = (stmt.ref.memory, terms, stmt.ref.at)
            case _:
                pass
    del known[loop.index]
    return known


def needed(body: Sequence[Stmt], wanted: Iterable[Value] = ()) -> tuple[Stmt, ...]:
    """The statements without atoms and loads that nobody reads, but for those of `wanted` values."""
    used = set(wanted)
    found: list[Stmt] = []
    for stmt in reversed(body):
        if isinstance(stmt, Let | Load) and stmt.value not in used:
            continue
        used.update(reads(stmt))
        found.append(stmt)
    return tuple(reversed(found))
