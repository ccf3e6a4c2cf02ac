"""Which nodes are drawn as one box: kernels, the arithmetic of a parameter's update, straight-line code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from compiler.analysis.parts import Part, Parts
from compiler.ir.dims import Extent
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.op import Trait
from compiler.ir.printing import print_path
from compiler.ir.scope import Path

LONGEST_BLOCK: Final = 8
"""The largest number of lines of straight-line code in one box."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """Nodes that run together, under a label, and what that takes where somebody knows it."""

    label: str
    nodes: tuple[Node, ...]
    number: int = 0
    """Its place among those that run."""
    bytes_moved: Extent | None = None
    microseconds: float | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Nodes that are drawn as one box, in the order of the graph."""

    nodes: tuple[Node, ...]
    label: str = ""
    """The name of a kernel, or of a folded part of the model."""
    is_update: bool = False
    owners: tuple[Node, ...] = ()
    """The parameters of an update's arithmetic; none where several updates share it."""
    kernels: tuple[Kernel, ...] = ()
    is_folded: bool = False
    """It stands for a part of the model, of which it has what is in one column."""
    frame: str = ""
    inside: Path = ()
    """The part of the model whose frame that is."""
    family: str = ""

    @property
    def last(self) -> Node:
        return self.nodes[-1]


def groups_of(graph: Graph, parts: Parts, kernels: Iterable[Kernel], detail: bool) -> list[Group]:
    """The boxes of a graph, updates last. A kernel is one box, in the order of `kernels`."""
    place = {node: number for number, node in enumerate(graph.nodes)}
    found: list[Group] = []
    taken: set[Node] = set()
    for kernel in kernels:
        members = sorted(place.keys() & set(kernel.nodes) - taken, key=place.__getitem__)
        if members:
            found.append(_kernel(parts, tuple(members), kernel))
            taken.update(members)
    found = _with_state(graph, parts, found)
    taken.update(node for group in found for node in group.nodes)
    rest = [node for node in graph.nodes if node not in taken]
    found += (
        [Group((node,)) for node in rest]
        if detail
        else [*_blocks(graph, parts, rest), *_updates(parts, rest)]
    )
    return sorted(found, key=lambda group: _order(group, place))


def _kernel(parts: Parts, members: tuple[Node, ...], kernel: Kernel) -> Group:
    is_update = all(parts.part[node] is Part.UPDATE for node in members)
    owners = dict.fromkeys(parts.owner[node] for node in members) if is_update else {None: None}
    owned = () if None in owners else tuple(node for node in owners if node is not None)
    return Group(members, kernel.label, is_update, owned, (kernel,))


def _with_state(graph: Graph, parts: Parts, kernels: Iterable[Group]) -> list[Group]:
    """Kernels with the parameters that they alone read and only updates need, such as moments of Adam."""
    state: dict[Node, list[Node]] = {}
    for node in graph.nodes:
        if node.op.has(Trait.LEAF) and parts.part[node] is Part.UPDATE:
            state[node] = list(dict.fromkeys(graph.users[node]))
    found: list[Group] = []
    for group in kernels:
        inside = set(group.nodes)
        read = dict.fromkeys(item for node in group.nodes for item in node.operands if item in state)
        own = tuple(item for item in read if inside.issuperset(state[item]))
        found.append(replace(group, nodes=(*own, *group.nodes)))
    return found


def home_path(graph: Graph, parts: Parts, nodes: Sequence[Node]) -> Path:
    """The part of the model to which nodes that are one box belong: the innermost that has most of them.

    Leaves do not count, nor do the ops of updates beside others.
    """
    computing = [node for node in nodes if not node.op.has(Trait.LEAF)] or nodes
    paths = [graph.scopes[node] for node in computing if parts.part[node] is not Part.UPDATE]
    paths = paths or [graph.scopes[node] for node in computing]
    found: Path = ()
    while True:
        counts = Counter(path[: len(found) + 1] for path in paths if path[: len(found)] == found)
        longer, count = counts.most_common(1)[0]
        if len(longer) == len(found) or 2 * count <= len(paths):
            return found
        found = longer


def short_path(path: Path, around: Path) -> str:
    """A path without that of the frame around it, where names are left that say something."""
    rest = path[len(around) :]
    return print_path(path if not rest or rest[0].isdigit() else rest)


def _order(group: Group, place: Mapping[Node, int]) -> tuple[bool, bool, int]:
    """Updates last, of these what they share last."""
    return group.is_update, group.is_update and not group.owners, place[group.last]


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
            groups.append(Group(tuple(members), "", True, () if owner is None else (owner,)))
    return groups


def _blocks(graph: Graph, parts: Parts, nodes: Iterable[Node]) -> list[Group]:
    """Forward and backward nodes in straight-line code, each block in one part of the model.

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
        if block is None or len(block) >= LONGEST_BLOCK or not _is_alike(graph, parts, block[0], node):
            block = []
        block.append(node)
        block_of[node] = block
    # A block is found at each of its nodes; its last node is its first.
    return [Group(tuple(reversed(block_of[node]))) for node in free if block_of[node][0] is node]


def _is_alike(graph: Graph, parts: Parts, one: Node, other: Node) -> bool:
    return parts.part[one] is parts.part[other] and graph.scopes[one] == graph.scopes[other]
