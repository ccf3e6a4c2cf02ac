"""Whose memory a value lies in, read from the ops' traits alone.

A view has no memory of its own where its operand is dense. Whether a backend copies a view after all does
not matter here: what is true of the shared buffer is then true of both.
"""

from __future__ import annotations

from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.op import Call, Gather, Op, Reshape, ScatterAdd, Trait


def owners(graph: Graph) -> dict[Node, Node]:
    """For each node the one whose buffer its value lies in: itself, or the base of a chain of views."""
    found: dict[Node, Node] = {}
    for node in graph.nodes:
        found[node] = found[node.operands[0]] if node.op.has(Trait.VIEW) else node
    return found


def is_dense(node: Node) -> bool:
    """Whether a value fills its owner's buffer in row-major order: it owns it, or only reshapes it."""
    while isinstance(node.op, Reshape):
        node = node.operands[0]
    return not node.op.has(Trait.VIEW)


def may_fail(op: Op) -> bool:
    """Whether computing an op can raise for some operands: an index out of range, or a user's function."""
    return isinstance(op, Call | Gather | ScatterAdd)
