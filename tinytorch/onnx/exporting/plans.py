"""What is written for a node: which nodes are read, and how."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.op import MapReduce, Reducer
from tinytorch.onnx.exporting.context import Context
from tinytorch.onnx.exporting.values import Value


@dataclass(frozen=True, slots=True)
class Plan:
    """How a node is written. What lies between it and what it reads is not, unless others need it."""

    reads: Sequence[Node]
    write: Callable[[Context, Sequence[Value]], Value]


class Uses:
    """Who reads what in a graph."""

    def __init__(self, graph: Graph) -> None:
        self._users = graph.users
        self._results = set(graph.results)

    def is_inner(self, node: Node) -> bool:
        """Whether one node reads a value, once, and nobody else sees it."""
        return len(self._users[node]) == 1 and node not in self._results

    def users(self, node: Node) -> tuple[Node, ...]:
        """The nodes that read a value."""
        return self._users[node]

    def is_result(self, node: Node) -> bool:
        """Whether a call returns a value."""
        return node in self._results


def sum_of_products(node: Node) -> MapReduce | None:
    """The op of a sum of products of two operands; None for another one."""
    op = node.op
    if not isinstance(op, MapReduce) or op.reducer is not Reducer.SUM or len(op.accesses) != 2:
        return None
    return op if len(op.accesses) == len(op.arguments) and op.formula.factors is not None else None


def added(node: Node) -> tuple[Node, Node] | None:
    """The operands of a sum of two values in their common dtype; None for another node."""
    op = node.op
    if not isinstance(op, MapReduce) or op.formula.atom is None or op.formula.atom.name != "add":
        return None
    if op.reducer is not Reducer.NONE or len(node.operands) != 2:
        return None
    left, right = node.operands
    is_plain = node.type == left.type and right.type.dtype is node.type.dtype
    is_aligned = all(axis is None or axis == node.type.rank - right.type.rank + k
                     for k, axis in enumerate(op.accesses[1].axes))  # fmt: skip
    is_whole = op.accesses[0].axes == tuple(range(node.type.rank)) == op.output
    return (left, right) if is_plain and is_aligned and is_whole else None
