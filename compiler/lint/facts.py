"""What the rules ask about a graph."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import cached_property

from compiler.analysis.ranges import Known, atom_name, ranges_of
from compiler.ir.graph import Graph
from compiler.ir.node import Node, written_for
from compiler.ir.op import MapReduce
from compiler.rewrite.congruence import value_key
from compiler.rewrite.stable import StableForms
from compiler.rewrite.sweep import sweep


class Facts:
    """What the rules ask about a graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    @cached_property
    def stable(self) -> Graph:
        """The graph in its stable forms, each value once."""
        forms = StableForms()
        known: dict[Hashable, Node] = {}

        def visit(_: Node, node: Node) -> Node:
            if not node.operands:
                return node
            key = value_key(node.op, node.operands)
            if key not in known:
                found = forms.of(node)
                known[key] = node if found is None else found.node
            return known[key]

        return sweep(self.graph, visit)

    @cached_property
    def ranges(self) -> dict[Node, Known]:
        """What is known of the values of the stable forms."""
        return ranges_of(self.stable)

    @cached_property
    def chosen(self) -> set[Node]:
        """Values that only branches of `where` read, directly or not: not all of them is used."""
        found: set[Node] = set()
        results = {*self.stable.outputs, *(value for _, value in self.stable.updates)}
        for node in reversed(self.stable.nodes):
            users = self.stable.users[node]
            if users and node not in results and all(self._is_choice(user, node, found) for user in users):
                found.add(node)
        return found

    def _is_choice(self, user: Node, node: Node, chosen: set[Node]) -> bool:
        if atom_name(user.op) != "where":
            return user in chosen
        assert isinstance(user.op, MapReduce)
        positions = [
            k for k, operand in zip(user.op.positions, user.operands, strict=True) if operand is node
        ]
        return 0 not in positions

    @cached_property
    def computed(self) -> tuple[tuple[Node, MapReduce, Known], ...]:
        """The maps of the stable forms that a user wrote and that are used wherever they are computed."""
        return tuple(
            (node, node.op, self.ranges[node])
            for node in self.stable.nodes
            if isinstance(node.op, MapReduce)
            and node not in self.chosen
            and written_for(node).origin.maker == "user"
        )

    @cached_property
    def _became(self) -> Mapping[Node, Node]:
        lineage = self.stable.lineage
        if lineage is None or self.stable is self.graph:
            return {}
        first: dict[Node, Node] = {}
        for old, new in lineage.became.items():
            first.setdefault(new, old)
        return first

    @cached_property
    def _nodes(self) -> set[Node]:
        return set(self.graph.nodes)

    def written(self, node: Node | None) -> Node | None:
        """The node of the graph that one of its stable form stands for."""
        while node is not None and node not in self._nodes:
            node = self._became.get(node, node.origin.of)
        return node
