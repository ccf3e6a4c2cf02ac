"""How long a part of a processor works for one statement of a lowered kernel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from compiler.loops.language import Literal, Load, Operand, Store, Value, lanes_of
from compiler.speed.machine import MeasuredMachine

NEAR: Final = 4
"""Lanes that lie so many elements apart are loaded as vectors of neighbours, and shuffled."""

REMAINDER: Final = 20
"""Instructions that take as long as dividing an integer."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Seconds of one instruction on a register, or of what is named."""

    width: int
    """Bytes of a register."""
    vector: float
    scalar: float
    load: float
    store: float
    pick: float
    """Of one element that is read at a place of its own."""
    latency: float
    """From a sum to the next one that needs it."""
    divide: Mapping[int, float]
    """Of one quotient, by the bytes of a number."""
    flop: Mapping[int, float]
    """Of half a multiply-add of one number, by its bytes."""

    @classmethod
    def of(cls, machine: MeasuredMachine) -> Rates:
        """Those of a machine."""
        width, first = machine.vector_bits // 8, machine.levels[0]
        return cls(
            width=width,
            vector=1 / machine.vectors,
            scalar=1 / machine.scalars,
            load=width / first.read,
            store=width / first.write,
            pick=1 / machine.picks,
            latency=machine.latency,
            divide={4: 1 / machine.divisions32, 8: 1 / machine.divisions64},
            flop={4: 1 / machine.flops32, 8: 1 / machine.flops64},
        )

    @classmethod
    def counting(cls, width: int) -> Rates:
        """Under which what vectors do takes a second an instruction, and all else nothing."""
        nothing = {4: 0.0, 8: 0.0}
        return cls(width, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, nothing, nothing)

    def registers(self, lanes: int, size: int) -> int:
        """How many registers so many lanes of numbers of some bytes fill; one at the least."""
        return max(1, -(-lanes * size // self.width))

    def registers_of(self, item: Operand) -> int:
        """How many registers a value takes."""
        if isinstance(item, Literal) or not isinstance(item, Value):
            return 1
        return self.registers(item.lanes, item.dtype.size)

    def access(self, stmt: Load | Store, step: int) -> float:
        """A load, or a store, whose lanes lie some elements apart.

        A scalar, and one that all lanes are, takes half as long as a register. To write elements one by one
        takes twice as long as to read them.
        """
        lanes, ref = lanes_of(stmt), stmt.ref
        whole = self.load if isinstance(stmt, Load) else self.store
        if lanes and (ref.at is not None or abs(step) > NEAR):
            return lanes * self.pick * (1 if isinstance(stmt, Load) else 2)
        if not lanes or step == 0:
            return whole / 2
        return whole * self.registers(lanes, ref.memory.dtype.size) * abs(step)
