"""A graph with everything that is asked of it while it is described."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from compiler.analysis.parts import Part, Parts, parts_of
from compiler.ir.graph import Graph
from compiler.ir.naming import Names
from compiler.ir.node import Node
from compiler.ir.op import Trait


@dataclass(frozen=True, slots=True)
class View:
    """What describing a graph needs to know."""

    graph: Graph
    names: Names
    parts: Parts
    updated: Mapping[Node, list[Node]]
    """For each next value the parameters that get it."""
    marks: Mapping[Node, str]
    outputs: frozenset[Node]
    saved: frozenset[Node]
    """The forward values that backward ops read from memory."""

    @classmethod
    def of(cls, graph: Graph, marks: Mapping[Node, str], stored: frozenset[Node] | None = None) -> View:
        """That of a graph, of whose values `stored` are kept in memory."""
        updated: dict[Node, list[Node]] = {}
        for parameter, value in graph.updates:
            updated.setdefault(value, []).append(parameter)
        parts = parts_of(graph)
        saved = parts.saved if stored is None else parts.saved & stored
        return cls(graph, graph.names, parts, updated, marks, frozenset(graph.outputs), saved)

    def is_on_arrow(self, node: Node) -> bool:
        """Whether an arrow says a value's type; else its box does: for a leaf, and a finished gradient."""
        part = self.parts.part
        is_step = part[node] is not Part.UPDATE
        readers = [user for user in self.graph.users[node] if not (is_step and part[user] is Part.UPDATE)]
        return bool(readers) and not node.op.has(Trait.LEAF)
