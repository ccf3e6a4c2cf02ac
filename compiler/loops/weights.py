"""How much there is to do: instructions of atoms, roughly."""

from __future__ import annotations

from typing import Final

from compiler.ir.formula.atoms import ATOMS

EXPENSIVE: Final = 8.0
"""Instructions from which on a value is worth keeping."""


def weight(atom: str) -> float:
    """Instructions of an atom for each vector; 1 of what is no atom of formulas."""
    return float(ATOMS[atom].instructions) if atom in ATOMS else 1.0
