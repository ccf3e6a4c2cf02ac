"""Why a value is computed as it is: what each pass did with it, where it is computed, and where it lives."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from compiler.backends.contract import Slow
from compiler.ir.finding import image, stages, trail
from compiler.ir.graph import Graph
from compiler.ir.node import Node, is_gradient
from compiler.ir.printing import print_node
from compiler.pipeline.contract import Record
from compiler.pipeline.telling import bare
from compiler.rewrite.refusal import Reason
from compiler.schedule.finding import find
from compiler.schedule.plan import Place, Plan
from compiler.schedule.schedule import Kernel, Schedule
from compiler.why.cause import Cause


@dataclass(frozen=True, slots=True)
class Why:
    """What became of a value, or why a kernel is as it is.

    `images` are the nodes of the final graph that stand for the value, one or none, or the kernel's members.
    """

    what: Node | Kernel
    title: str
    images: tuple[Node, ...]
    lines: tuple[str, ...]
    """The images as lines of the final graph."""
    kernels: tuple[int, ...]
    """The kernels that compute the images."""
    fused_with: tuple[Node, ...]
    """What else those kernels compute."""
    in_place_of: tuple[Node, ...]
    """Operands whose buffers the images are written over."""
    places: tuple[Place | None, ...]
    """Where each image lives; None for one that never leaves its kernel."""
    read_by_backward: bool
    decisions: tuple[Cause, ...]
    is_exact: bool
    """Whether every pass kept account of what became of the value; else an image is a guess."""
    over: tuple[str, ...]
    """`in_place_of` in words."""
    together: tuple[str, ...] = ()
    """`fused_with` by name."""
    slow: tuple[Slow, ...] = ()
    """Why those of the kernels that are on a slow path are, and what would take them off it."""

    @property
    def node(self) -> Node | None:
        """The value that was asked about; None for a kernel."""
        return self.what if isinstance(self.what, Node) else None

    @property
    def is_fused(self) -> bool:
        """Whether another node is computed in the same kernel."""
        return bool(self.fused_with) or (isinstance(self.what, Kernel) and len(self.images) > 1)

    def to_dict(self) -> dict[str, Any]:
        """The answer, with names, lines and places as text."""
        return {
            "title": self.title,
            "images": [
                {"line": line, "place": None if place is None else str(place)}
                for line, place in zip(self.lines, self.places, strict=True)
            ],
            "kernels": list(self.kernels),
            "fused_with": list(self.together),
            "in_place_of": list(self.over),
            "read_by_backward": self.read_by_backward,
            "is_exact": self.is_exact,
            "slow": [item.to_dict() for item in self.slow],
            "decisions": [item.to_dict() for item in self.decisions],
        }

    def __str__(self) -> str:
        rows = [self.title]
        if not self.images:
            rows.append("  is not in the final graph: folded, merged or not needed")
        elif not self.is_exact:
            rows.append("  a pass that kept no account made the graph again: what follows is a guess")
        for line, place in zip(self.lines, self.places, strict=True):
            rows.append(f"  {line}")
            rows.append(f"    lives: {place if place is not None else 'in its kernel only'}")
        if self.kernels and isinstance(self.what, Node):
            count = len(self.fused_with)
            joined = f"fused with {count} other node{'s' * (count != 1)}" if count else "alone"
            rows.append(f"  kernel {', '.join(map(str, self.kernels))}, {joined}")
        rows += [f"  written in place of {text}" for text in self.over]
        rows += ["  saved: a backward node reads it"] * self.read_by_backward
        rows += [f"  {line}" for item in self.slow for line in str(item).splitlines()]
        rows += [f"  {line}" for line in self._told()]
        return "\n".join(rows)

    __repr__ = __str__

    def _told(self) -> list[str]:
        """What was done, each by itself; what was refused, each reason once, with whom."""
        groups: dict[tuple[str, Reason | None, object], list[Cause]] = {}
        for item in self.decisions:
            alike = item.sentence if item.reason is None else None
            groups.setdefault((item.maker, item.reason, alike), []).append(item)
        return [str(items[0]) if len(items) == 1 else _several(items) for items in groups.values()]


def _several(items: Sequence[Cause]) -> str:
    """Decisions of one kind as one."""
    first = items[0]
    is_one = len({item.sentence for item in items}) == 1
    sentence = first.sentence if is_one or first.reason is None else first.reason.value
    names = dict.fromkeys(name for item in items for name in item.names)
    return str(replace(first, sentence=sentence, names=tuple(names)))


def why(what: Any, plan: Plan, history: Sequence[Record], slow: Sequence[Slow] = ()) -> Why:
    """What became of a value of any graph in the history, or why a kernel is as it is.

    `what` is a tensor, a node, a name or number of any view, a kernel or its name; `slow` are the kernels of
    which the backend says that they are. Raises ArgumentError.
    """
    schedule = plan.schedule
    found = find(schedule, what)
    asked = _value(found, schedule) if isinstance(found, Node) else _kernel(found, schedule)
    names = schedule.graph.names
    kernels = sorted({schedule.kernel_of[item] for item in asked.images if item in schedule.kernel_of})
    members = [item for place in kernels for item in schedule.kernels[place].members]
    marks = {item: old for place in kernels for item, old in schedule.kernels[place].in_place.items()}
    others = [item for item in members if item not in asked.images]
    given = tuple(marks[item] for item in asked.images if item in marks)
    return Why(
        what=asked.what,
        title=asked.title,
        images=asked.images,
        lines=tuple(print_node(item, names) for item in asked.images),
        kernels=tuple(kernels),
        fused_with=tuple(others),
        in_place_of=given,
        places=tuple(plan.places.get(item) for item in asked.images),
        read_by_backward=_is_read_by_backward(asked.images, schedule.graph),
        decisions=tuple(_decisions(asked.family, history)),
        is_exact=found in asked.images or all(item.is_exact for item in history),
        over=tuple(map(names.describe, given)),
        together=tuple(names.values[item] for item in others),
        slow=tuple(item for item in slow if item.kernel in kernels),
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked about, what stands for it in the final graph, and all that it has been."""

    what: Node | Kernel
    title: str
    images: tuple[Node, ...]
    family: frozenset[Node]


