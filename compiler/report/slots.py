"""Where every value of every stage stands: a slot, which is kept through all passes.

    Stage ::= name, kind, graph, schedule if it has one, the record of the pass that made it
    Slot  ::= the states of one value, from the stage at which it is born to that at which it is gone
    State ::= from which stage on, the node that stands there, and the slots of its operands

What a pass changes keeps its slot, as `Record.became` has it. Of several values that become one, the one that
is still the same or called the same keeps its slot, and the others are gone into it. What is new has a slot
of its own, beside that of what it replaces.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.pipeline.contract import Record
from compiler.schedule.schedule import Schedule

NOWHERE = -1
"""In place of the slot into which a value is merged, for one that is no longer needed."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What there is after a pass; the first is the source graph, the last the kernels as they run."""

    name: str
    kind: str
    """`source`, `rewrite`, `schedule` or `kernels`."""
    graph: Graph
    schedule: Schedule | None = None
    record: Record | None = None


@dataclass(frozen=True, slots=True)
class State:
    """What stands in a slot from a stage on."""

    stage: int
    node: Node
    reads: tuple[int, ...]


@dataclass(slots=True)
class Slot:
    """One value through all stages."""

    number: int
    states: list[State]
    beside: int = NOWHERE
    """The slot of what it replaces, for one that a pass has made."""
    gone: int | None = None
    """The first stage that has it no more."""
    into: int = NOWHERE
    """The slot into which it is merged."""

    @property
    def first(self) -> Node:
        return self.states[0].node

    @property
    def born(self) -> int:
        return self.states[0].stage


@dataclass(slots=True)
class Slots:
    """All slots, and the slot of every node of every stage."""

    stages: tuple[Stage, ...]
    all: list[Slot] = field(default_factory=list[Slot])
    of: dict[Node, int] = field(default_factory=dict[Node, int])

    def standing(self, nodes: Iterable[Node]) -> list[int]:
        """The slots of nodes, without those that no stage has."""
        return [self.of[node] for node in nodes if node in self.of]


def stages_of(source: Graph, history: Sequence[Record], schedule: Schedule) -> tuple[Stage, ...]:
    """The source graph, what each pass made of it, and the kernels."""
    found = [Stage("source", "source", source)]
    for record in history:
        is_graph = isinstance(record.after, Graph)
        scheduled = None if isinstance(record.after, Graph) else record.after
        kind = "rewrite" if is_graph else "schedule"
        found.append(Stage(record.name, kind, record.graph, scheduled, record))
    found.append(Stage("kernels", "kernels", schedule.graph, schedule))
    return tuple(found)


def slots_of(stages: Sequence[Stage]) -> Slots:
    """The slots of all stages. Linear in the nodes of all stages."""
    slots = Slots(tuple(stages))
    for node in stages[0].graph.nodes:
        _add(slots, node, 0, NOWHERE)
    for number, stage in enumerate(stages):
        record = stage.record
        if record is not None and record.changed and stage.kind == "rewrite":
            before = record.before if isinstance(record.before, Graph) else record.before.graph
            _follow(slots, number, before, record.graph, record.became)
    return slots


def _add(slots: Slots, node: Node, stage: int, beside: int) -> None:
    number = len(slots.all)
    slots.of[node] = number
    slots.all.append(Slot(number, [State(stage, node, _reads(slots, node))], beside))


def _reads(slots: Slots, node: Node) -> tuple[int, ...]:
    return tuple(slots.of[operand] for operand in node.operands)


def slots_between(left: Stage, right: Stage, pairs: Mapping[Node, Node]) -> Slots:
    """The slots of two graphs whose nodes are matched: matched ones stand in one."""
    slots = Slots((left, right))
    for node in left.graph.nodes:
        _add(slots, node, 0, NOWHERE)
    _follow(slots, 1, left.graph, right.graph, pairs)
    return slots


def _follow(slots: Slots, number: int, before: Graph, after: Graph, became: Mapping[Node, Node]) -> None:
    keepers = _keepers(before, after, became)
    made_for = _made_for(after, keepers)
    for node in after.nodes:
        keeper = keepers.get(node)
        if keeper is None:
            host = made_for.get(node)
            _add(slots, node, number, _beside(slots, node) if host is None else slots.of[host])
        else:
            slots.of[node] = slots.of[keeper]
    for old in before.nodes:
        new = became.get(old)
        slot = slots.all[slots.of[old]]
        if new is None or slots.of[new] != slot.number:
            slot.gone, slot.into = number, NOWHERE if new is None else slots.of[new]
    for new, keeper in keepers.items():
        _change(slots, number, keeper, new)


def _keepers(before: Graph, after: Graph, became: Mapping[Node, Node]) -> dict[Node, Node]:
    """For each node of the graph after that old ones became, the one whose slot it keeps."""
    names = after.names.values
    found: dict[Node, tuple[int, Node]] = {}
    for old in before.nodes:
        new = became.get(old)
        if new is None:
            continue
        rank = 0 if new is old else 1 if names.get(old) == names.get(new) else 2
        if new not in found or rank < found[new][0]:
            found[new] = rank, old
    return {new: old for new, (_, old) in found.items()}


def _made_for(after: Graph, keepers: Mapping[Node, Node]) -> dict[Node, Node]:
    """For each new node the old one in whose place its first reader stands, or the reader's reader."""
    found: dict[Node, Node] = {}
    for node in reversed(after.nodes):
        host = keepers.get(node) or found.get(node)
        if host is not None:
            found |= {operand: host for operand in node.operands if operand not in keepers}
    return found


def _beside(slots: Slots, node: Node) -> int:
    """The slot of something that a new node reads, where no old one reads it."""
    return next((slots.of[operand] for operand in node.operands if operand in slots.of), NOWHERE)


def _change(slots: Slots, number: int, old: Node, new: Node) -> None:
    """A new state, unless the node is only made again, or reads the twins of what it read."""
    if new is old:
        return
    slot = slots.all[slots.of[new]]
    last = slot.states[-1]
    reads = _reads(slots, new)
    merged = tuple(_merged(slots, item) for item in last.reads)
    if (new.op, new.type, new.name, reads) != (last.node.op, last.node.type, last.node.name, merged):
        slot.states.append(State(number, new, reads))


def _merged(slots: Slots, number: int) -> int:
    """The slot that stands for one that is gone."""
    while slots.all[number].into != NOWHERE:
        number = slots.all[number].into
    return number
