"""Who reads the memory of each value, through any name and any view; and which ops can still fail.

Both hold for the graph alone. When the reads happen is a matter of the schedule
(`compiler.schedule.lifetimes`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from compiler.analysis.aliasing import Region, regions_of
from compiler.ir.dims import Extent
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.op import Op, Parameter, Trait
from compiler.ir.picking import checked_index


@dataclass(frozen=True, slots=True)
class Liveness:
    """`regions` says where every value lies, `owners` in whose memory: one node for each parameter's buffer.

    `readers` gives for each owner the nodes that read its memory when they are computed. Views read nothing.
    """

    regions: Mapping[Node, Region]
    owners: Mapping[Node, Node]
    readers: Mapping[Node, tuple[Node, ...]]

    def is_view(self, node: Node) -> bool:
        """Whether a node has no memory of its own."""
        return self.regions[node].base is not node


def liveness_of(graph: Graph) -> Liveness:
    """The readers of every value's memory."""
    regions = regions_of(graph)
    known: dict[Op, Node] = {}
    owners: dict[Node, Node] = {}
    readers: dict[Node, list[Node]] = {}
    for node in graph.nodes:
        base = regions[node].base
        owners[node] = known.setdefault(base.op, base) if isinstance(base.op, Parameter) else base
        if base is node:
            readers.setdefault(owners[node], [])
            for operand in node.operands:
                readers[owners[operand]].append(node)
    return Liveness(regions, owners, {node: tuple(found) for node, found in readers.items()})


def can_fail(nodes: Iterable[Node]) -> list[Node]:
    """Those of some nodes, in running order, that can raise: calls, and checks that no earlier one has made.

    An index that a gather has found to lie in an axis cannot fail in the scatter_add that is its adjoint, nor
    can a view of it. What slices ask of symbols is checked before a call begins.
    """
    checked: set[tuple[Node, Extent]] = set()
    found: list[Node] = []
    for node in nodes:
        check = checked_index(node)
        if check is None:
            if node.op.has(Trait.OPAQUE):
                found.append(node)
            continue
        index, extent = check
        if not any((seen, extent) in checked for seen in _viewed(index)):
            found.append(node)
        checked.add(check)
    return found


def _viewed(node: Node) -> list[Node]:
    """A node and, while it is a view, what it views: each has all elements of the one before."""
    chain = [node]
    while chain[-1].op.has(Trait.VIEW):
        chain.append(chain[-1].operands[0])
    return chain