def _value(node: Node, schedule: Schedule) -> _Asked:
    graph = schedule.graph
    now = image(graph, node)
    images = () if now is None else (now,)
    return _Asked(node, graph.names.describe(node), images, frozenset(trail(graph, node)))


def _kernel(number: int, schedule: Schedule) -> _Asked:
    kernel = schedule.kernels[number]
    family = set(kernel.members)
    for stage in reversed(stages(schedule.graph)):
        if stage.lineage is not None:
            family.update(old for old, new in stage.lineage.became.items() if new in family)
    count = len(kernel.members)
    title = f"kernel {number}, {count} node{'s' * (count != 1)}"
    return _Asked(kernel, title, kernel.members, frozenset(family))


def _is_read_by_backward(images: Sequence[Node], graph: Graph) -> bool:
    """Whether a forward value is an operand of a node that `grad` made."""
    return any(is_gradient(user) for item in images if not is_gradient(item) for user in graph.users[item])


def _decisions(family: Collection[Node], history: Sequence[Record]) -> list[Cause]:
    found: list[Cause] = []
    for record in history:
        values = record.graph.names.values
        made = [(None, action.nodes, action.sentence) for action in record.report.actions]
        refused = [(item.reason, item.nodes, item.sentence) for item in record.report.refusals]
        for reason, nodes, sentence in (*made, *refused):
            if any(node in family for node in nodes):
                known = tuple(values[node] for node in nodes if node in values)
                found.append(Cause(record.name, reason, bare(sentence, nodes), nodes, known))
    return list(dict.fromkeys(found))
