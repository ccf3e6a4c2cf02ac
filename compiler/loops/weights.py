"""How much there is to do: instructions of atoms, roughly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from compiler.ir.formula.atoms import ATOMS
from compiler.ir.formula.tape import Const
from compiler.loops.language import Literal
from compiler.loops.mathematics.powers import instructions_of

EXPENSIVE: Final = 8.0
"""Instructions from which on a value is worth keeping."""


def weight(atom: str, operands: Sequence[object]) -> float:
    """Instructions of an atom for each vector; 1 of what is no atom of formulas."""
    exponent = operands[1] if atom == "pow" else None
    if isinstance(exponent, Literal | Const):
        return float(instructions_of(float(exponent.value)))
    return float(ATOMS[atom].instructions) if atom in ATOMS else 1.0
