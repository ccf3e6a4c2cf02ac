"""When two nodes are certain to have the same value: the same op, bit for bit, of the same operands."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Final

from compiler.ir.formula.atoms import ATOMS, Rule
from compiler.ir.node import Node
from compiler.ir.op import Access, Call, Constant, MapReduce, Op, Reducer, Trait

SYMMETRIC: Final = frozenset(
    name for name, atom in ATOMS.items() if atom.commutes and atom.rule is not Rule.SELECTING
)
"""Atoms whose arguments may change places without a bit of the result changing (NaNs count as one).

maximum and minimum of floats are not among them: of 0.0 and -0.0 they may return the first.
"""


def value_key(op: Op, operands: Sequence[Node]) -> Hashable | None:
    """A key that two nodes share only if their values are equal; None for inputs and parameters.

    Names of ops and of formulas' parameters do not count. Constants are equal by bits; calls are pure.
    """
    match op:
        case MapReduce():
            body = (op.formula.lines, op.formula.result, op.extents, op.output, op.dtype, op.reducer)
            return body, _arguments(op, operands)
        case Constant():
            return op
        case Call():
            return id(op.function), op.label, op.type, tuple(operands)
        case _:
            # The text of a layout op tells -0.0 from 0.0, which are equal as numbers.
            return None if op.has(Trait.LEAF) else (repr(op), tuple(operands))


def _arguments(op: MapReduce, operands: Sequence[Node]) -> Hashable:
    given = iter(operands)
    found = [(argument, next(given) if isinstance(argument, Access) else None) for argument in op.arguments]
    atom = op.formula.atom
    is_symmetric = atom is not None and op.reducer is Reducer.NONE and atom.name in SYMMETRIC
    return tuple(sorted(found, key=_place)) if is_symmetric else tuple(found)


def _place(item: tuple[Hashable, Node | None]) -> tuple[int, str]:
    argument, operand = item
    return (-1 if operand is None else operand.serial, repr(argument))
