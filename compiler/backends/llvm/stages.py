"""Passes over a row: when each member of a form can be computed, and what is kept between passes.

A member that reads a reduction of the row needs another pass over the row's elements. What a later pass
needs again is read from memory if it was stored, from a buffer of one row if it is dear and the row is
short, and is computed anew otherwise.

A long chain of maps is cut into passes too, over a strip of the vector loop at a time. The processor works on
several turns of a short loop at once; one turn of a long one fills all its registers with instructions that
wait for each other. Three activations in a row took 1.7 times the time of three kernels before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from compiler.backends.llvm.forms import Form, FromMember, FromSlot, Member

WEIGHTS: Final[Mapping[str, float]] = {
    "div": 4, "sqrt": 6, "exp": 11, "expm1": 16, "log": 18, "log1p": 22, "tanh": 20, "sech2": 22,
    "sigmoid": 16, "softplus": 30, "erf": 24, "erfc": 40, "normcdf": 30, "normpdf": 13, "sin": 160,
    "cos": 160, "pow": 400,
}  # fmt: skip
"""Instructions of an atom, roughly; 1 where it is not listed."""

STRIP: Final = 512
"""Elements of a strip: what is kept of it stays in the nearest cache. A multiple of every number of lanes."""

_LONG: Final = 30.0
"""Instructions from which on a chain of maps is cut."""

_PART: Final = 24.0
"""Instructions of a part, unless one dear member alone has more or cheap ones follow."""

_FEW: Final = 4
"""Vectors of a loop that is not worth cutting."""

_JOINED: Final = 3.0
"""Instructions of a member that shares with the one before it."""

_DEAR: Final = 8.0
_ROW_BYTES: Final = 192 * 1024
"""The most that buffers of one row may take: they live on a thread's stack and in its cache."""


@dataclass(frozen=True, slots=True)
class Stages:
    """For each member the pass that computes it (`at`), or before which it is known if it is a row's value.

    `kept` are the members that are kept in a buffer after their pass, `stores` says in which pass one is
    stored.
    """

    at: tuple[int, ...]
    passes: int
    kept: frozenset[int]
    stores: Mapping[int, int]
    strip: int
    """How many elements all passes are made over before the next ones; 0 for all of the inner loops."""

    def reductions(self, form: Form, number: int) -> list[int]:
        """The members that reduce in a pass."""
        return [
            k
            for k, member in enumerate(form.members)
            if not member.is_row and not member.is_map and self.at[k] == number
        ]


def weight(member: Member) -> float:
    """Instructions of a member for each element."""
    return sum(WEIGHTS.get(line.line.atom, 1.0) for line in member.lines) + (not member.is_map)


def stages_of(form: Form) -> Stages:
    """The passes of a form."""
    parts = _parts(form)
    at: list[int] = []
    for member, part in zip(form.members, parts, strict=True):
        needs = [
            _known_after(form, item.member, at) for item in member.sources if isinstance(item, FromMember)
        ]
        at.append(max(needs, default=0) if form.has_rows else part)
    walked = [at[k] for k, member in enumerate(form.members) if not member.is_row]
    passes = 1 + max(walked, default=-1)
    stores = {
        k: passes - 1 if member.late else at[k]
        for k, member in enumerate(form.members)
        if member.store is not None and member.has_elements
    }
    strip = STRIP if passes > 1 and not form.has_rows else 0
    kept = _kept(form, at, passes, stores, strip)
    return Stages(tuple(at), passes, kept, stores, strip)


def _parts(form: Form) -> list[int]:
    """The part of a long chain of maps to which each member belongs; 0 for all where nothing is to be cut."""
    weights = [
        _JOINED if number in form.joined else weight(member) for number, member in enumerate(form.members)
    ]
    is_short = sum(weights) < _LONG or 0 < form.columns < _FEW * form.lanes
    if form.has_rows or is_short or any(form.vector in member.reduced for member in form.members):
        return [0] * len(weights)
    parts: list[int] = []
    part, filled = 0, 0.0
    for number, instructions in enumerate(weights):
        is_full = min(filled, instructions) >= _DEAR and filled + instructions > _PART
        if is_full and number not in form.joined:
            part, filled = part + 1, 0.0
        parts.append(part)
        filled += instructions
    return parts


def _known_after(form: Form, number: int, at: list[int]) -> int:
    """The first pass that can read a member."""
    member = form.members[number]
    return at[number] + (not member.is_map and not member.is_row)


def _kept(form: Form, at: list[int], passes: int, stores: Mapping[int, int], strip: int) -> frozenset[int]:
    room = _ROW_BYTES if form.loops - form.outer == 1 and not form.is_across else 0
    kept: set[int] = set()
    for place in range(passes - 1, 0, -1):
        pending = [k for k in range(len(at)) if _is_wanted(form, k, place, at, stores)]
        pending += [k for k in sorted(kept) if at[k] == place]
        seen: set[int] = set()
        while pending:
            number = pending.pop()
            member = form.members[number]
            if number in seen:
                continue
            seen.add(number)
            is_earlier = member.is_map and at[number] < place
            if is_earlier and (number in kept or stores.get(number, place) < place):
                continue
            size = (strip or form.columns) * member.dtype.size
            if (
                is_earlier
                and 0 < size <= room
                and _recomputing(form, number, at, place, kept, stores) > _DEAR
            ):
                kept.add(number)
                room -= size
                continue
            pending += [
                item.member
                for item in member.sources
                if isinstance(item, FromMember) and form.members[item.member].has_elements
            ]
    return frozenset(kept)


def _is_wanted(form: Form, number: int, place: int, at: list[int], stores: Mapping[int, int]) -> bool:
    member = form.members[number]
    is_reduced = not member.is_map and not member.is_row and at[number] == place
    return is_reduced or stores.get(number) == place


def _recomputing(
    form: Form, number: int, at: list[int], place: int, kept: set[int], stores: Mapping[int, int]
) -> float:
    """Instructions to compute a member anew, beyond loads."""
    total, pending, seen = 0.0, [number], set[int]()
    while pending:
        current = pending.pop()
        if current in seen:
            continue
        seen.add(current)
        member = form.members[current]
        total += weight(member) + sum(isinstance(item, FromSlot) for item in member.sources)
        for item in member.sources:
            if not isinstance(item, FromMember) or not form.members[item.member].has_elements:
                continue
            if item.member not in kept and stores.get(item.member, place) >= place:
                pending.append(item.member)
    return total
