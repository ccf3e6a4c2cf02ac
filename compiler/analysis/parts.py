"""Which part of a graph a node belongs to: forward, backward, or the update of a parameter.

Walks are over `graph.nodes`, which is in topological order: linear, and without recursion.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from compiler.analysis.draws import DRAWN_AGAIN
from compiler.ir.graph import Graph, reachable
from compiler.ir.node import Node, is_gradient
from compiler.ir.op import Trait


class Part(Enum):
    """A part of a graph; the value is the title of its column."""

    FORWARD = "forward"
    BACKWARD = "backward"
    UPDATE = "updates"


@dataclass(frozen=True, slots=True)
class Parts:
    """The part of each node, the forward values that backward ops read, and whose update needs a node."""

    part: Mapping[Node, Part]
    saved: frozenset[Node]
    owner: Mapping[Node, Node | None]
    """For each node of the updates the parameter whose next value alone needs it; None where several do."""


def parts_of(graph: Graph) -> Parts:
    """Divide a graph's nodes among the parts."""
    needed = reachable([*graph.outputs, *graph.inputs, *filter(is_gradient, graph.nodes)])
    part: dict[Node, Part] = {}
    for node in graph.nodes:
        part[node] = _part(node, part) if node in needed else Part.UPDATE
    return Parts(part, _saved(graph, part), _owners(graph, part))


def _part(node: Node, part: Mapping[Node, Part]) -> Part:
    if is_gradient(node) or any(part[operand] is Part.BACKWARD for operand in node.operands):
        return Part.BACKWARD
    return Part.FORWARD


def _saved(graph: Graph, part: Mapping[Node, Part]) -> frozenset[Node]:
    return frozenset(
        operand
        for node in graph.nodes
        if part[node] is Part.BACKWARD
        for operand in node.operands
        if part[operand] is Part.FORWARD and not _is_made_again(operand)
    )


def _is_made_again(node: Node) -> bool:
    """Whether a value is there for the backward pass too, or made where that needs it."""
    return node.op.has(Trait.LEAF) or node.origin.rule == DRAWN_AGAIN


def _owners(graph: Graph, part: Mapping[Node, Part]) -> dict[Node, Node | None]:
    """Walk from the results to the leaves; a node belongs to whom all its readers belong.

    A next value that the update of another parameter reads goes with that: Adam's moments with the weight.
    """
    owner: dict[Node, Node | None] = {}
    updated: dict[Node, Node] = {}
    for parameter, value in graph.updates:
        updated.setdefault(value, parameter)
    for node in reversed(graph.nodes):
        if part[node] is not Part.UPDATE:
            continue
        readers = {owner[user] for user in graph.users[node]}
        if len(readers) == 1:
            (owner[node],) = readers
        else:
            owner[node] = updated.get(node) if not readers else None
    return owner
