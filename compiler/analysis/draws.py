"""Draws: maps of random bits, and maps of these alone. They are made of a key and of places, of no memory."""

from __future__ import annotations

from typing import Final

from compiler.ir.formula.atoms import ATOMS, Rule
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.op import MapReduce, Reducer

RANDOM: Final = frozenset(name for name, atom in ATOMS.items() if atom.rule in (Rule.WORD, Rule.WORDS))
"""The atoms that are random bits of a key and a counter."""


DRAWN_AGAIN: Final = "drawn again"
"""The rule by which a draw is made where it is read, and not kept from where it was made before."""


def draws_of(graph: Graph) -> list[Node]:
    """The draws of a graph, each behind those that it reads; other operands have one element."""
    found: dict[Node, None] = {}
    for node in graph.nodes:
        op = node.op
        if not isinstance(op, MapReduce) or op.reducer is not Reducer.NONE or node.type.size == 1:
            continue
        is_random = any(line.atom in RANDOM for line in op.formula.lines)
        reads_one = any(operand in found for operand in node.operands)
        others = (operand for operand in node.operands if operand not in found)
        if (is_random or reads_one) and all(operand.type.size == 1 for operand in others):
            found[node] = None
    return list(found)
