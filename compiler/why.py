"""Why a value is computed as it is: what each pass did with it, where it is computed, and where it lives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from compiler.ir.graph import Graph
from compiler.ir.node import Node, describe
from compiler.ir.printing import names_of, print_node
from compiler.pipeline.contract import Record
from compiler.rewrite.refusal import Reason
from compiler.schedule.plan import Place, Plan
from compiler.schedule.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Decision:
    """One thing that a pass did (`reason` is None) or refused to do, with the nodes concerned."""

    maker: str
    reason: Reason | None
    nodes: tuple[Node, ...]
    sentence: str
    names: tuple[str, ...] = ()
    """Those of the nodes in the final graph, of a scheduling pass."""

    def __str__(self) -> str:
        code = f"{self.reason.name}, " if self.reason else ""
        names = f" ({', '.join(self.names)})" if self.names else ""
        return f"{self.maker}: {code}{self.sentence}{names}"


@dataclass(frozen=True, slots=True)
class Why:
    """What became of a node. `images` are the nodes of the final graph that stand for it, if any."""

    node: Node
    images: tuple[Node, ...]
    lines: tuple[str, ...]
    """The images as lines of the final graph."""
    kernels: tuple[int, ...]
    """The kernels that compute the images."""
    fused_with: tuple[Node, ...]
    in_place_of: tuple[Node, ...]
    """Operands whose buffers the images are written over."""
    places: tuple[Place | None, ...]
    """Where each image lives; None for one that never leaves its kernel."""
    read_by_backward: bool
    decisions: tuple[Decision, ...]

    @property
    def is_fused(self) -> bool:
        """Whether another node is computed in the same kernel."""
        return bool(self.fused_with)

    def __str__(self) -> str:
        rows = [f"{describe(self.node)}"]
        if not self.images:
            rows.append("  is not in the final graph: folded, merged or not needed")
        for line, place in zip(self.lines, self.places, strict=True):
            rows.append(f"  {line}")
            rows.append(f"    lives: {place if place is not None else 'in its kernel only'}")
        if self.kernels:
            count = len(self.fused_with)
            joined = f"fused with {count} other node{'s' * (count != 1)}" if count else "alone"
            rows.append(f"  kernel {', '.join(map(str, self.kernels))}, {joined}")
        rows += [f"  written in place of {describe(node)}" for node in self.in_place_of]
        rows += ["  saved: a backward node reads it"] * self.read_by_backward
        rows += [f"  {decision}" for decision in self.decisions]
        return "\n".join(rows)

    __repr__ = __str__


def why(node: Node, source: Graph, plan: Plan, history: Sequence[Record]) -> Why:
    """What became of a node of the source graph, or of any graph in the history."""
    family = _family(node, history)
    schedule = plan.schedule
    images = tuple(item for item in schedule.graph.nodes if item in family)
    names = names_of(schedule.graph)
    kernels = sorted({schedule.kernel_of[item] for item in images if item in schedule.kernel_of})
    members = [item for place in kernels for item in schedule.kernels[place].members]
    given = [
        schedule.kernels[schedule.kernel_of[item]].in_place.get(item)
        for item in images
        if item in schedule.kernel_of
    ]
    return Why(
        node=node,
        images=images,
        lines=tuple(print_node(item, names) for item in images),
        kernels=tuple(kernels),
        fused_with=tuple(item for item in members if item not in family),
        in_place_of=tuple(item for item in given if item is not None),
        places=tuple(plan.places.get(item) for item in images),
        read_by_backward=_is_read_by_backward(images, schedule.graph),
        decisions=tuple(_decisions(family, history)),
    )


def _family(node: Node, history: Sequence[Record]) -> set[Node]:
    """The node and everything that passes made to stand for it.

    What a pass made says so in its origin; what was only made again over new operands has the old origin.
    """
    family = {node}
    for record in history:
        if not isinstance(record.after, Graph) or not isinstance(record.before, Graph) or not record.changed:
            continue
        known = set(record.before.nodes)
        again = {_signature(item) for item in family}
        for item in record.after.nodes:
            is_made_for = item.origin.maker == record.name and item.origin.of in family
            if item not in known and (is_made_for or _signature(item) in again):
                family.add(item)
    return family


def _signature(node: Node) -> tuple[int, str, str]:
    return id(node.origin), node.op.name, str(node.type)


def _is_read_by_backward(images: Sequence[Node], graph: Graph) -> bool:
    """Whether a forward value is an operand of a node that `grad` made."""
    return any(
        _maker(user) == "grad" for item in images if _maker(item) != "grad" for user in graph.users[item]
    )


def _maker(node: Node) -> str:
    """Who made the node first: passes hand on the nodes that they replace."""
    seen = node
    while seen.origin.maker not in ("user", "grad") and seen.origin.of is not None:
        seen = seen.origin.of
    return seen.origin.maker


def _decisions(family: set[Node], history: Sequence[Record]) -> list[Decision]:
    found: list[Decision] = []
    for record in history:
        names: Mapping[Node, str] = {}
        if isinstance(record.before, Schedule):
            names = names_of(record.before.graph).values
        made = [(None, action.nodes, action.sentence) for action in record.report.actions]
        refused = [(item.reason, item.nodes, item.sentence) for item in record.report.refusals]
        for reason, nodes, sentence in (*made, *refused):
            if not family.isdisjoint(nodes):
                known = tuple(names[node] for node in nodes if node in names)
                found.append(Decision(record.name, reason, nodes, sentence, known))
    return found
