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
read takes no memory. Each reader has a draw of its own; where they are many, those share one before which as
many contractions, moves and walks lie, since others are in other kernels. A native kernel makes one of equal
draws. What is returned, or read by something other than a map or a reduction, is in memory anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from compiler.analysis.draws import DRAWN_AGAIN, draws_of
from compiler.ir.graph import Graph
from compiler.ir.node import Node, describe
from compiler.ir.op import MapReduce, Trait
from compiler.pipeline.contract import Action, ByValue, Report
from compiler.rewrite.refusal import Reason, Refusal
from compiler.rewrite.sweep import origin_of, sweep, with_operands
from compiler.schedule.target import Target

MOST_PLACES: Final = 4
"""Places at which one draw is made: a draw takes as long as a hundred additions."""


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
    position: dict[Node, int] = field(init=False)
    depths: list[int] = field(init=False)
    """By position how many barriers lie before a node, on the way on which most do; itself counts as one."""
    places: dict[Node, list[list[int]]] = field(default_factory=dict[Node, list[list[int]]])
    """For each draw that may be made again the positions of its readers, in groups that share one."""
    made: dict[tuple[Node, int], Node] = field(default_factory=dict[tuple[Node, int], Node])
    """What stands for a draw where the reader at a position reads it."""
    actions: list[Action] = field(default_factory=list[Action])
    refusals: list[Refusal] = field(default_factory=list[Refusal])

    def __post_init__(self) -> None:
        self.position = {node: place for place, node in enumerate(self.graph.nodes)}
        self.depths = _depths(self.graph)
        for node in reversed(self.draws):
            groups = self._groups(sorted(self._readers(node)))
            refusal = self._why_not(node, len(groups))
            if refusal is not None:
                self.refusals.append(refusal)
            else:
                self.places[node] = groups

    def _readers(self, node: Node) -> set[int]:
        """The positions of what reads a draw, or draws that are made again with it."""
        found: set[int] = set()
        for user in self.graph.users[node]:
            groups = self.places.get(user) or [[self.position[user]]]
            found.update(place for group in groups for place in group)
        return found

    def _groups(self, readers: Sequence[int]) -> list[list[int]]:
        if len(readers) <= self.most_places:
            return [[place] for place in readers]
        found: dict[int, list[int]] = {}
        for place in readers:
            found.setdefault(self.depths[place], []).append(place)
        return list(found.values())

    def _why_not(self, node: Node, count: int) -> Refusal | None:
        users = set(self.graph.users[node])
        if node in self.graph.results and count > 1:
            return Refusal(Reason.RETURNED, (node,), f"{describe(node)} is returned, and read from there")
        for user in users:
            if _is_barrier(user) and len(users) > 1:
                sentence = f"{describe(node)} is read from memory by {describe(user)}"
                return Refusal(Reason.OWN_NEST, (node, user), sentence)
        if count > self.most_places:
            sentence = f"{describe(node)} would be drawn {count} times"
            return Refusal(Reason.NOT_FASTER, (node,), sentence)
        return None

    def visit(self, old: Node, node: Node) -> Node:
        """The node, over what its draws are where it stands; of a draw, what stands for its first readers."""
        groups = self.places.get(old) or [[self.position[old]]]
        found = [self._at(old, node, group[0], is_first=group is groups[0]) for group in groups]
        for group, version in zip(groups, found, strict=True):
            self.made.update(((old, place), version) for place in group)
        if len(groups) > 1:
            sentence = f"{describe(old)} is drawn {len(groups)} times rather than kept"
            self.actions.append(Action((old,), sentence))
        return found[0]

    def _at(self, old: Node, node: Node, place: int, *, is_first: bool) -> Node:
        pairs = zip(old.operands, node.operands, strict=True)
        operands = tuple(self.made.get((before, place), after) for before, after in pairs)
        if is_first:
            return with_operands(node, operands)
        return Node(node.op, operands, node.type, None, origin_of(old, "recompute", DRAWN_AGAIN))


def _is_barrier(node: Node) -> bool:
    """Whether a node ends a kernel of maps: a contraction, a move, a walk, a call."""
    return not node.op.has(Trait.LEAF) and (
        not isinstance(node.op, MapReduce) or node.op.has(Trait.CONTRACTION)
    )


def _depths(graph: Graph) -> list[int]:
    found: dict[Node, int] = {}
    for node in graph.nodes:
        before = max((found[operand] for operand in node.operands), default=0)
        found[node] = before + _is_barrier(node)
    return list(found.values())
