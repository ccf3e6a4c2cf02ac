"""Which parts of the model are open in a picture: what is inside them is drawn, in a frame; others are boxes.

Unless somebody asks for more or less, whole pictures of up to READABLE boxes have no frames at all. In larger
ones the parts with the most nodes are opened first, alike ones together, as long as there are not more boxes
than that. Alike parts that follow each other are one box where they are many: `x 12`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, Final, TypeAlias

from compiler.analysis.parts import Part, Parts
from compiler.errors import ArgumentError
from compiler.ir.finding import stages
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.op import Input, Trait
from compiler.ir.printing import print_path
from compiler.ir.scope import Path
from compiler.render.folding import Kind, Member, Tree, tree_of
from compiler.render.groups import Group, home_path, short_path
from compiler.render.picture import Frame

READABLE: Final = 80
"""The largest number of boxes that is drawn without being asked for."""

MOST_ALIKE: Final = 4
"""Alike parts in a row that have boxes of their own."""

_NEAR: Final = 6
"""How many names an error offers."""

Visible: TypeAlias = "int | tuple[Tree, ...]"
"""The number of a group, or folded parts that are drawn as one."""


def folded(
    graph: Graph,
    parts: Parts,
    groups: Sequence[Group],
    names: Sequence[str] = (),
    depth: int | None = None,
    is_framed: bool = True,
) -> tuple[list[Group], tuple[Frame, ...]]:
    """The boxes and frames that are visible.

    `names` are parts that are open, `depth` the number of names that a folded part has. Without frames every
    box says in which part it is. Raises ArgumentError for a name that the graph does not have, and for a
    depth below 1.
    """
    if depth is not None and depth < 1:
        raise ArgumentError(f"a picture is folded to parts of 1 name or more, not to {depth!r}")
    if not names and depth is None and len(groups) <= READABLE:
        return list(groups), ()
    folding = Folding.of(graph, parts, groups)
    folding.open_named(names)
    if depth is None:
        folding.open_readable()
    else:
        folding.opened |= {tree.number for tree in folding.trees.values() if len(tree.path) < depth}
    return folding.visible(is_framed)


@dataclass(slots=True)
class Folding:
    """The tree of a picture's groups, and which parts of it are open."""

    parts: Parts
    groups: Sequence[Group]
    root: Tree
    trees: Mapping[Path, Tree]
    inside: Mapping[int, tuple[int, ...]]
    """The groups in each part, by its number, in their order."""
    looks: Mapping[int, Hashable]
    """What is the same for alike parts."""
    places: Mapping[Node, int]
    opened: set[int] = field(default_factory=lambda: {0})

    @classmethod
    def of(cls, graph: Graph, parts: Parts, groups: Sequence[Group]) -> Folding:
        """With nothing open."""
        root = tree_of(_members(graph, parts, groups))
        trees = {tree.path: tree for tree in root.walk()}
        inside: dict[int, list[int]] = {}
        looks: dict[int, Hashable] = {}
        numbers: dict[Hashable, int] = {}
        for tree in reversed(trees.values()):
            here = inside[tree.number] = list[int]()
            look: list[Hashable] = []
            for item in tree.items:
                if isinstance(item, Tree):
                    here += inside[item.number]
                    look.append((item.path[-1], looks[item.number]))
                else:
                    here.append(item)
                    look += [(parts.part[node], node.op.name, str(node.type)) for node in groups[item].nodes]
            looks[tree.number] = numbers.setdefault(tuple(look), len(numbers))
        places = {node: place for place, node in enumerate(graph.nodes)}
        held = {number: tuple(found) for number, found in inside.items()}
        return cls(parts, groups, root, trees, held, looks, places)

    def open_named(self, names: Iterable[str]) -> None:
        """Open parts by their paths, or by the last names of them, and what they are in."""
        for name in names:
            for path in _paths_called(name, self.trees):
                self.opened |= {self.trees[path[:k]].number for k in range(len(path) + 1)}

    def open_readable(self) -> None:
        """Open the largest parts, alike ones together, as long as the picture stays readable.

        Many alike parts stay closed: who opened one would be shown the same again and again.
        """
        many: set[int] = set()
        while True:
            closed = [item for tree in self._open_trees() for item in self._closed(tree)]
            closed = [tree for tree in closed if tree.number not in many]
            if not closed:
                return
            largest = max(closed, key=lambda tree: self._size(tree))
            alike = {tree.number for tree in closed if self._is_alike(tree, largest)}
            if len(alike) > MOST_ALIKE:
                many |= alike
                continue
            before = self.opened
            self.opened = before | alike
            if self._count() > READABLE:
                self.opened = before
                return

    def open_around(self, groups: Iterable[int]) -> None:
        """Open every part that has one of these groups; where that is too much, what can be read."""
        wanted, before = set(groups), self.opened
        self.opened = before | {k for k, inside in self.inside.items() if wanted.intersection(inside)}
        if self._count() > READABLE:
            self.opened = before
            self.open_readable()

    def _is_alike(self, one: Tree, other: Tree) -> bool:
        """Whether parts are opened together: they look alike, or are numbered parts of one."""
        is_numbered = one.parent == other.parent and one.path[-1].isdigit() and other.path[-1].isdigit()
        return is_numbered or self.looks[one.number] == self.looks[other.number]

    def visible(self, is_framed: bool = True) -> tuple[list[Group], tuple[Frame, ...]]:
        """The boxes in their order, and the frames around them; without, boxes are called by whole paths."""
        boxes: list[Group] = []
        frames: list[Frame] = []
        names = {tree.number: tree.path for tree in self.trees.values()}
        for tree in self._open_trees() if is_framed else ():
            if tree.number:
                parent = _id(tree.parent) if tree.parent else ""
                frames.append(Frame(_id(tree.number), short_path(tree.path, names[tree.parent]), parent))
        pending: list[tuple[Tree, Visible | Tree]] = [(self.root, item) for item in self._items(self.root)]
        pending.reverse()
        while pending:
            tree, item = pending.pop()
            if isinstance(item, Tree):
                pending += [(item, inner) for inner in self._items(item)][::-1]
            elif isinstance(item, int):
                frame = tree if is_framed else self.root
                boxes.append(replace(self.groups[item], frame=_id(frame.number), inside=frame.path))
            else:
                boxes += self._folded(tree if is_framed else self.root, item)
        return boxes, tuple(frames)

    def _open_trees(self) -> list[Tree]:
        """Each behind the one that it is in."""
        found = [self.root]
        for tree in found:
            found += [item for item in tree.items if isinstance(item, Tree) and item.number in self.opened]
        return found

    def _closed(self, tree: Tree) -> list[Tree]:
        return [item for item in tree.items if isinstance(item, Tree) and item.number not in self.opened]

    def _items(self, tree: Tree) -> list[Visible | Tree]:
        """What stands in an open part: groups, open parts, and folded ones, alike ones together."""
        found: list[Visible | Tree] = []
        for look, run in groupby(tree.items, key=self._look):
            items = list(run)
            closed = tuple(item for item in items if isinstance(item, Tree))
            if look is None:
                found += items
            elif len(closed) > MOST_ALIKE:
                found.append(closed)
            else:
                found += [(item,) for item in closed]
        return found

    def _look(self, item: int | Tree) -> Hashable:
        """What is the same for folded parts that are alike; None for anything else."""
        if not isinstance(item, Tree) or item.number in self.opened:
            return None
        return self.looks[item.number]

    def _shown(self, tree: Tree) -> list[Visible]:
        return [item for item in self._items(tree) if not isinstance(item, Tree)]

    def _count(self) -> int:
        return sum(self._boxes(item) for tree in self._open_trees() for item in self._shown(tree))

    def _boxes(self, item: Visible) -> int:
        return 1 if isinstance(item, int) else len({self._part(k) for k in self._inside(item)})

    def _size(self, tree: Tree) -> int:
        return sum(len(self.groups[k].nodes) for k in self.inside[tree.number])

    def _inside(self, trees: Iterable[Tree]) -> list[int]:
        return [k for tree in trees for k in self.inside[tree.number]]

    def _part(self, number: int) -> Part:
        group = self.groups[number]
        return Part.UPDATE if group.is_update else self.parts.part[group.last]

    def _folded(self, frame: Tree, trees: tuple[Tree, ...]) -> list[Group]:
        """A box for each column; what would stand alone in one stays as it is."""
        found: list[Group] = []
        place: dict[str, Any] = {
            "frame": _id(frame.number), "inside": frame.path, "family": _id(trees[0].number)
        }  # fmt: skip
        titles = [short_path(tree.path, frame.path) for tree in trees]
        label = titles[0] if len(titles) == 1 else f"{titles[0]} ... {titles[-1]}  x {len(titles)}"
        for part in Part:
            inside = [self.groups[k] for k in self._inside(trees) if self._part(k) is part]
            if len(inside) == 1 and not inside[0].is_folded:
                found.append(replace(inside[0], **place))
            elif len(inside) == 1:
                found.append(replace(inside[0], label=label, **place))
            elif inside:
                nodes = sorted(
                    (node for group in inside for node in group.nodes), key=self.places.__getitem__
                )
                owners = tuple(node for group in inside for node in group.owners)
                kernels = tuple(kernel for group in inside for kernel in group.kernels)
                is_update = part is Part.UPDATE
                found.append(Group(tuple(nodes), label, is_update, owners, kernels, True, **place))
        return found


