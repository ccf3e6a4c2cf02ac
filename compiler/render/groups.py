"""Which nodes are drawn as one box: kernels, the arithmetic of a parameter's update, straight-line code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from compiler.analysis.parts import Part, Parts
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.op import Trait

LONGEST_BLOCK: Final = 8
"""The largest number of lines of straight-line code in one box."""


@dataclass(frozen=True, slots=True)
class Group:
    """Nodes that are drawn as one box, in creation order."""

    nodes: tuple[Node, ...]
    label: str = ""
    """The name of a kernel."""
    is_update: bool = False
    owner: Node | None = None
    """The parameter of an update's arithmetic; None where several updates share it."""

    @property
    def last(self) -> Node:
        return self.nodes[-1]


def groups_of(graph: Graph, parts: Parts, kernels: Mapping[str, Iterable[Node]], detail: bool) -> list[Group]:
    """The boxes of a graph, updates last.

    A kernel is one box, but with less detail it disappears in the updates whose arithmetic alone it does.
    """
    known = set(graph.nodes)
    found: list[Group] = []
    taken: set[Node] = set()
    for label, nodes in kernels.items():
        members = sorted(known.intersection(nodes) - taken, key=lambda node: node.serial)
        if members and (detail or any(parts.part[node] is not Part.UPDATE for node in members)):
            found.append(Group(tuple(members), label))
            taken.update(members)
    rest = [node for node in graph.nodes if node not in taken]
    found += (
        [Group((node,)) for node in rest]
        if detail
        else [*_blocks(graph, parts, rest), *_updates(parts, rest)]
    )
    return sorted(found, key=_order)


def _order(group: Group) -> tuple[bool, bool, int]:
    """Updates last, of these what they share last."""
    return group.is_update, group.is_update and group.owner is None, group.last.serial


def _updates(parts: Parts, nodes: Iterable[Node]) -> list[Group]:
    """The nodes of each owner's update together, and what several share; leaves alone have no arithmetic."""
    found: dict[Node | None, list[Node]] = {}
    for node in nodes:
        if node in parts.owner:
            found.setdefault(parts.owner[node], []).append(node)
    groups: list[Group] = []
    for owner, members in found.items():
        if all(node.op.has(Trait.LEAF) for node in members):
            groups += [Group((node,)) for node in members]
        else:
            groups.append(Group(tuple(members), "", True, owner))
    return groups


def _blocks(graph: Graph, parts: Parts, nodes: Iterable[Node]) -> list[Group]:
    """Forward and backward nodes in straight-line code.

    A node joins the block of its one reader, so that a block has one value to give away. Outputs, saved
    values and next values end a block: they are what a reader of the picture looks for.
    """
    ends = {*graph.results, *parts.saved}
    free = [node for node in nodes if node not in parts.owner]
    block_of: dict[Node, list[Node]] = {}
    for node in reversed(free):
        readers = set(graph.users[node])
        joins = len(readers) == 1 and node not in ends and not node.op.has(Trait.LEAF)
        block = block_of.get(readers.pop()) if joins else None
        if block is None or len(block) >= LONGEST_BLOCK or parts.part[block[0]] is not parts.part[node]:
            block = []
        block.append(node)
        block_of[node] = block
    # A block is found at each of its nodes; its last node is its first.
    return [Group(tuple(reversed(block_of[node]))) for node in free if block_of[node][0] is node]
