"""Records statements, and writes equal `Let`s of equal operands once."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TypeAlias

from compiler.ir.types import DType
from compiler.loops.language import Let, Literal, Stmt, Value
from compiler.loops.machine import Machine

Operand: TypeAlias = Value | Literal
"""An operand that is no count any more."""

_Key: TypeAlias = tuple[object, ...]

_literals: dict[tuple[str, str], Literal] = {}


def one_of(literal: Literal) -> Literal:
    """The one object that stands for all literals of the same bits; they are compared by identity here."""
    return _literals.setdefault((literal.text, literal.dtype.short), literal)


class Recorder:
    """Appends statements to a block. What a block has computed is known in it, and in the blocks inside."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.statements: list[Stmt] = []
        self._known: dict[_Key, Value] = {}
        self._added: list[_Key] = []

    @contextmanager
    def block(self) -> Generator[list[Stmt]]:
        """A block inside: what is appended in the `with` body goes into the list that it gets."""
        outside, added = self.statements, self._added
        self.statements, self._added = [], []
        yield self.statements
        for key in self._added:
            del self._known[key]
        self.statements, self._added = outside, added

    def append(self, stmt: Stmt) -> None:
        """Append a statement as it is."""
        self.statements.append(stmt)

    def let(self, atom: str, dtype: DType, lanes: int, operands: tuple[Operand, ...]) -> Value:
        """The value of a machine's atom, written here unless it is known. Literals are those of `one_of`."""
        key = (atom, dtype.short, lanes, *map(id, operands))
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = Value(dtype, lanes)
            self._added.append(key)
            self.statements.append(Let(found, atom, operands))
        return found

    def named(self, value: Operand, label: object, since: int) -> Operand:
        """The value, called `label` if the last statement wrote it and is not among the first `since`."""
        last = self.statements[-1] if label is not None and len(self.statements) > since else None
        if not isinstance(last, Let) or not isinstance(value, Value) or last.value is not value:
            return value
        renamed = Value(value.dtype, value.lanes, label)
        self.statements[-1] = Let(renamed, last.atom, last.operands)
        self._known[last.atom, value.dtype.short, value.lanes, *map(id, last.operands)] = renamed
        return renamed