def _id(number: int) -> str:
    """What a frame is called in a picture; the root has none."""
    return f"f{number}" if number else ""


def _paths_called(name: str, trees: Mapping[Path, Tree]) -> list[Path]:
    """The part of a path, or all whose last names are these. Raises ArgumentError where there is none."""
    texts = {print_path(path): path for path in trees if path}
    if name in texts:
        return [texts[name]]
    found = [path for text, path in texts.items() if text.endswith(f".{name}")]
    if found:
        return found
    from difflib import get_close_matches  # only an error needs it

    near = get_close_matches(name, texts, _NEAR) or sorted(texts, key=lambda text: len(texts[text]))[:_NEAR]
    more = f", ... ({len(texts)})" if len(texts) > len(near) else ""
    there = f"there are {', '.join(near)}{more}" if near else "nothing in this graph has a scope (`tt.scope`)"
    raise ArgumentError(f"no part of this graph is called {name!r}; {there}")


def _members(graph: Graph, parts: Parts, groups: Sequence[Group]) -> list[Member]:
    """Groups as what folds: a leaf before its first reader, gradients and updates beside what they are of."""
    group_of = {node: number for number, group in enumerate(groups) for node in group.nodes}
    now = _descendants(graph)
    members: list[Member] = []
    for number, group in enumerate(groups):
        reads = dict.fromkeys(group_of[item] for node in group.nodes for item in node.operands)
        kind, of = Kind.PLAIN, None
        if parts.part[group.last] is Part.UPDATE:
            owner = group.owners[0] if group.owners else parts.owner.get(group.last)
            kind, of = (Kind.PLAIN, None) if owner is None else (Kind.UPDATE, group_of[owner])
        elif len(group.nodes) == 1 and group.last.op.has(Trait.LEAF):
            kind = Kind.INPUT if isinstance(group.last.op, Input) else Kind.LEAF
        elif parts.part[group.last] is Part.BACKWARD:
            kind, of = Kind.GRADIENT, _beside(group, parts, group_of, now)
        path = home_path(graph, parts, group.nodes)
        members.append(Member(path, tuple(k for k in reads if k != number), kind, of))
    return members


def _beside(group: Group, parts: Parts, group_of: Mapping[Node, int], now: Mapping[Node, Node]) -> int | None:
    """The forward group that a backward one is the gradient of."""
    for node in group.nodes:
        of = node.origin.of
        while of is not None:
            here = now.get(of, of)
            if parts.part.get(here) is Part.FORWARD:
                return group_of[here]
            of = of.origin.of
    return None


def _descendants(graph: Graph) -> dict[Node, Node]:
    """What stands now for each node of the graphs from which a graph was made."""
    now = {node: node for node in graph.nodes}
    for after in reversed(stages(graph)):
        if after.lineage is not None:
            now |= {old: now[new] for old, new in after.lineage.became.items() if new in now}
    return now
