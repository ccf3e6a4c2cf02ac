"""Computes once what is written twice.

    %x = input : f32[n]                                     %x = input : f32[n]
    %0 = exp(%x) : f32[n]                                   %0 = exp(%x) : f32[n]
    %1 = exp(%x) : f32[n]                        ->         %y = mul(%0, %0) : f32[n]
    %y = mul(%0, %1) : f32[n]                               return %y
    return %y

Two nodes are the same if their ops and operands are, bit for bit: sums and products of two in either order,
constants by their bits, opaque calls because they are pure. The first one stays, and takes the other's name
if it has none. `maximum` and `minimum` in another order are left: of 0.0 and -0.0 they may return either.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from compiler.ir.graph import Graph
from compiler.ir.node import Node, describe
from compiler.ir.op import MapReduce, Trait
from compiler.pipeline.contract import Action, ByValue, Report
from compiler.rewrite.congruence import value_key
from compiler.rewrite.refusal import Reason, Refusal
from compiler.rewrite.sweep import sweep
from compiler.schedule.target import Target


@dataclass(frozen=True, slots=True, eq=False)
class CommonSubexpressions(ByValue):
    """Merges nodes that compute the same value from the same operands."""

    @property
    def name(self) -> str:
        return "common_subexpressions"

    def rewrite(self, graph: Graph, target: Target) -> tuple[Graph, Report]:
        """The graph without doubles."""
        return merge_common_subexpressions(graph)


def merge_common_subexpressions(graph: Graph) -> tuple[Graph, Report]:
    """The graph in which no two nodes have the same op and operands; one hash-table look-up a node."""
    merging = _Merging()
    after = sweep(graph, merging.visit)
    return after, Report(tuple(merging.actions), tuple(merging.refusals))


@dataclass(slots=True)
class _Merging:
    first: dict[Hashable, Node] = field(default_factory=dict[Hashable, Node])
    selected: dict[Hashable, Node] = field(default_factory=dict[Hashable, Node])
    actions: list[Action] = field(default_factory=list[Action])
    refusals: list[Refusal] = field(default_factory=list[Refusal])

    def visit(self, old: Node, node: Node) -> Node:
        """The first node with this one's value."""
        key = value_key(node.op, node.operands)
        if key is None:
            return node
        twin = self.first.setdefault(key, node)
        if twin is not node:
            self.actions.append(Action((old,), f"{describe(old)} is {describe(twin)}, computed before"))
            return twin
        self._note_other_order(node)
        return node

    def _note_other_order(self, node: Node) -> None:
        """Says why the larger of a and b is not shared with the larger of b and a."""
        op = node.op
        if not isinstance(op, MapReduce) or op.formula.atom is None or op.has(Trait.CONTRACTION):
            return
        if (
            op.formula.atom.name not in ("maximum", "minimum")
            or not op.dtype.is_float
            or len(node.operands) != 2
        ):
            return
        pairs = frozenset(zip(op.arguments, node.operands, strict=True))
        other = self.selected.setdefault((op.name, pairs, op.extents, op.output, op.dtype), node)
        if other is not node:
            sentence = f"{describe(node)} has the other order: of 0.0 and -0.0 the first is returned"
            self.refusals.append(Refusal(Reason.NOT_EXACT, (other, node), sentence))
