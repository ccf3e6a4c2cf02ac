"""Unstable forms in a formula become stable atoms when it is traced."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.ir.formula.restating import (
    READ_THROUGH,
    Reading,
    Restating,
    Says,
    literal,
    may_gain,
    read,
    said_by,
    said_by_atom,
)  # fmt: skip
from compiler.ir.formula.tape import Const, Formula, Ref, Tape
from compiler.ir.formula.terms import Leaf, Term, Unreadable, factor, number


def recognise(formula: Formula) -> Formula:
    """The formula with every unstable form that an equation knows replaced; `recognised` lists which."""
    if formula.atom is not None or not said_by(formula):
        return formula
    tape, notes = Tape(formula.parameters), dict.fromkeys(formula.recognised)
    reader = _TapeReader(tape, notes)
    values: list[Ref] = list(range(len(formula.parameters)))
    for line in formula.lines:
        arguments = [values[ref] if isinstance(ref, int) else ref for ref in line.arguments]
        values.append(reader.settled(line.atom, arguments))
    result = values[formula.result] if isinstance(formula.result, int) else formula.result
    return tape.finish(formula.name, result, tuple(notes))


class _TapeReader:
    """Reads and writes the values of one tape. Negations that it would pile up cancel."""

    def __init__(self, tape: Tape, notes: dict[str, None]) -> None:
        self.tape = tape
        self.notes = notes
        self.said: dict[Ref, Says] = {}
        self.readings: dict[int, Reading] = {}
        self.values: dict[str, int] = {}

    def settled(self, atom: str, arguments: Sequence[Ref]) -> Ref:
        """An atom of values in its stable form."""
        found = self._restated(atom, arguments) if self._may_gain(atom, arguments) else None
        if found is not None:
            return found
        return self._emit(atom, *arguments) if self.notes else self.tape.emit(atom, *arguments)

    def _may_gain(self, atom: str, arguments: Sequence[Ref]) -> bool:
        said = Says.NOTHING
        for ref in arguments:
            said |= self._said(ref)
        return may_gain(atom, said, lambda: any(isinstance(ref, Const) for ref in arguments))

    def _said(self, ref: Ref) -> Says:
        line = self.tape.line(ref)
        if line is None:
            return Says.NOTHING
        if ref not in self.said:
            said = said_by_atom(line.atom)
            for item in line.arguments if line.atom in READ_THROUGH else ():
                said |= self._said(item)
            self.said[ref] = said | Says.OVERFLOW if Says.EXPONENTIAL in said else said
        return self.said[ref]

    def _restated(self, atom: str, arguments: Sequence[Ref]) -> Ref | None:
        try:
            readings = [self.reading(ref) for ref in arguments]
            term = read(atom, readings).term
        except Unreadable:
            return None
        restating = Restating(self, {})
        value = restating.root(atom, readings, term)
        if value is None:
            return None
        self.notes.update(restating.notes)
        value = literal(value) if isinstance(value, float) else value
        if isinstance(value, int):
            self.readings[value] = Reading(term, False)
            self.values.setdefault(term.key, value)
        return value

    def reading(self, ref: Ref) -> Reading:
        """What is known of a value. Raises Unreadable for a truth value."""
        if not isinstance(ref, int):
            if isinstance(ref.value, bool):
                raise Unreadable
            return Reading(number(ref.value), False)
        if ref not in self.readings:
            found = self.readings[ref] = self._read(ref)
            if not found.is_hot:
                self.values.setdefault(found.term.key, ref)
        return self.readings[ref]

    def _read(self, ref: int) -> Reading:
        line = self.tape.line(ref)
        try:
            if line is not None:
                return read(line.atom, [self.reading(item) for item in line.arguments])
        except Unreadable:
            pass
        return Reading(factor(Leaf(f"%{ref:03d}", ref)), False)

    def leaf(self, leaf: Leaf) -> Ref:
        """The value that a leaf is."""
        return leaf.value

    def known(self, term: Term) -> Ref | None:
        """The value that was read as a term before."""
        return self.values.get(term.key)

    def apply(self, atom: str, *values: Ref | float) -> Ref:
        """An atom of values."""
        return self._emit(atom, *(literal(item) if isinstance(item, float) else item for item in values))

    def _emit(self, atom: str, *refs: Ref) -> Ref:
        line = self.tape.line(refs[0])
        is_twice = atom == "neg" and line is not None and line.atom == "neg"
        return line.arguments[0] if is_twice and line is not None else self.tape.emit(atom, *refs)
