"""One walk over a graph in which nodes give way to others. The gate through which a pass changes a graph.

A new node stands where the one stood that it replaces, so that what was computed late is still computed
late. Human names survive: where a nameless node takes the place of a named one, it takes the name too.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import TypeAlias

from compiler.ir.graph import Graph, reachable
from compiler.ir.naming import Lineage
from compiler.ir.node import Node, Origin
from compiler.ir.op import Input, Parameter
from compiler.rewrite.lineage import traced

Visit: TypeAlias = Callable[[Node, Node], Node]
"""`visit(old, node)` is what takes the place of `node`, which is `old` with its new operands."""


def sweep(graph: Graph, visit: Visit) -> Graph:
    """The graph with every node visited once, operands first; the same object if nothing changed.

    What takes a node's place must have its type and be made of nodes that are already there, or of new
    ones. Inputs and parameters must stay. The new graph's lineage says which node became which.
    """
    new: dict[Node, Node] = {}
    placed: set[Node] = set()
    names: dict[Node, str] = {}
    for old in graph.nodes:
        node = _visited(old, new, visit, placed, names)
        new[old] = node
        placed.add(node)
    if all(old is node for old, node in new.items()):
        return graph
    return traced(graph, renamed(_rebuilt(graph, new), names))


def narrowed(graph: Graph, kept: Container[Node]) -> Graph:
    """The graph of some of its nodes, among them all that the results and inputs are made from."""
    nodes = tuple(node for node in graph.nodes if node in kept)
    lineage = Lineage(graph, {node: node for node in nodes})
    return Graph(nodes, graph.inputs, graph.outputs, graph.updates, lineage)


def _visited(
    old: Node, new: Mapping[Node, Node], visit: Visit, placed: set[Node], names: dict[Node, str]
) -> Node:
    node = visit(old, with_operands(old, tuple(new[operand] for operand in old.operands)))
    if old.name is None or node.name is not None or isinstance(node.op, Input | Parameter):
        return node
    if node in placed:
        names.setdefault(node, old.name)
        return node
    return node.named(old.name)


def with_operands(node: Node, operands: tuple[Node, ...]) -> Node:
    """The node over other operands of the same types; itself if they are its own."""
    same = all(ours is theirs for ours, theirs in zip(operands, node.operands, strict=True))
    return node if same else Node(node.op, operands, node.type, node.name, node.origin)


def renamed(graph: Graph, names: Mapping[Node, str]) -> Graph:
    """The graph with names given to some of its nodes."""
    if not names:
        return graph
    new: dict[Node, Node] = {}
    for old in graph.nodes:
        node = with_operands(old, tuple(new[operand] for operand in old.operands))
        new[old] = node.named(names[old]) if old in names else node
    return _rebuilt(graph, new)


def _rebuilt(graph: Graph, new: Mapping[Node, Node]) -> Graph:
    """The graph of what the results have become, in the order of what was replaced."""
    outputs = tuple(new[node] for node in graph.outputs)
    updates = tuple((parameter, new[value]) for parameter, value in graph.updates)
    needed = reachable([*graph.inputs, *outputs, *(node for pair in updates for node in pair)])
    order: dict[Node, None] = {}
    for old in graph.nodes:
        _place(new[old], needed, order)
    lineage = Lineage(graph, {old: node for old, node in new.items() if node in needed})
    return Graph(tuple(order), graph.inputs, outputs, updates, lineage)


def _place(node: Node, needed: set[Node], order: dict[Node, None]) -> None:
    """Puts a node in its place behind everything that it is made from."""
    pending = [node] if node in needed else []
    while pending:
        missing = [operand for operand in pending[-1].operands if operand not in order]
        if missing:
            pending.append(missing[0])
        else:
            order[pending.pop()] = None


def origin_of(old: Node, maker: str, rule: str) -> Origin:
    """The origin of a node that a pass makes in the place of `old`."""
    return Origin(old.origin.source, maker, rule, old)
