"""What nodes cost: operations, expensive atoms, and bytes moved, as polynomials in the symbolic dimensions.

A group that is computed by one loop nest reads each operand once and writes each stored value once; what
passes between its members moves no bytes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from compiler.ir.dims import Extent, product
from compiler.ir.formula.atoms import ATOMS, Rule
from compiler.ir.node import Node
from compiler.ir.op import MapReduce, Reducer, Trait

_FLOATING = {atom.name for atom in ATOMS.values() if atom.rule is Rule.FLOATING}
EXPENSIVE: Final = frozenset({"pow", *_FLOATING} - {"div", "sqrt"})
"""Atoms that take about ten times as long as an addition: exponentials, logarithms and their kin."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Counts for one call: atoms evaluated and values reduced, those of them that are slow, and bytes."""

    operations: Extent
    expensive: Extent
    bytes_read: Extent
    bytes_written: Extent

    @property
    def bytes_moved(self) -> Extent:
        return self.bytes_read + self.bytes_written


def cost_of(members: Sequence[Node], stored: Collection[Node]) -> Cost:
    """The cost of members in one loop nest, of which those in `stored` are written to memory."""
    inside = set(members)
    read = dict.fromkeys(operand for node in members for operand in node.operands if operand not in inside)
    written = [node for node in members if node in stored and not node.op.has(Trait.VIEW)]
    return Cost(
        _sum(_operations(node)[0] for node in members),
        _sum(_operations(node)[1] for node in members),
        0 if all(node.op.has(Trait.VIEW) for node in members) else _sum(node.type.bytes for node in read),
        _sum(node.type.bytes for node in written),
    )


def _operations(node: Node) -> tuple[Extent, Extent]:
    """The operations of a node, and how many of them are expensive. Opaque calls count as none."""
    op = node.op
    if not isinstance(op, MapReduce):
        return 0, 0
    turns = product(op.extents)
    slow = sum(line.atom in EXPENSIVE for line in op.formula.lines)
    return turns * (len(op.formula.lines) + (op.reducer is not Reducer.NONE)), turns * slow


def _sum(counts: Iterable[Extent]) -> Extent:
    total: Extent = 0
    for count in counts:
        total = total + count
    return total


def is_at_most(extent: Extent, limit: int) -> bool:
    """Whether a count is known to be at most a limit. A symbolic one never is."""
    return isinstance(extent, int) and extent <= limit
