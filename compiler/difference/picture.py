"""A difference as a picture: both graphs in one, what is the same dimmed and folded away from what is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from compiler.analysis.parts import Part, Parts, parts_of
from compiler.difference.changes import Change, Kind
from compiler.ir.graph import Graph
from compiler.ir.node import Node, make_node
from compiler.ir.op import Trait
from compiler.ir.scope import Path
from compiler.render.arrows import MOST_SAID, arrows_of
from compiler.render.boxes import box_of
from compiler.render.colours import Colouring
from compiler.render.groups import Group
from compiler.render.opening import Folding
from compiler.render.picture import Arrow, ArrowRole, Box, Column, Flags, Picture
from compiler.render.view import View

if TYPE_CHECKING:
    from compiler.difference.difference import Difference

_ADDED, _REMOVED, _CHANGED = "#CBEFD5", "#F9D0CB", "#FFE9A8"
_LEGEND: Final = ((_ADDED, "+ added"), (_REMOVED, "- removed"), (_CHANGED, "~ changed"))


def difference_picture(difference: Difference) -> Picture:
    """The right graph with what only the left one has beside it.

    What is added, removed or changed has a box of its own, by sign and colour, and so has what stands next to
    it. All else is dimmed: a part of the model in which nothing differs is one box, and so is what is left of
    the others. Where that is more than anybody can read, parts that differ are folded too, and say how many
    nodes of theirs do. A dotted arrow is a value that is no longer read.
    """
    both = _Both(difference)
    near = both.near()
    groups, shown = _groups(both, near)
    folding = Folding.of(both.graph, both.parts, groups)
    folding.open_around(shown)
    visible, frames = folding.visible()
    visible = [_counted(both, group) for group in visible]
    view = both.view()
    ids = {node: f"n{number}" for number, group in enumerate(visible) for node in group.nodes}
    colouring = Colouring(both.fill, _LEGEND, is_scale=False)
    boxes = [_dimmed(box_of(view, group, ids[group.last], colouring)) for group in visible]
    arrows = [*arrows_of(view, visible, ids), *_gone(both, ids)]
    occurring = {box.column for box in boxes}
    columns = tuple(Column(part.value, part.value) for part in Part if part.value in occurring)
    title = " against ".join(difference.names)
    fills = colouring.occurring({box.fill for box in boxes})
    return Picture(columns, tuple(boxes), tuple(arrows), title, frames, fills)


class _Union(Graph):
    """A graph with nodes of another beside its own, each in the part in which it is there.

    Parts of two models that are called the same are one here, and not two uses of one name.
    """

    __slots__ = ("_paths",)

    def __init__(
        self, nodes: tuple[Node, ...], of: Graph, given: Mapping[Node, str], paths: dict[Node, Path]
    ) -> None:
        super().__init__(nodes, of.inputs, of.outputs, of.updates, given=given)
        self._paths = paths

    @property
    def scopes(self) -> dict[Node, Path]:  # pyright: ignore[reportIncompatibleVariableOverride]  # never changes
        """The parts that the nodes have in their own graphs."""
        return self._paths


class _Both:
    """One graph of all nodes: those on the right, then those that only the left has, over counterparts."""

    def __init__(self, difference: Difference) -> None:
        left, right = difference.left, difference.right
        self.difference = difference
        self.now: dict[Node, Node] = dict(difference.pairs)
        removed = [node for node in left.nodes if node not in difference.pairs]
        for node in removed:
            operands = [self.now[operand] for operand in node.operands]
            self.now[node] = make_node(node.op, operands, node.name, node.origin, type=node.type)
        self.removed = {self.now[node] for node in removed}
        self.changes = _by_node(difference.changes)
        taken = set(right.names.values.values())
        given = {node: right.names.values[node] for node in right.nodes}
        for node in removed:
            name = left.names.values[node]
            given[self.now[node]] = f"{name}~before" if name in taken else name
        nodes = (*right.nodes, *(self.now[node] for node in removed))
        paths = dict(right.scopes) | {self.now[node]: left.scopes[node] for node in removed}
        self.graph = _Union(nodes, right, given, paths)
        self.parts = self._parts(removed)

    def _parts(self, removed: Sequence[Node]) -> Parts:
        """Of nodes that only the left has, what they were there."""
        ours, theirs = parts_of(self.difference.left), parts_of(self.difference.right)
        part = dict(theirs.part) | {self.now[node]: ours.part[node] for node in removed}
        owner = dict(theirs.owner)
        for node in removed:
            if node in ours.owner:
                of = ours.owner[node]
                owner[self.now[node]] = None if of is None else self.now[of]
        saved = theirs.saved | {self.now[node] for node in ours.saved if self.now[node] in self.removed}
        return Parts(part, frozenset(saved), owner)

    def places(self) -> dict[Node, tuple[int, int]]:
        """Where each node stands: on the right, or behind what stood before it on the left."""
        found = {node: (place, 0) for place, node in enumerate(self.difference.right.nodes)}
        last = (-1, 0)
        for node in self.difference.left.nodes:
            here = self.now[node]
            if here in self.removed:
                found[here] = last[0], last[1] + 1
            last = found[here]
        return found

    def near(self) -> set[Node]:
        """What differs, and what it reads or is read by."""
        marked = {node for node in self.graph.nodes if self.differs(node)}
        found = set(marked)
        for node in self.graph.nodes:
            if node in marked:
                found.update(node.operands)
            elif any(operand in marked for operand in node.operands):
                found.add(node)
        return found

    def differs(self, node: Node) -> bool:
        return node in self.removed or node in self.changes

    def label(self, node: Node) -> str:
        """The sign of what has become of a node, and in which ways."""
        if node in self.removed:
            return "- removed"
        kinds = list(dict.fromkeys(change.kind for change in self.changes.get(node, ())))
        if Kind.ADDED in kinds:
            return "+ added"
        return f"~ {', '.join(kind.value for kind in kinds)}" if kinds else ""

    def fill(self, nodes: Sequence[Node]) -> str:
        """The colour of a box: of one node by its sign, of several that something differs."""
        signs = {self.label(node)[:1] for node in nodes} - {""}
        sign = signs.pop() if len(signs) == 1 and len(nodes) == 1 else "~" if signs else ""
        return {"+": _ADDED, "-": _REMOVED, "~": _CHANGED}.get(sign, "")

    def view(self) -> View:
        """With what changed in words beside what differs."""
        marks = {
            node: "; ".join(change.sentence.partition(": ")[2] or change.sentence for change in changes)
            for node, changes in self.changes.items()
            if node not in self.removed and not any(change.kind is Kind.ADDED for change in changes)
        }
        updated: dict[Node, list[Node]] = {}
        for parameter, value in self.graph.updates:
            updated.setdefault(value, []).append(parameter)
        outputs = frozenset(self.graph.outputs)
        return View(self.graph, self.graph.names, self.parts, updated, marks, outputs, self.parts.saved)


def _by_node(changes: Iterable[Change]) -> dict[Node, list[Change]]:
    """What is said of each node on the right. Results are nodes that the graphs return instead of others."""
    found: dict[Node, list[Change]] = {}
    for change in changes:
        if change.right is not None:
            found.setdefault(change.right, []).append(change)
    return found


def _groups(both: _Both, near: set[Node]) -> tuple[list[Group], list[int]]:
    """A box for each node that differs or is next to one, and one for the rest of each part of the model.

    In the order of the right graph, what is gone behind what stood before it. Also the places of the former.
    """
    groups: list[Group] = []
    rest: dict[tuple[Path, Part], list[Node]] = {}
    for node in both.graph.nodes:
        if node in near:
            groups.append(Group((node,), both.label(node)))
        else:
            rest.setdefault((_home(both, node), both.parts.part[node]), []).append(node)
    for (_, part), nodes in rest.items():
        is_update = part is Part.UPDATE
        owners = dict.fromkeys(both.parts.owner.get(node) for node in nodes) if is_update else {}
        owned = tuple(node for node in owners if node is not None)
        groups.append(Group(tuple(nodes), "unchanged", is_update, owned, is_folded=True))
    place = both.places()
    groups.sort(key=lambda group: min(place[node] for node in _computing(group.nodes)))
    return groups, [number for number, group in enumerate(groups) if group.nodes[0] in near]


def _counted(both: _Both, group: Group) -> Group:
    """What is folded says how much of it differs."""
    signs = Counter(both.label(node)[:1] for node in group.nodes)
    said = "  ".join(f"{sign}{signs[sign]}" for sign in "+-~" if signs[sign])
    return replace(group, label=f"{group.label}  {said}") if group.is_folded and said else group


def _computing(nodes: Sequence[Node]) -> Sequence[Node]:
    """Without leaves, which may be made long before they are read."""
    return [node for node in nodes if not node.op.has(Trait.LEAF)] or nodes


def _home(both: _Both, node: Node) -> Path:
    """The scope of a node: of an update that of its parameter, of that, made in none, of its first reader."""
    node = both.parts.owner.get(node) or node
    path, readers = both.graph.scopes[node], both.graph.users[node]
    return both.graph.scopes[readers[0]] if not path and node.op.has(Trait.LEAF) and readers else path


def _dimmed(box: Box) -> Box:
    return box if box.fill else replace(box, flags=box.flags | Flags.SAME)


def _gone(both: _Both, ids: Mapping[Node, str]) -> Iterator[Arrow]:
    """Arrows to what is still there from what it no longer reads, one from box to box."""
    names = both.graph.names.values
    hints: dict[tuple[str, str], list[str]] = {}
    for old, new in both.difference.pairs.items():
        for operand in dict.fromkeys(old.operands):
            tail = both.now[operand]
            if tail not in new.operands and ids[tail] != ids[new]:
                hints.setdefault((ids[tail], ids[new]), []).append(f"{names[tail]} : {tail.type}")
    for (tail, head), said in hints.items():
        more = [f"and {len(said) - MOST_SAID} more"] if len(said) > MOST_SAID else []
        yield Arrow(tail, head, ArrowRole.GONE, "", "\n".join(said[:MOST_SAID] + more))
