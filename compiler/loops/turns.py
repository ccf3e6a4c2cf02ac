"""Nests that load across what they store: which two of their loops lie across each other in memory.

for i in 0 .. n:
    for j in 0 .. 64:
        y[64*i + j] = x[n*j + i]        stored along j, the near loop, and loaded along i, the far one
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from compiler.loops.drafts import Draft
from compiler.loops.language import Count, For, Let, Load, Number, Ref, Stmt, Store, written
from compiler.loops.walking import stride
from compiler.loops.weights import weight

MOST: Final = 4.0
"""Instructions of a map that is written once for each vector."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A nest of loops whose stores lie along `near` and whose `turned` loads along `far`."""

    loops: tuple[For, ...]
    far: For
    near: For
    body: tuple[Stmt, ...]
    turned: tuple[Load, ...]

    @property
    def outer(self) -> list[For]:
        """The loops that stay as they are."""
        return [loop for loop in self.loops if loop is not self.far and loop is not self.near]

    @property
    def stores(self) -> list[Store]:
        """What is stored, along the near loop."""
        return [stmt for stmt in self.body if isinstance(stmt, Store)]


def turn_of(body: Sequence[Stmt]) -> Turn | None:
    """The one nest of a kernel that loads across what it stores, None where there is no such."""
    nest = [stmt for stmt in body if not isinstance(stmt, Let)]
    loops: list[For] = []
    while len(nest) == 1 and isinstance(nest[0], For) and _is_plain(nest[0]):
        loops.append(nest[0])
        nest = list(nest[0].body)
    if len(loops) < 2 or not _is_short(nest):
        return None
    stores = [stmt.ref for stmt in nest if isinstance(stmt, Store)]
    near = next((loop for loop in loops if all(stride(ref, loop.index) == 1 for ref in stores)), None)
    if near is None or _number(near.stop) == 1:
        return None
    for far in loops:
        turned = tuple(stmt for stmt in nest if isinstance(stmt, Load) and _is_across(stmt.ref, far, near))
        if turned and far is not near and not any(stride(ref, far.index) in (0, 1) for ref in stores):
            return Turn(tuple(loops), far, near, tuple(nest), turned)
    return None


def ordered(draft: Draft, lanes: int) -> Draft:
    """The draft with its first loop last, if that is one of two that are turned, and shorter than a vector.

    Chunks share the first loop; what is short is written out, and stays whole.
    """
    turn = turn_of(draft.kernel.body)
    if turn is None or turn.loops[0] in turn.outer or not is_below(turn.loops[0], lanes):
        return draft
    short, first, *rest = turn.loops
    body = turn.body
    for loop in (short, *reversed(rest), first):
        body = (replace(loop, body=body),)
    assert isinstance(first.stop, Count)
    return replace(draft, kernel=replace(draft.kernel, body=body), first=first.stop)


def short_counts(body: Sequence[Stmt], lanes: int) -> set[Count]:
    """The extents below a vector's of loops that are turned, and the strides that are equal to them."""
    turn = turn_of(body)
    if turn is None:
        return set()
    counts: set[Number] = set()
    for loop, other, found in ((turn.near, turn.far, turn.stores), (turn.far, turn.near, turn.turned)):
        if is_below(loop, lanes):
            steps = [stride(stmt.ref, other.index) for stmt in found]
            counts.update([loop.stop, *(step for step in steps if _number(step) == _number(loop.stop))])
    return {count for count in counts if isinstance(count, Count)}


def _is_plain(loop: For) -> bool:
    return not (loop.carried or loop.ahead or loop.lanes) and loop.step == 1


def _is_short(body: Sequence[Stmt]) -> bool:
    """Whether statements are a short map that stores over nothing that it loads."""
    if not all(isinstance(stmt, Let | Load | Store) for stmt in body):
        return False
    lets = [stmt for stmt in body if isinstance(stmt, Let)]
    stored = [stmt.ref.memory for stmt in body if isinstance(stmt, Store)]
    loaded = [stmt.ref.memory for stmt in body if isinstance(stmt, Load)]
    is_apart = not any(memory.overlaps or memory in loaded for memory in stored)
    made = {value for stmt in body for value in written(stmt)}
    is_plain = all(
        stmt.ref.at is None and made.isdisjoint(value for value, _ in stmt.ref.terms)
        for stmt in body
        if isinstance(stmt, Load | Store)
    )
    instructions = sum(weight(stmt.atom, stmt.operands) for stmt in lets)
    is_light = instructions <= MOST and all(stmt.atom != "place" for stmt in lets)
    return bool(stored) and is_apart and is_plain and is_light


def _is_across(ref: Ref, far: For, near: For) -> bool:
    return stride(ref, far.index) == 1 and stride(ref, near.index) not in (0, 1)


def extent_of(loop: For) -> int:
    """The iterations of a loop, 0 where they are not known."""
    return _number(loop.stop) if loop.start == 0 else 0


def _number(number: Number) -> int:
    """A number, 0 where it is not known."""
    extent = number.extent if isinstance(number, Count) else number
    return extent if isinstance(extent, int) else 0


def is_below(loop: For, lanes: int) -> bool:
    """Whether a loop is known to have fewer iterations than a vector has lanes."""
    return 0 < extent_of(loop) < lanes
