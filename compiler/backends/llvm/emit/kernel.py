"""Emits a lowered kernel: a fold over its statements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Final

from compiler.backends.llvm.emit import words
from compiler.backends.llvm.emit.atoms import RULES, Site
from compiler.backends.llvm.emit.memory import emit_load, emit_store
from compiler.backends.llvm.emit.pack import emit_pack
from compiler.backends.llvm.emit.places import Places
from compiler.backends.llvm.emit.registers import memory
from compiler.backends.llvm.emit.tile import emit_tile
from compiler.backends.llvm.emit.values import Values
from compiler.backends.llvm.jit.building import Builder
from compiler.backends.llvm.jit.kinds import Constant, i64, pointer
from compiler.backends.llvm.jit.kinds import Value as Register
from compiler.backends.llvm.jit.modules import Block
from compiler.errors import BackendError
from compiler.loops.atoms import ATOMS, Lanes
from compiler.loops.language import Check, For, If, Kernel, Let, Load, Memory, Pack, Stmt, Store, Tile
from compiler.loops.machine import Machine

_OFTEN: Final = 1000
"""How often a branch that carries values is not taken for every time that it is, as LLVM is told."""


def emit_kernel(
    builder: Builder, kernel: Kernel, machine: Machine, numbers: Register, chunk: Register
) -> None:
    """Emit one chunk of a kernel, which is lowered for the machine, at the builder's position.

    `numbers` is the address of the kernel's arguments, int64 numbers all; they are read here, once. The
    builder stands behind the kernel's code afterwards.

    Raises:
        BackendError: a statement, atom or count that is not lowered.
    """
    values = Values()
    values[kernel.chunk] = chunk
    for place, argument in enumerate(kernel.arguments):
        number = words.load(builder, words.offset(builder, numbers, words.index(place), i64), i64)
        if isinstance(argument, Memory):
            values.addresses[argument] = builder.inttoptr(number, pointer)
        else:
            values[argument] = number
    for room in kernel.rooms:
        values.addresses[room] = words.stack_array(builder, memory(room.dtype), room.extent)
    _Emitter(builder, machine, values).emit(kernel.body)


class _Emitter:
    """One kernel while it is emitted. `_end` is where a check goes that refuses."""

    def __init__(self, builder: Builder, machine: Machine, values: Values) -> None:
        self.builder, self.machine, self.values = builder, machine, values
        self.places = Places(builder, values)
        self._end: Block | None = None
        self._rules: dict[type, Callable[..., None]] = {
            Let: self._let,
            Load: self._load,
            Store: self._store,
            For: self._for,
            If: self._if,
            Check: self._check,
            Pack: self._pack,
            Tile: self._tile,
        }

    def emit(self, body: Sequence[Stmt]) -> None:
        """The whole body."""
        for stmt in body:
            if isinstance(stmt, For):
                self._for(stmt, is_outermost=True)
            else:
                self._block([stmt])
        if self._end is not None:
            self.builder.branch(self._end)
            self.builder.position_at_end(self._end)

    def _block(self, body: Sequence[Stmt]) -> None:
        for stmt in body:
            rule = self._rules.get(type(stmt))
            if rule is None:
                raise BackendError(f"a {type(stmt).__name__} is lowered before a kernel is emitted")
            rule(stmt)

    def _let(self, stmt: Let) -> None:
        atom, value = ATOMS.get(stmt.atom), stmt.value
        if atom is None:
            raise BackendError(f"{stmt.atom!r} is no atom of machines")
        lanes = value.lanes if atom.lanes is Lanes.EACH else 0
        operands = [self.values.operand(item, lanes) for item in stmt.operands]
        site = Site(self.builder, stmt.operands[-1].dtype, value.dtype, value.lanes, self.machine.saturates)
        self.values[value] = RULES[stmt.atom](site, operands)

    def _load(self, stmt: Load) -> None:
        self.values[stmt.value] = emit_load(self.builder, self.values, self.places, stmt)

    def _store(self, stmt: Store) -> None:
        emit_store(self.builder, self.values, self.places, stmt)

    def _for(self, stmt: For, *, is_outermost: bool = False) -> None:
        """A loop. LLVM moves constants ahead of an outermost loop only where there is one way into it.

        Behind a loop that may be left out there would be two.
        """
        start, stop = self.values.number(stmt.start), self.values.number(stmt.stop)
        firsts = [self.values.operand(item.first, item.inside.lanes) for item in stmt.carried]
        if stmt.ahead or stmt.lanes or is_outermost:
            results = self._guarded(stmt, start, stop, firsts)
        else:
            results = self._iterations(stmt, start, stop, firsts, words.counted_loop)
        for item, register in zip(stmt.carried, results, strict=True):
            self.values[item.after] = register

    def _guarded(
        self, stmt: For, start: Register, stop: Register, firsts: Sequence[Register]
    ) -> Sequence[Register]:
        """A loop and what comes once before its first iteration, both left out where there is none."""
        if isinstance(stmt.start, int) and isinstance(stmt.stop, int) and stmt.start < stmt.stop:
            self._block(stmt.ahead)
            return self._iterations(stmt, start, stop, firsts, words.rotated_loop)
        builder = self.builder
        around = builder.block
        ahead, beyond = (builder.append_basic_block(name) for name in ("ahead", "beyond"))
        builder.cbranch(builder.icmp_signed("<", start, stop), ahead, beyond)
        builder.position_at_end(ahead)
        self._block(stmt.ahead)
        results = self._iterations(stmt, start, stop, firsts, words.rotated_loop)
        return words.either(builder, beyond, around, firsts, results)

    def _iterations(
        self,
        stmt: For,
        start: Register,
        stop: Register,
        firsts: Sequence[Register],
        loop_of: Callable[..., AbstractContextManager[words.Loop]],
    ) -> Sequence[Register]:
        with (
            self.places.in_iterations(stmt),
            loop_of(self.builder, start, stop, stmt.step, firsts) as loop,
        ):
            self.values[stmt.index] = loop.index
            if stmt.mask is not None:
                as_bits = self.machine.has_mask_registers
                self.values[stmt.mask] = words.lane_mask(
                    self.builder, loop.index, stop, stmt.lanes, as_bits=as_bits
                )
            for item, register in zip(stmt.carried, loop.values, strict=True):
                self.values[item.inside] = register
            self._block(stmt.body)
            loop.next.extend(self.values.operand(item.following, item.inside.lanes) for item in stmt.carried)
        return loop.results

    def _if(self, stmt: If) -> None:
        condition = self.values[stmt.condition]
        if stmt.carried:
            self._rarely(stmt, condition)
            return
        if not stmt.otherwise:
            with self.builder.if_then(condition):
                self._block(stmt.then)
            return
        with self.builder.if_else(condition) as (then, otherwise):
            with then:
                self._block(stmt.then)
            with otherwise:
                self._block(stmt.otherwise)

    def _rarely(self, stmt: If, condition: Register) -> None:
        """A block that is not expected to run, and what it carries."""
        builder = self.builder
        firsts = [self.values.operand(item.first, item.inside.lanes) for item in stmt.carried]
        around, rare, beyond = builder.block, *map(builder.append_basic_block, ("rare", "beyond"))
        builder.cbranch(condition, rare, beyond, seldom=_OFTEN)
        builder.position_at_end(rare)
        for item, register in zip(stmt.carried, firsts, strict=True):
            self.values[item.inside] = register
        self._block(stmt.then)
        found = [self.values.operand(item.following, item.inside.lanes) for item in stmt.carried]
        results = words.either(builder, beyond, around, firsts, found)
        for item, register in zip(stmt.carried, results, strict=True):
            self.values[item.after] = register

    def _check(self, stmt: Check) -> None:
        builder = self.builder
        if self._end is None:
            self._end = builder.append_basic_block("end")
        refused, passed = (builder.append_basic_block(name) for name in ("refused", "passed"))
        builder.cbranch(self.values[stmt.condition], passed, refused)
        builder.position_at_end(refused)
        one = Constant(memory(stmt.status.dtype), 1)
        words.store(builder, one, self.values.addresses[stmt.status])
        builder.branch(self._end)
        builder.position_at_end(passed)

    def _pack(self, stmt: Pack) -> None:
        emit_pack(self.builder, self.values, self.places, self.machine, stmt)

    def _tile(self, stmt: Tile) -> None:
        emit_tile(self.builder, self.values, self.places, self.machine, stmt)
