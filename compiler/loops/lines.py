"""Statements along a vector: what a body is in neighbouring iterations of one loop, and one of another.

y[64*i + j] = x[j] * b[i]        ->        y[64*(i + 3) + j] = x[j] * splat(b[i + 3])       (along j)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from compiler.ir.types import INT64
from compiler.loops.language import For, Let, Literal, Load, Number, Operand, Ref, Stmt, Store, Value
from compiler.loops.walking import stride
from compiler.loops.writing import Writer

Spot: TypeAlias = tuple[Value | None, int]
"""An iteration of a loop: so many behind a value, or behind the loop's first one, which is 0."""


@dataclass(frozen=True, slots=True)
class Line:
    """A vector of iterations of the loop `along`, from `begin` on, in one iteration of the loop `across`."""

    along: For
    begin: Value
    across: For
    spot: Spot
    lanes: int
    mask: Value | None

    @property
    def spots(self) -> dict[Value, Spot]:
        """Where both loops are, by their indices."""
        return {self.along.index: (self.begin, 0), self.across.index: self.spot}


class Lines:
    """Writes a body of lets, loads and stores along lines."""

    def __init__(self, writer: Writer, body: Sequence[Stmt]) -> None:
        self.writer, self.body = writer, body

    def place(self, ref: Ref, spots: Mapping[Value, Spot]) -> Ref:
        """A place in other iterations of loops."""
        terms: list[tuple[Value, Number]] = []
        for index, step in ref.terms:
            base, count = spots.get(index, (index, 0))
            if base is not None and isinstance(step, int):
                terms.append((self.writer.sum(base, count) if count else base, step))
                continue
            if base is not None:
                terms.append((base, step))
            if count:
                terms.append((self.times(step, count), 1))
        return Ref(ref.memory, tuple(terms))

    def times(self, step: Number, count: int) -> Value:
        """How far so many iterations go."""
        return step if count == 1 and isinstance(step, Value) else self.writer.product(step, count)

    def load(self, load: Load, line: Line) -> Value:
        """What is loaded: a vector, or a scalar that is the same along the line."""
        ref, step = self.place(load.ref, line.spots), stride(load.ref, line.along.index)
        value = Value(load.value.dtype, 0 if step == 0 else line.lanes, load.value.label)
        is_one = not value.lanes
        self.writer.write(
            Load(value, ref if is_one else replace(ref, step=step), None if is_one else line.mask)
        )
        return value

    def stored(self, line: Line, given: Mapping[Value, Operand]) -> list[tuple[Store, Value]]:
        """What each store stores along a line; `given` are the loads that are known."""
        now, found = dict(given), list[tuple[Store, Value]]()
        for stmt in self.body:
            match stmt:
                case Load() if stmt.value not in now:
                    now[stmt.value] = self.load(stmt, line)
                case Let():
                    now[stmt.value] = self._let(stmt, line, now)
                case Store():
                    item = self._operand(stmt.operand, line, now)
                    vector = self._vector(item, line)
                    found.append((stmt, vector))
                case _:
                    pass
        return found

    def _let(self, stmt: Let, line: Line, now: Mapping[Value, Operand]) -> Value:
        """An atom, by lanes if an operand has some; literals stand for themselves in every lane."""
        operands = [self._operand(item, line, now) for item in stmt.operands]
        lanes = line.lanes if any(map(_is_vector, operands)) else 0
        if lanes:
            operands = [item if isinstance(item, Literal) else self._vector(item, line) for item in operands]
        value = stmt.value
        return self.writer.let(stmt.atom, value.dtype, *operands, lanes=lanes, label=value.label)

    def _operand(self, item: Operand, line: Line, now: Mapping[Value, Operand]) -> Operand:
        if item is line.along.index:
            return self.writer.let("lanes", INT64, line.begin, lanes=line.lanes)
        if item is line.across.index:
            base, count = line.spot
            if base is None:
                return Literal.of(count, INT64)
            return self.writer.sum(base, count) if count else base
        return now.get(item, item) if isinstance(item, Value) else item

    def _vector(self, item: Operand, line: Line) -> Value:
        if isinstance(item, Value) and item.lanes:
            return item
        return self.writer.let("splat", item.dtype, item, lanes=line.lanes)


def _is_vector(item: Operand) -> bool:
    return isinstance(item, Value) and item.lanes > 0
