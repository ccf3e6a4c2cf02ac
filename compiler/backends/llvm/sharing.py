"""What several members of a form compute alike becomes a member of its own.

    v1 = v0 * sigmoid(c * v0)                               s  = sigmoid(c * v0)
    v2 = v1 + 1                                     ->      v1 = v0 * s
    v3 = g * sigmoid(c * v0)                                v2 = v1 + 1
                                                            v3 = g * s

A function and its slope share what is dear in both. Within one pass equal lines are computed once anyway; a
member is also kept from one pass to the next. The sigmoids of a value and of its negative share an
exponential: where several members compute either, each becomes a member, next to the other.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from compiler.backends.llvm.forms import Form, FromMember, Member, Source
from compiler.backends.llvm.stages import WEIGHTS
from compiler.ir.formula.tape import Ref
from compiler.ir.types import DType

_DEAR: Final = 8.0
"""Instructions from which on an atom is worth a member."""


def share(form: Form) -> tuple[Form, tuple[int | None, ...]]:
    """The form with members for what is shared, and for each of its members the one that it was before."""
    sharing = _Sharing(form)
    return sharing.run() if sharing.wanted else (form, tuple(range(len(form.members))))


class _Sharing:
    """The members of one form, as they are written anew."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.known: dict[object, int] = {}
        self.lines: dict[Ref, tuple[str, DType, tuple[Ref, ...]]] = {}
        """Of each value that a line has, the atom, the dtype in which it reads, and what it takes."""
        self.values = [self._numbers(member) for member in form.members]
        self.places = self._places()
        self.wanted = frozenset(value for places in self.places.values() for value in places)
        self.members: list[Member] = []
        self.origins: list[int | None] = []
        self.joined: set[int] = set()
        self.place: dict[int, int] = {}
        self.made: dict[int, int] = {}
        """The new member that has a value."""

    def run(self) -> tuple[Form, tuple[int | None, ...]]:
        """Every member, after what it shares with others."""
        for number, member in enumerate(self.form.members):
            own = self._own_value(number)
            body = self._body(number, member.result, is_whole=own not in self.made)
            self.place[number] = self._add(body, number)
            if own is not None and own not in self.made:
                self.made[own] = self.place[number]
                self._add_opposite(own)
        apart = frozenset(self.place[number] for number in self.form.apart)
        form = replace(self.form, members=tuple(self.members), apart=apart, joined=frozenset(self.joined))
        return form, tuple(self.origins)

    def _add(self, member: Member, origin: int | None) -> int:
        self.members.append(member)
        self.origins.append(origin)
        return len(self.members) - 1

    # Values: equal numbers for equal lines of equal values

    def _numbers(self, member: Member) -> list[int]:
        """The numbers of what a member's sources and lines are."""
        found = [self._number(pair) for pair in zip(member.sources, member.dtypes, strict=True)]
        for typed in member.lines:
            arguments = tuple(found[ref] if isinstance(ref, int) else ref for ref in typed.line.arguments)
            value = self._number((typed.line.atom, typed.reads, typed.dtype, *arguments))
            self.lines[value] = typed.line.atom, typed.reads, arguments
            found.append(value)
        return found

    def _number(self, key: object) -> int:
        return self.known.setdefault(key, len(self.known))

    def _places(self) -> dict[object, dict[int, tuple[int, int]]]:
        """The dear values that more than one member computes: a member and a line where each is computed.

        Those that share what is dear in them come together.
        """
        places: dict[object, dict[int, tuple[int, int]]] = {}
        users: dict[object, set[int]] = {}
        for number, member in enumerate(self.form.members):
            first = len(member.sources)
            for ref, typed in enumerate(member.lines, first):
                if member.has_elements and WEIGHTS.get(typed.line.atom, 1.0) >= _DEAR:
                    value = self.values[number][ref]
                    dear = self._dear(value)
                    users.setdefault(dear, set()).add(number)
                    places.setdefault(dear, {}).setdefault(value, (number, ref))
        return {dear: found for dear, found in places.items() if len(users[dear]) > 1}

    def _dear(self, value: int) -> object:
        """What is dear in a value: equal for the sigmoids of a value and of its negative."""
        atom, dtype, arguments = self.lines[value]
        if atom != "sigmoid":
            return value
        inner = self.lines.get(arguments[0])
        if inner is not None and inner[:2] == ("neg", dtype):
            arguments = inner[2]
        return atom, dtype, arguments

    def _own_value(self, number: int) -> int | None:
        """The shared value that a member is, not converted to another dtype; None if it is something else."""
        member, result = self.form.members[number], self.form.members[number].result
        if not isinstance(result, int) or result < len(member.sources) or not member.has_elements:
            return None
        value = self.values[number][result]
        is_converted = member.lines[result - len(member.sources)].dtype is not member.dtype
        return value if value in self.wanted and not is_converted else None

    # Members

    def _body(self, number: int, result: Ref, *, is_whole: bool) -> Member:
        """A member of the value at `result`; with `is_whole` that value is computed, whoever else has it."""
        member = self.form.members[number]
        first = len(member.sources)
        needed, shared = self._needs(number, result, is_whole=is_whole)
        old = [ref for ref in needed if ref < first]
        sources: list[Source] = [self._moved(member.sources[ref]) for ref in old]
        sources += [FromMember(self._member_of(number, ref)) for ref in shared]
        dtypes = [member.dtypes[ref] for ref in old] + [member.lines[ref - first].dtype for ref in shared]
        lines = [ref for ref in needed if ref >= first]
        moved = {ref: place for place, ref in enumerate((*old, *shared, *lines))}

        def renamed(ref: Ref) -> Ref:
            return moved[ref] if isinstance(ref, int) else ref

        written = tuple(
            replace(typed, line=replace(typed.line, arguments=tuple(map(renamed, typed.line.arguments))))
            for typed in (member.lines[ref - first] for ref in lines)
        )
        return replace(
            member, lines=written, result=renamed(result), sources=tuple(sources), dtypes=tuple(dtypes)
        )

    def _needs(self, number: int, result: Ref, *, is_whole: bool) -> tuple[list[int], list[int]]:
        """The sources and lines of a member that a value needs, and those that other members have."""
        member = self.form.members[number]
        first = len(member.sources)
        needed: set[Ref] = {result}
        shared: list[int] = []
        for ref in range(first + len(member.lines) - 1, first - 1, -1):
            is_top = is_whole and ref == result
            if ref not in needed:
                continue
            if member.has_elements and self.values[number][ref] in self.wanted and not is_top:
                shared.append(ref)
            else:
                needed.update(member.lines[ref - first].line.arguments)
        own = {ref for ref in needed if isinstance(ref, int)}.difference(shared)
        return sorted(own), shared

    def _member_of(self, number: int, ref: int) -> int:
        """The new member that has a shared value, made of a member that computes it if there is none."""
        value = self.values[number][ref]
        if value not in self.made:
            dtype = self.form.members[number].lines[ref - len(self.form.members[number].sources)].dtype
            body = self._body(number, ref, is_whole=True)
            self.made[value] = self._add(
                replace(body, value=dtype, dtype=dtype, store=None, late=False), None
            )
            self._add_opposite(value)
        return self.made[value]

    def _add_opposite(self, value: int) -> None:
        """Let what shares with a member that was just made follow it."""
        for other, place in self.places[self._dear(value)].items():
            if other not in self.made:
                self.joined.add(self._member_of(*place))

    def _moved(self, source: Source) -> Source:
        return FromMember(self.place[source.member]) if isinstance(source, FromMember) else source
