"""Parameters as constants, for programs that only infer."""

from __future__ import annotations

from typing import Any

from compiler.errors import ArgumentError
from compiler.ir.build import constant_node
from compiler.ir.graph import Graph
from compiler.ir.node import Node, describe
from compiler.ir.op import Locks, Parameter
from compiler.rewrite.sweep import origin_of, sweep
from tinytorch.tensor import Tensor


def frozen(graph: Graph, which: Any) -> Graph:
    """The graph with parameters, all (True) or those of some tensors, as constants of their present values.

    Raises ArgumentError for what is no parameter of the graph, or is updated by it.
    """
    chosen = _chosen(graph, which)
    updated = {parameter for parameter, _ in graph.updates}
    for node in graph.nodes:
        if node in chosen and node in updated:
            raise ArgumentError(
                f"a frozen parameter keeps its value, and an update writes to {describe(node)}\n"
                "  fix: leave out freeze=, or the update"
            )

    def visit(old: Node, node: Node) -> Node:
        if old not in chosen:
            return node
        assert isinstance(old.op, Parameter)
        origin = origin_of(old, "freeze", "a frozen parameter")
        with Locks([old.op.buffer]):
            return constant_node(old.op.buffer.array, old.type.dtype, old.name, origin)

    return sweep(graph, visit)


def _chosen(graph: Graph, which: Any) -> set[Node]:
    every = {node for node in graph.nodes if isinstance(node.op, Parameter)}
    if isinstance(which, bool):
        return every if which else set()
    tensors: list[Any] = [which] if isinstance(which, Tensor) else list(which)
    for item in tensors:
        if not isinstance(item, Tensor) or item.node not in every:
            what = describe(item.node) if isinstance(item, Tensor) else repr(item)
            raise ArgumentError(
                f"freeze is True, or parameters that the outputs are made from, which {what} is not"
            )
    return {item.node for item in tensors}
