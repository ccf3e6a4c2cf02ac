"""Draws random numbers again where they are read far from each other, so that nobody keeps them.

    op bits(key, i) = random32(key, i)                    op bits(key, i) = random32(key, i)
    %k = input : i64[]                                    %k = input : i64[]
    %x = input : f32[n]                                   %x = input : f32[n]
    %r[i] = bits(%k[], i) : i32[n]                        %r[i] = bits(%k[], i) : i32[n]
    %y = mul(%x, %r) : f32[n]                             %y = mul(%x, %r) : f32[n]
    %s = cumsum(%y, axis=0, reverse=false) : f32[n] ->    %s = cumsum(%y, axis=0, reverse=false) : f32[n]
    %z = mul(%s, %r) : f32[n]                             %0[i] = bits(%k[], i) : i32[n]
    return %z                                             %z = mul(%s, %0) : f32[n]
                                                          return %z

A draw is a map of a key and of the place of each element: it reads no memory, and gives the same bits again.
Where what reads it is a map as well, both are one kernel; so a mask that the forward and the backward pass
read takes no memory. Readers are near each other where as many contractions, moves and walks lie before them;
between others kernels run that cannot be joined. A gradient is near no value of the forward pass; should both
be members of one kernel, that draws once. What is returned, or read by something other than a map or a
reduction, is in memory anyway.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from compiler.analysis.draws import DRAWN_AGAIN, draws_of
from compiler.ir.graph import Graph
from compiler.ir.node import Node, describe, is_gradient
from compiler.ir.op import MapReduce, Trait
from compiler.pipeline.contract import Action, ByValue, Report
from compiler.rewrite.refusal import Reason, Refusal
from compiler.rewrite.sweep import origin_of, sweep, with_operands
from compiler.schedule.target import Target

MOST_PLACES: Final = 4
"""Places at which one draw is made: a draw takes as long as a hundred additions."""


Place: TypeAlias = tuple[int, bool]
"""How many barriers lie before a node, on the way on which most do, and whether it is a gradient."""


@dataclass(frozen=True, slots=True, eq=False)
class Recompute(ByValue):
    """Makes each draw at most `most_places` times rather than to keep it."""

    most_places: int = MOST_PLACES

    @property
    def name(self) -> str:
        return "recompute"

    def rewrite(self, graph: Graph, target: Target) -> tuple[Graph, Report]:
        """The graph with draws where they are read."""
        return recompute(graph, self.most_places)


def recompute(graph: Graph, most_places: int = MOST_PLACES) -> tuple[Graph, Report]:
    """The graph in which draws are made again for readers that lie apart."""
    draws = draws_of(graph)
    if not draws:
        return graph, Report()
    work = _Recomputing(graph, draws, most_places)
    return sweep(graph, work.visit), Report(tuple(work.actions), tuple(work.refusals))


@dataclass(slots=True)
class _Recomputing:
    graph: Graph
    draws: Sequence[Node]
    most_places: int
    where: dict[Node, Place] = field(init=False)
    places: dict[Node, list[Place]] = field(init=False)
    """For each draw that may be made again the places of what reads it, ascending."""
    made: dict[tuple[Node, Place], Node] = field(default_factory=dict[tuple[Node, Place], Node])
    """What stands for a draw at a place."""
    actions: list[Action] = field(default_factory=list[Action])
    refusals: list[Refusal] = field(default_factory=list[Refusal])

    def __post_init__(self) -> None:
        self.where = _places(self.graph)
        self.places = {}
        for node in reversed(self.draws):
            found = self._read_at(node)
            refusal = self._why_not(node, found)
            if refusal is not None:
                self.refusals.append(refusal)
            else:
                self.places[node] = sorted(found)

    def _read_at(self, node: Node) -> set[Place]:
        found: set[Place] = set()
        for user in self.graph.users[node]:
            found.update(self.places.get(user) or [self.where[user]])
        return found

    def _why_not(self, node: Node, found: Collection[Place]) -> Refusal | None:
        users = set(self.graph.users[node])
        if node in self.graph.results and len(found) > 1:
            return Refusal(Reason.RETURNED, (node,), f"{describe(node)} is returned, and read from there")
        for user in users:
            if _is_barrier(user) and len(users) > 1:
                sentence = f"{describe(node)} is read from memory by {describe(user)}"
                return Refusal(Reason.OWN_NEST, (node, user), sentence)
        if len(found) > self.most_places:
            sentence = f"{describe(node)} would be drawn {len(found)} times"
            return Refusal(Reason.NOT_FASTER, (node,), sentence)
        return None

    def visit(self, old: Node, node: Node) -> Node:
        """The node, over what its draws are where it stands; of a draw, what stands at its first place."""
        if old not in self.places:
            return self._at(old, node, self.where[old], is_first=True)
        first, *others = self.places[old] or [self.where[old]]
        found = self.made[old, first] = self._at(old, node, first, is_first=True)
        for place in others:
            self.made[old, place] = self._at(old, node, place, is_first=False)
        if others:
            sentence = f"{describe(old)} is drawn {1 + len(others)} times rather than kept"
            self.actions.append(Action((old,), sentence))
        return found

    def _at(self, old: Node, node: Node, place: Place, *, is_first: bool) -> Node:
        pairs = zip(old.operands, node.operands, strict=True)
        operands = tuple(self.made.get((before, place), after) for before, after in pairs)
        if not is_first:
            return Node(node.op, operands, node.type, None, origin_of(old, "recompute", DRAWN_AGAIN))
        return with_operands(node, operands)


def _is_barrier(node: Node) -> bool:
    """Whether a node ends a kernel of maps: a contraction, a move, a walk, a call."""
    return not node.op.has(Trait.LEAF) and (
        not isinstance(node.op, MapReduce) or node.op.has(Trait.CONTRACTION)
    )


def _places(graph: Graph) -> dict[Node, Place]:
    """The place of each node; as a barrier itself counts as one."""
    found: dict[Node, Place] = {}
    for node in graph.nodes:
        before = max((found[operand][0] for operand in node.operands), default=0)
        found[node] = before + _is_barrier(node), is_gradient(node)
    return found
