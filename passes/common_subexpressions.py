"""Computes once what is written twice.

    %x = input : f32[n]                                     %x = input : f32[n]
    %0 = exp(%x) : f32[n]                                   %0 = exp(%x) : f32[n]
    %1 = exp(%x) : f32[n]                        ->         %y = mul(%0, %0) : f32[n]
    %y = mul(%0, %1) : f32[n]                               return %y
    return %y

Two nodes are the same if their ops and operands are, bit for bit: sums and products of two in either order,
constants by their bits, opaque calls because they are pure. The first one stays, and takes the other's name
if it has none. `maximum` and `minimum` in another order are left: of 0.0 and -0.0 they may return either.

One that has axes of extent 1 which the first has not, as a mean beside that which a variance keeps, is a
reshape of it, and what computes with it reads the first itself.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, field, replace

from compiler.ir.dims import Shape
from compiler.ir.graph import Graph
from compiler.ir.layout import Reshape
from compiler.ir.map_reduce import Access, Argument, Index
from compiler.ir.node import Node, describe, make_node
from compiler.ir.op import MapReduce, Op, Trait
from compiler.pipeline.contract import Action, ByValue, Report
from compiler.rewrite.congruence import value_key
from compiler.rewrite.refusal import Reason, Refusal
from compiler.rewrite.sweep import origin_of, sweep
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


def _without_unit_axes(op: Op) -> Op:
    """What computes the same elements, without kept axes of extent 1."""
    if not isinstance(op, MapReduce) or 1 not in op.shape:
        return op
    asked = {item.loop for item in op.arguments if isinstance(item, Index)}
    loops = range(len(op.extents))
    left = [loop for loop in loops if loop >= op.kept or op.extents[loop] != 1 or loop in asked]
    place: dict[int | None, int] = {loop: number for number, loop in enumerate(left)}
    return replace(
        op,
        arguments=tuple(_moved(item, place) for item in op.arguments),
        extents=tuple(op.extents[loop] for loop in left),
        output=tuple(place[loop] for loop in op.output if loop in place),
    )


def _moved(argument: Argument, place: Mapping[int | None, int]) -> Argument:
    """An argument once loops have other numbers, or none."""
    match argument:
        case Access(axes):
            return Access(tuple(map(place.get, axes)))
        case Index(loop):
            return Index(place[loop])
        case _:
            return argument


@dataclass(slots=True)
class _Merging:
    first: dict[Hashable, dict[Shape, Node]] = field(default_factory=dict[Hashable, dict[Shape, Node]])
    viewed: dict[Node, Node] = field(default_factory=dict[Node, Node])
    selected: dict[Hashable, Node] = field(default_factory=dict[Hashable, Node])
    actions: list[Action] = field(default_factory=list[Action])
    refusals: list[Refusal] = field(default_factory=list[Refusal])

    def visit(self, old: Node, node: Node) -> Node:
        """The first node with this one's value, or a view of it."""
        node = self._read_directly(old, node)
        key = value_key(_without_unit_axes(node.op), node.operands)
        if key is None:
            return node
        twins = self.first.setdefault(key, {})
        twin = twins.setdefault(node.type.shape, node)
        if twin is not node:
            self.actions.append(Action((old,), f"{describe(old)} is {describe(twin)}, computed before"))
            return twin
        if len(twins) > 1:
            return self._view(old, node, twins)
        self._note_other_order(node)
        return node

    def _view(self, old: Node, node: Node, twins: dict[Shape, Node]) -> Node:
        """The first of some nodes with one value in the shape of another."""
        first, shape = next(iter(twins.values())), node.type.shape
        origin = origin_of(old, "common_subexpressions", "axes of extent 1")
        view = twins[shape] = make_node(Reshape(shape), [first], node.name, origin)
        self.viewed[view] = first
        self.actions.append(Action((old,), f"{describe(old)} is {describe(first)} in another shape"))
        return view

    def _read_directly(self, old: Node, node: Node) -> Node:
        """The node with what its views are of for operands, where it computes."""
        op = node.op
        if not isinstance(op, MapReduce) or self.viewed.keys().isdisjoint(node.operands):
            return node
        operands, pending = list(node.operands), iter(range(len(node.operands)))
        arguments: list[Argument] = []
        for argument in op.arguments:
            if isinstance(argument, Access):
                place = next(pending)
                operands[place], argument = self._source(operands[place], argument, op.reduced)
            arguments.append(argument)
        origin = origin_of(old, "common_subexpressions", "axes of extent 1")
        return make_node(replace(op, arguments=tuple(arguments)), operands, node.name, origin)

    def _source(self, operand: Node, access: Access, reduced: Collection[int]) -> tuple[Node, Access]:
        """What an operand is a view of, and how it is read there."""
        source, pairs = self.viewed.get(operand), list(zip(access.axes, operand.type.shape, strict=True))
        if source is None or any(axis in reduced for axis, extent in pairs if extent == 1):
            return operand, access
        axes = iter([axis for axis, extent in pairs if extent != 1])
        return source, Access(tuple(None if extent == 1 else next(axes) for extent in source.type.shape))

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
