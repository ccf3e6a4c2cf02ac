"""Graph: what is reachable from some outputs, as a networkx.MultiDiGraph. The only importer of networkx.

A vertex is a Node, an edge leads from an operand to its user and its key is the operand's position. Snapshots
share nodes, so keeping a graph for each pass costs its edges only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from compiler.ir.naming import Lineage, Names, names_of
from compiler.ir.node import Node
from compiler.ir.op import Call, Input, Locks, Parameter
from compiler.ir.parsing import read_text
from compiler.ir.printing import arrays_of, calls_of, print_graph, scopes_of
from compiler.ir.scope import Path

if TYPE_CHECKING:
    import networkx


class Graph:
    """What some outputs need: values (nodes) in an order in which they can be computed. It never changes.

    `inputs` are in the order in which a call takes them, `outputs` in the order in which it returns them, and
    `updates` are pairs of a parameter and its next value. `nodes` has operands before those that read them:
    the order of creation, and after a rewrite that of what was replaced. `str` is its text form; a graph
    pickles as that text and the arrays it names, and a copy has parameters of its own.

    `lineage` says from which graph a rewrite made this one, and `given` what a text called its values.
    """

    __slots__ = ("__dict__", "given", "inputs", "lineage", "nodes", "outputs", "updates")

    def __init__(
        self, nodes: tuple[Node, ...], inputs: tuple[Node, ...], outputs: tuple[Node, ...],
        updates: tuple[tuple[Node, Node], ...], lineage: Lineage | None = None,
        given: Mapping[Node, str] | None = None,
    ) -> None:  # fmt: skip
        self.nodes = nodes
        self.inputs = inputs
        self.outputs = outputs
        self.updates = updates
        self.lineage = lineage
        self.given = given

    @classmethod
    def of(
        cls, outputs: Iterable[Node], updates: Iterable[tuple[Node, Node]] = (), inputs: Iterable[Node] = ()
    ) -> Graph:
        """The graph of everything that outputs, updates and declared inputs need."""
        outputs, updates, inputs = tuple(outputs), tuple(updates), tuple(inputs)
        roots = [*inputs, *outputs, *(node for pair in updates for node in pair)]
        nodes = tuple(sorted(reachable(roots), key=lambda node: node.serial))
        declared = set(inputs)
        found = [node for node in nodes if isinstance(node.op, Input) and node not in declared]
        return cls(nodes, (*inputs, *found), outputs, updates)

    @classmethod
    def parse(
        cls,
        text: str,
        arrays: Mapping[str, np.ndarray[Any, Any]] | None = None,
        calls: Mapping[str, Call] | None = None,
    ) -> Graph:
        """The graph whose `str` a text is.

        Raises ParseError with the line's number; nothing in it is executed.

        `arrays` holds what the text names by `@reference`: a parameter or constant whose array is not given
        can be printed, drawn and compared, and raises UnboundArrayError when its value is needed. `calls`
        holds the ops of opaque calls by label.
        """
        outputs, updates, inputs, names = read_text(text, arrays, calls)
        graph = cls.of(outputs, updates, inputs)
        given = {node: names[node] for node in graph.nodes}
        return cls(graph.nodes, graph.inputs, graph.outputs, graph.updates, given=given)

    @cached_property
    def names(self) -> Names:
        """What its text, and every other view, calls its values, formulas and opaque calls."""
        return names_of(self)

    @property
    def arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """The known arrays that the text names by reference, which `Graph.parse` takes."""
        return arrays_of(self)

    @property
    def calls(self) -> dict[str, Call]:
        """The opaque calls that the text names by label."""
        return calls_of(self)

    def __str__(self) -> str:
        return print_graph(self)

    def __repr__(self) -> str:
        return f"<Graph of {len(self.nodes)} nodes, {len(self.inputs)} inputs, {len(self.outputs)} outputs>"

    def __reduce__(self) -> tuple[Any, ...]:
        with Locks(node.op.buffer for node in self.nodes if isinstance(node.op, Parameter)):
            arrays = {name: array.copy() for name, array in self.arrays.items()}
        return Graph.parse, (str(self), arrays, self.calls)

    @cached_property
    def network(self) -> networkx.MultiDiGraph[Node]:
        """The frozen networkx graph: for queries, and for whoever wants to use networkx on it."""
        network = _networkx().MultiDiGraph()
        network.add_nodes_from(self.nodes)
        edges = ((operand, node, key) for node in self.nodes for key, operand in enumerate(node.operands))
        network.add_edges_from(edges)
        return _networkx().freeze(network)

    @cached_property
    def users(self) -> dict[Node, tuple[Node, ...]]:
        """For each node those that read it, in creation order, once for each operand position."""
        users: dict[Node, list[Node]] = {node: [] for node in self.nodes}
        for node in self.nodes:
            for operand in node.operands:
                users[operand].append(node)
        return {node: tuple(found) for node, found in users.items()}

    @cached_property
    def kinds(self) -> tuple[Node, ...]:
        """One node for all that have its op, its type and its operands' types: what these say, it says."""
        found: dict[object, Node] = {}
        for node in self.nodes:
            found.setdefault((node.op, node.type, *[operand.type for operand in node.operands]), node)
        return tuple(found.values())

    @cached_property
    def scopes(self) -> dict[Node, Path]:
        """The part of the model that each node belongs to, as names, the outermost first; () for none."""
        return scopes_of(self.nodes)

    @property
    def parameters(self) -> tuple[Node, ...]:
        """The parameters, in creation order."""
        return tuple(node for node in self.nodes if isinstance(node.op, Parameter))

    @property
    def results(self) -> tuple[Node, ...]:
        """What must be computed: outputs, then the updates' values."""
        return (*self.outputs, *(value for _, value in self.updates))

    def rebuilt(self, replace: Callable[[Node, tuple[Node, ...]], Node]) -> Graph:
        """The graph of `replace(node, new operands)` for each node in order, with its lineage.

        Leaves must be kept as they are.
        """
        new: dict[Node, Node] = {}
        for node in self.nodes:
            new[node] = replace(node, tuple(new[operand] for operand in node.operands))
        graph = Graph.of(
            [new[node] for node in self.outputs],
            [(parameter, new[value]) for parameter, value in self.updates],
            self.inputs,
        )
        needed = set(graph.nodes)
        return graph.descended(Lineage(self, {old: node for old, node in new.items() if node in needed}))

    def descended(self, lineage: Lineage) -> Graph:
        """The same graph, known to be made from another."""
        return Graph(self.nodes, self.inputs, self.outputs, self.updates, lineage)

    def __len__(self) -> int:
        return len(self.nodes)


def _networkx() -> Any:
    import networkx  # a fifth of a second, not needed to run a program

    return networkx


def reachable(roots: Sequence[Node]) -> set[Node]:
    """The roots and everything that they are made from, without recursion."""
    seen, pending = set(roots), list(roots)
    while pending:
        for operand in pending.pop().operands:
            if operand not in seen:
                seen.add(operand)
                pending.append(operand)
    return seen
