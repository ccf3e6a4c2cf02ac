"""What a lowered kernel of loops does, counted: how long each part of a processor works for it.

The loops are walked as they run, with the numbers of a call; of the iterations of a loop the first and the
last are counted, the others are taken to be as the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from compiler.ir.types import BOOL
from compiler.loops.language import (
    Carry,
    For,
    If,
    Kernel,
    Let,
    Literal,
    Load,
    Operand,
    Pack,
    Stmt,
    Store,
    Tile,
    Value,
    reads,
    written,
)
from compiler.speed.leaves import FUSED, pack_seconds, tile_seconds
from compiler.speed.machine import MeasuredMachine
from compiler.speed.rates import REMAINDER, Rates
from compiler.speed.scalars import Scalars

Body: TypeAlias = Sequence[Stmt]

FREE: Final = frozenset({"bits", "from_bits", "low", "neg"})
"""Atoms that take no instruction, or none of their own."""

TWICE: Final = frozenset({"first", "lanes", "evens", "odds", "any", "all", "lane"})
"""Atoms that take two."""

DIVIDING: Final = {"div": 4.0, "sqrt": 5.0}
"""Atoms of the unit that divides, and how often the latency of a sum they wait."""


@dataclass(frozen=True, slots=True)
class Work:
    """Seconds that each part of a processor works. What is `settled` waits for nothing else."""

    vectors: float = 0.0
    divisions: float = 0.0
    loads: float = 0.0
    stores: float = 0.0
    scalars: float = 0.0
    settled: float = 0.0

    def __add__(self, other: Work) -> Work:
        return Work(
            self.vectors + other.vectors, self.divisions + other.divisions, self.loads + other.loads,
            self.stores + other.stores, self.scalars + other.scalars, self.settled + other.settled,
        )  # fmt: skip

    @property
    def seconds(self) -> float:
        """What is not settled takes as long as the part that has most to do."""
        return self.settled + max(self.vectors, self.divisions, self.loads, self.stores, self.scalars)


def seconds_of(kernel: Kernel, numbers: Sequence[object], chunks: int, machine: MeasuredMachine) -> float:
    """Seconds of one thread for all chunks of a lowered kernel, whose memory lies in the first cache.

    `numbers` are those of a call; what is no integer is an address.
    """
    rates = Rates.of(machine)
    first = _chunk(kernel, numbers, 0, rates)
    return first if chunks == 1 else first * (chunks - 1) + _chunk(kernel, numbers, chunks - 1, rates)


def vector_instructions(kernel: Kernel, numbers: Sequence[object], width: int) -> float:
    """How many instructions on registers of `width` bytes the atoms of a lowered kernel are counted as."""
    return _chunk(kernel, numbers, 0, Rates.counting(width))


def _chunk(kernel: Kernel, numbers: Sequence[object], chunk: int, rates: Rates) -> float:
    given = zip(kernel.arguments, numbers, strict=True)
    known = {item: it for item, it in given if isinstance(item, Value) and isinstance(it, int)}
    return _Walk(rates, Scalars(known | {kernel.chunk: chunk})).chunk(kernel.body)


class _Walk:
    """A walk through a chunk of a kernel. `deepest` is the longest way through an innermost loop's block."""

    def __init__(self, rates: Rates, scalars: Scalars) -> None:
        self.rates, self.scalars = rates, scalars
        self.compared: dict[Value, frozenset[Operand]] = {}
        self.deepest = 0.0

    def chunk(self, body: Body) -> float:
        """Seconds of a chunk: its work, and the way through its longest block until something comes out."""
        return self.block(body).seconds + self.deepest

    def block(self, body: Body) -> Work:
        """A block, once."""
        total = Work()
        for stmt in body:
            total = total + self.stmt(stmt)
        return total

    def stmt(self, stmt: Stmt) -> Work:
        """A statement."""
        match stmt:
            case Let():
                return self.let(stmt)
            case Load():
                return Work(loads=self.rates.access(stmt, self.scalars.number(stmt.ref.step, 99)))
            case Store():
                return Work(stores=self.rates.access(stmt, self.scalars.number(stmt.ref.step, 99)))
            case For():
                return self.loop(stmt)
            case If():
                return self.branch(stmt)
            case Pack():
                return Work(settled=pack_seconds(stmt, self.scalars, self.rates))
            case Tile():
                return Work(settled=tile_seconds(stmt, self.scalars, self.rates))
            case _:
                return Work(scalars=2 * self.rates.scalar)

    def let(self, stmt: Let) -> Work:
        """An atom: of integers alone, of the unit that divides, or of vectors."""
        value, rates, atom = stmt.value, self.rates, stmt.atom
        if not value.lanes and not value.dtype.is_float:
            self.scalars.note(stmt)
            return Work(scalars=rates.scalar * (REMAINDER if atom in ("div", "rem") else 1))
        if self.is_free(stmt):
            return Work()
        if atom in DIVIDING and value.dtype.is_float:
            return Work(divisions=max(1, value.lanes) * rates.divide[value.dtype.size])
        if value.dtype is BOOL and stmt.operands[-1].dtype is BOOL:
            return Work(vectors=rates.vector / 4)  # masks have a unit of their own
        registers = max(map(rates.registers_of, (value, *stmt.operands)))
        return Work(vectors=registers * rates.vector * (2 if atom in TWICE else 1))

    def is_free(self, stmt: Let) -> bool:
        """Whether an atom is part of another instruction, as a choice between what was compared."""
        if stmt.value.dtype is BOOL:
            self.compared[stmt.value] = frozenset(stmt.operands)
        if stmt.atom == "where" and isinstance(stmt.operands[0], Value):
            return self.compared.get(stmt.operands[0]) == frozenset(stmt.operands[1:])
        return stmt.atom in FREE or (stmt.atom == "splat" and isinstance(stmt.operands[0], Literal))

    def branch(self, stmt: If) -> Work:
        """The block that is taken; half of both where nobody knows. What is carried is rare."""
        test, known = Work(scalars=self.rates.scalar), self.scalars.number(stmt.condition, -1)
        if known >= 0:
            return test + self.block(stmt.then if known else stmt.otherwise)
        if stmt.carried:
            return test
        return test + Work(settled=sum(self.block(part).seconds for part in (stmt.then, stmt.otherwise)) / 2)

    def loop(self, stmt: For) -> Work:
        """All iterations: of an innermost loop each takes as long as its work, or as what it carries on."""
        start, stop = self.scalars.number(stmt.start, 0), self.scalars.number(stmt.stop, 1)
        count = max(0, -(-(stop - start) // stmt.step))
        turn = Work(scalars=2 * self.rates.scalar, vectors=self.rates.vector if stmt.mask else 0)
        if count == 0:
            return turn
        self.scalars.known[stmt.index] = start
        before, once = self.block(stmt.ahead), (self.block(stmt.body) + turn).seconds
        if not any(isinstance(item, For | Tile | Pack) for item in stmt.body):
            self.deepest = max(self.deepest, self.depth(stmt.body))
            return before + Work(settled=count * max(once, self.chain(stmt.carried, stmt.body)))
        if count == 1:
            return before + Work(settled=once)
        self.scalars.known[stmt.index] = start + (count - 1) * stmt.step
        return before + Work(settled=once * (count - 1) + (self.block(stmt.body) + turn).seconds)

    def chain(self, carried: Sequence[Carry], body: Body) -> float:
        """Seconds of the longest chain of atoms from a carried value to what it is next."""
        found = self.delays(body, [item.inside for item in carried])
        return max((found.get(item.following, 0.0) for item in carried), default=0.0)

    def depth(self, body: Body) -> float:
        """Seconds of the longest chain of atoms from something that is loaded."""
        loaded = [stmt.value for stmt in body if isinstance(stmt, Load)]
        return max(self.delays(body, loaded).values(), default=0.0)

    def delays(self, body: Body, begin: Iterable[Value]) -> dict[Operand, float]:
        """When each value is there that depends on some, in seconds after these."""
        found: dict[Operand, float] = dict.fromkeys(begin, 0.0)
        for stmt in body:
            met = [found[item] for item in reads(stmt) if item in found]
            if met:
                found.update(dict.fromkeys(written(stmt), max(met) + self.delay(stmt)))
        return found

    def delay(self, stmt: Stmt) -> float:
        """Seconds from the operands of a statement to its value."""
        if not isinstance(stmt, Let) or stmt.atom in FREE:
            return 0.0
        if not stmt.value.dtype.is_float or stmt.atom == "where":
            return self.rates.latency / 3
        return self.rates.latency * (FUSED if stmt.atom == "fma" else DIVIDING.get(stmt.atom, 1))
