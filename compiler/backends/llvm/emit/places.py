"""Addresses: what does not change in a loop is computed before it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from compiler.backends.llvm.emit import words
from compiler.backends.llvm.emit.registers import memory
from compiler.backends.llvm.emit.values import Values
from compiler.backends.llvm.jit.building import Builder
from compiler.backends.llvm.jit.kinds import Value as Register
from compiler.backends.llvm.jit.kinds import i64, numbers_of
from compiler.loops.language import (
    For,
    If,
    Load,
    Memory,
    Number,
    Pack,
    Ref,
    Stmt,
    Store,
    Value,
    blocks,
    refs,
    walk,
    written,
)

_Terms: TypeAlias = tuple[tuple[Value, Number], ...]


class Places:
    """The addresses of a kernel.

    Of the places that stand in the loop `_begun` has the address so far, and the terms that it lacks.
    """

    def __init__(self, builder: Builder, values: Values) -> None:
        self.builder, self.values = builder, values
        self._begun: dict[Ref, tuple[Register, _Terms]] = {}
        self._steps: dict[tuple[Number, int], Register] = {}

    @contextmanager
    def in_iterations(self, loop: For) -> Generator[None]:
        """Computes what the places that stand in a loop have outside of it; holds for the `with` body."""
        outside = self._begun, self._steps
        self._begun, self._steps = {}, {}
        moving = _moving(loop)
        bases: dict[tuple[Memory, _Terms], Register] = {}
        for stmt in _standing(loop.body):
            for ref in refs(stmt):
                if ref not in self._begun and ref.memory not in moving:
                    self._begin(ref, moving, bases)
            if isinstance(stmt, Load | Store) and isinstance(stmt.ref.step, Value):
                self._hoist_steps(stmt, moving)
        yield
        self._begun, self._steps = outside

    def _begin(self, ref: Ref, moving: set[object], bases: dict[tuple[Memory, _Terms], Register]) -> None:
        fixed: list[tuple[Value, Number]] = []
        inner: list[tuple[Value, Number]] = []
        for term in _terms(ref):
            (inner if moving.intersection(term) else fixed).append(term)
        key = ref.memory, tuple(fixed)
        if key not in bases:
            bases[key] = self._moved(ref.memory, self.values.addresses[ref.memory], key[1])
        self._begun[ref] = bases[key], tuple(inner)

    def _hoist_steps(self, stmt: Load | Store, moving: set[object]) -> None:
        step, lanes = stmt.ref.step, lanes_of(stmt)
        if lanes and stmt.ref.step not in moving:
            self._steps[step, lanes] = self.steps(step, lanes)

    def address(self, ref: Ref) -> Register:
        """The address of a place, of a vector's first element."""
        begun = self._begun.get(ref)
        if begun is None:
            begun = self.values.addresses[ref.memory], _terms(ref)
        return self._moved(ref.memory, *begun)

    def addresses(self, ref: Ref, lanes: int) -> Register:
        """The address of each lane of a vector."""
        base, builder = self.address(ref), self.builder
        if ref.at is None or not ref.at.lanes:
            elements = self.steps(ref.step, lanes)
        else:
            elements = self.values[ref.at]
            if ref.stride != 1:
                stride = words.splat(builder, self.values.number(ref.stride), lanes)
                elements = builder.mul(elements, stride)
        return words.addresses(builder, base, elements, memory(ref.memory.dtype))

    def steps(self, step: Number, lanes: int) -> Register:
        """0, step, 2 * step, ..."""
        if isinstance(step, int):
            return numbers_of(i64, *(step * lane for lane in range(lanes)))
        if (step, lanes) in self._steps:
            return self._steps[step, lanes]
        every = words.splat(self.builder, self.values.number(step), lanes)
        return self.builder.mul(every, numbers_of(i64, *range(lanes)))

    def _moved(self, of: Memory, address: Register, terms: _Terms) -> Register:
        """An address, moved by terms."""
        total: Register | None = None
        for index, stride in terms:
            if stride == 0:
                continue
            elements = self.values[index]
            if stride != 1:
                elements = self.builder.mul(elements, self.values.number(stride))
            total = elements if total is None else self.builder.add(total, elements)
        if total is None:
            return address
        return words.offset(self.builder, address, total, memory(of.dtype))


def lanes_of(stmt: Load | Store) -> int:
    """How many lanes a statement loads or stores."""
    if isinstance(stmt, Load):
        return stmt.value.lanes
    if isinstance(stmt.operand, Value):
        return stmt.operand.lanes
    return 0 if stmt.mask is None else stmt.mask.lanes


def _terms(ref: Ref) -> _Terms:
    """The terms of a place, a scalar `at` among them."""
    return ref.terms if ref.at is None or ref.at.lanes else (*ref.terms, (ref.at, ref.stride))


def _moving(loop: For) -> set[object]:
    """The values that a loop writes in its iterations, and the memory that it names."""
    found: set[object] = {loop.index, loop.mask, *(item.inside for item in loop.carried)}
    for stmt in walk(loop.body):
        found.update(written(stmt))
        if isinstance(stmt, For):
            found.update((stmt.index, stmt.mask))
        if isinstance(stmt, For | If):
            found.update(item.inside for item in stmt.carried)
        if isinstance(stmt, Pack):
            found.add(stmt.panel)
    found.discard(None)
    return found


def _standing(body: tuple[Stmt, ...]) -> Iterator[Stmt]:
    """The statements of a block that are in no loop inside it; what a loop has ahead is in none."""
    for stmt in body:
        yield stmt
        if isinstance(stmt, For):
            yield from _standing(stmt.ahead)
        elif isinstance(stmt, If):
            for block in blocks(stmt):
                yield from _standing(block)
