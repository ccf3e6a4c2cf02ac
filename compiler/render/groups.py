"""Which nodes are drawn as one box: the arithmetic of a parameter's update, and straight-line code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.op import Trait
from compiler.render.parts import Parts

LONGEST_BLOCK: Final = 8
"""The largest number of lines of straight-line code in one box."""


@dataclass(frozen=True, slots=True)
class Group:
    """Nodes that are drawn as one box, in creation order. The arithmetic of an update has an owner."""

    nodes: tuple[Node, ...]
    is_update: bool = False
    owner: Node | None = None

    @property
    def last(self) -> Node:
        """The node whose value leaves the box (an update's arithmetic has others)."""
        return self.nodes[-1]


def single_groups(graph: Graph) -> list[Group]:
    """Every node alone."""
    return [Group((node,)) for node in graph.nodes]


def collapsed_groups(
    graph: Graph, parts: Parts, frames: Mapping[Node, str], marks: Mapping[Node, str]
) -> list[Group]:
    """One group for the update of each parameter, and blocks of straight-line code.

    A node joins the block of its one reader, so that a block has one value to give away. Outputs, saved
    values, next values and marked nodes end a block: they are what a reader of the picture looks for.
    """
    ends = {*graph.results, *parts.saved, *marks}
    block_of: dict[Node, list[Node]] = {}
    updates: dict[Node | None, list[Node]] = {}
    for node in reversed(graph.nodes):
        if node in parts.owner:
            updates.setdefault(parts.owner[node], []).append(node)
            continue
        block = _block_of_reader(node, graph, parts, frames, block_of) if node not in ends else None
        block_of[node] = [] if block is None else block
        block_of[node].append(node)
    blocks = {id(block): Group(tuple(reversed(block))) for block in block_of.values()}
    steps = [Group(tuple(reversed(nodes)), True, owner) for owner, nodes in updates.items()]
    steps.sort(key=lambda group: (group.owner is None, group.nodes[0].serial))
    return [*sorted(blocks.values(), key=lambda group: group.last.serial), *steps]


def _block_of_reader(
    node: Node, graph: Graph, parts: Parts, frames: Mapping[Node, str], block_of: Mapping[Node, list[Node]]
) -> list[Node] | None:
    """The block that a node can join; None where it starts its own."""
    readers = set(graph.users[node])
    if len(readers) != 1 or node.op.has(Trait.LEAF):
        return None
    (reader,) = readers
    block = block_of.get(reader)
    if block is None or len(block) >= LONGEST_BLOCK or parts.part[reader] is not parts.part[node]:
        return None
    return block if frames.get(reader) == frames.get(node) else None
