"""The integers of a kernel while its loops are walked: bounds, counts, and what decides a branch."""

from __future__ import annotations

from compiler.ir.types import FLOAT32, FLOAT64
from compiler.loops.language import Count, Let, Literal, Number, Operand, Value


class Scalars:
    """What is known so far: numbers of a call, indices of loops, and what atoms make of them."""

    def __init__(self, known: dict[Value, int]) -> None:
        self.known = known

    def number(self, item: Number | Operand, otherwise: int) -> int:
        """A scalar, or something else where it is not known."""
        if isinstance(item, int):
            return item
        if isinstance(item, Literal):
            return int(item.value)
        return otherwise if isinstance(item, Count) else self.known.get(item, otherwise)

    def is_known(self, item: Operand) -> bool:
        """Whether an operand is an integer that is known."""
        if isinstance(item, Literal):
            return item.dtype not in (FLOAT32, FLOAT64)
        return item in self.known

    def note(self, stmt: Let) -> None:
        """What an atom of integers comes to, if that follows from what is known."""
        if all(map(self.is_known, stmt.operands)):
            found = _value(stmt.atom, *(self.number(item, 0) for item in stmt.operands))
            if found is not None:
                self.known[stmt.value] = found


def _value(atom: str, a: int, b: int = 0, c: int = 0) -> int | None:
    """An atom of integers; None for one that no bound is made of."""
    match atom:
        case "add" | "sub":
            return a + b if atom == "add" else a - b
        case "mul":
            return a * b
        case "div" | "rem":
            whole = int(a / b) if b else 0
            return whole if atom == "div" else a - whole * b
        case "where":
            return b if a else c
        case "lt" | "le":
            return a < b if atom == "lt" else a <= b
        case "gt" | "ge":
            return a > b if atom == "gt" else a >= b
        case "eq" | "ne":
            return (a == b) is (atom == "eq")
        case "and" | "or":
            return a & b if atom == "and" else a | b
        case _:
            return None
