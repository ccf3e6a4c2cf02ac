"""Lays constant weights of a product in panels, once, when the program is compiled.

    %x = input : f32[n,2048]
    %w = constant(@w) : f32[2048,1024]
    %b = constant(@b) : f32[1024]
    %h[i,j] = sum[k:2048] %x[i,k] * %w[k,j] : f32[n,1024]
    %a = add(%h, %b) : f32[n,1024]
    return %a

becomes

    %x = input : f32[n,2048]
    %b = constant(@b) : f32[1024]
    %0 = constant(@0) : f32[32,2048,32]
    %1[i,j,k] = sum[l:2048] %x[i,l] * %0[j,l,k] : f32[n,32,32]
    %2 = reshape(%b, shape=[32, 32]) : f32[32,32]
    %3 = add(%1, %2) : f32[n,32,32]
    %a = reshape(%3, shape=[n, 1024]) : f32[n,1024]
    return %a

A tile of a product reads some neighbouring columns of all rows of the weights. Where rows are long, each lies
in a page of its own, and many share a few lines of the cache; in a panel they follow each other (Goto and van
de Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS 34(3), 2008). What is computed is the
same to the bit, and lies where it did: the reshape is a view. Maps behind a product, which its kernel takes
along, compute on the panels' columns, too. Weights that other passes move at each call are moved once.
Where columns fill no whole panels the last one ends with zeros, and the view leaves out what they give: 784
columns are 25 panels of 32, which take 0.8 of the time of 7 panels of 112.

Parameters stay as they are, for they can be set between calls: `tt.compile(..., freeze=True)` makes constants
of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from compiler.autodiff.placing import reshaped
from compiler.backends.reference.constants import constant_value, is_constant
from compiler.ir.build import constant_node, contract
from compiler.ir.dims import Extent, Shape, product
from compiler.ir.graph import Graph
from compiler.ir.node import Node, Origin, make_node
from compiler.ir.op import Access, Argument, Constant, Index, MapReduce, Reshape, Slice, Trait
from compiler.pipeline.contract import Action, ByValue, Report
from compiler.rewrite.refusal import Reason, Refusal
from compiler.rewrite.sweep import origin_of, sweep, with_operands
from compiler.schedule.frame import called
from compiler.schedule.target import Target

LARGE: Final = 1 << 16
"""Bytes of weights from which on it is done: smaller ones stay in a near cache."""

DEEP: Final = 64
"""Terms of a sum from which on it is done."""

_VECTORS: Final = {2: 0.0, 3: 0.03, 5: 0.1, 7: 0.2}
"""How many vectors a panel is wide, and what wider ones cost as a share of the time for many rows."""

MOST_ZEROS: Final = 0.125
"""Columns of zeros that are added to fill the last panel, at most so large a share of all."""

_VECTOR_BYTES: Final = 64


@dataclass(frozen=True, slots=True, eq=False)
class PanelConstants(ByValue):
    """Lays constant weights in panels of columns."""

    @property
    def name(self) -> str:
        return "panel_constants"

    def rewrite(self, graph: Graph, target: Target) -> tuple[Graph, Report]:
        """The graph with such weights. Refuses all on a backend that does not read panels."""
        if target.copies_panels:
            return panel_constants(graph)
        found = tuple(node for node in graph.nodes if _weights(node) is not None)
        sentence = "the backend reads no panels of a product"
        return graph, Report(refusals=(Refusal(Reason.TARGET_CANNOT, found, sentence),) if found else ())


def panel_constants(graph: Graph) -> tuple[Graph, Report]:
    """The graph, an action for each product that reads panels, a refusal for each other with constants."""
    laying = _Laying(_written(graph), graph.users)
    after = sweep(graph, laying.visit)
    return after, Report(tuple(laying.actions), tuple(laying.refusals))


def _weights(node: Node) -> int | None:
    """Which factor of a product of two is a constant, perhaps with its axes moved."""
    op = node.op
    if not isinstance(op, MapReduce) or not op.has(Trait.CONTRACTION) or len(node.operands) != 2:
        return None
    found = [place for place, operand in enumerate(node.operands) if is_constant(operand)]
    return found[0] if len(found) == 1 else None


def _padded(value: np.ndarray[Any, Any], columns: Extent) -> np.ndarray[Any, Any]:
    """An array with zeros behind its last axis up to so many columns."""
    assert isinstance(columns, int)
    behind = [(0, 0)] * (value.ndim - 1) + [(0, columns - value.shape[-1])]
    return np.pad(value, behind) if columns > value.shape[-1] else value


def _written(graph: Graph) -> set[Node]:
    """Maps whose values are written to memory in any case, and those that lead to them: no reduction's."""
    results = set(graph.results)
    found: set[Node] = set()
    for node in reversed(graph.nodes):
        if not node.op.has(Trait.ELEMENTWISE):
            continue
        users = graph.users[node]
        if node in results or any(user in found or not _is_folded(user) for user in users):
            found.add(node)
    return found


def _is_folded(user: Node) -> bool:
    """Whether a map or a reduction reads a value, which need not be written for it."""
    return user.op.has(Trait.ELEMENTWISE) or user.op.has(Trait.REDUCTION)


@dataclass(slots=True)
class _Laying:
    """One walk. `panels` has for each value that became a view of panels the value that it views.

    `behind` are the others that are made from such values: where a map reads one, a reduction lies between.
    """

    written: set[Node]
    users: Mapping[Node, Sequence[Node]]
    panels: dict[Node, Node] = field(default_factory=dict[Node, Node])
    behind: set[Node] = field(default_factory=set[Node])
    actions: list[Action] = field(default_factory=list[Action])
    refusals: list[Refusal] = field(default_factory=list[Refusal])

    def visit(self, old: Node, node: Node) -> Node:
        """What takes a node's place: a view of what is computed on panels, or the node."""
        place = _weights(old)
        found = node
        if place is not None:
            found = self._product(old, node, place)
        elif old in self.written and self._is_next(node):
            found = self._map(old, node)
        if found not in self.panels and any(x in self.behind or x in self.panels for x in found.operands):
            self.behind.add(found)
        return found

    def _is_next(self, node: Node) -> bool:
        """Whether nothing but maps lies between a product on panels and a node."""
        return any(x in self.panels for x in node.operands) and self.behind.isdisjoint(node.operands)

    def _product(self, old: Node, node: Node, place: int) -> Node:
        origin = origin_of(old, "panel_constants", "constant weights")
        site = _Site(node, place, may_pad=self._reads_constants(old))
        refusal = site.refusal(old)
        if refusal is None:
            sentence = f"{called(old)} reads its weights in panels"
            self.actions.append(Action((old, old.operands[place]), sentence))
            return self._viewed(old, site.written(origin))
        if isinstance(site.weights.op, Constant):
            self.refusals.append(refusal)
            return node
        self.actions.append(
            Action((old, old.operands[place]), f"{called(old)} reads weights that were moved")
        )
        operands = list(node.operands)
        operands[place] = constant_node(constant_value(site.weights), site.weights.type.dtype, origin=origin)
        return with_operands(node, tuple(operands))

    def _reads_constants(self, old: Node) -> bool:
        """Whether maps right behind a product read nothing else that has its columns and is no constant.

        What is known can be padded once, as the weights are.
        """
        columns = old.type.shape[-1:]
        return all(
            operand is old or isinstance(operand.op, Constant) or operand.type.shape[-1:] != columns
            for user in self.users[old]
            if user in self.written
            for operand in user.operands
        )

    def _map(self, old: Node, node: Node) -> Node:
        """A map on the columns of panels, where all that it reads can be seen so; else as it is."""
        op = node.op
        assert isinstance(op, MapReduce)
        first = next(item for item in node.operands if item in self.panels)
        across, last = self.panels[first].type.shape[-2:], len(op.extents) - 1
        if op.output != tuple(range(last + 1)) or op.extents[last] != first.type.shape[-1]:
            return node
        origin = origin_of(old, "panel_constants", "a map on panels")
        given = iter(node.operands)
        operands: list[Node] = []
        arguments: list[Argument] = []
        for argument in op.arguments:
            if isinstance(argument, Index) and argument.loop == last:
                return node
            if not isinstance(argument, Access):
                arguments.append(argument)
                continue
            operand, axes = next(given), argument.axes
            if last in axes:
                found = self._seen(operand, across, origin) if axes[-1] == last else None
                if found is None:
                    return node
                operand, axes = found, (*axes, last + 1)
            operands.append(operand)
            arguments.append(Access(axes))
        extents, output = (*op.extents[:last], *across), tuple(range(last + 2))
        new = MapReduce(op.formula, tuple(arguments), extents, output, op.dtype)
        return self._viewed(old, make_node(new, operands, origin=origin))

    def _seen(self, operand: Node, across: Shape, origin: Origin) -> Node | None:
        """An operand with its last axis as panels and columns: on panels itself, or what lies densely."""
        if operand in self.panels:
            found = self.panels[operand]
            return found if found.type.shape[-2:] == across else None
        if operand.op.has(Trait.VIEW):
            return None
        columns = product(across)
        if operand.type.shape[-1] != columns:
            if not isinstance(operand.op, Constant) or not operand.op.buffer.is_bound:
                return None
            value = _padded(operand.op.buffer.array, columns)
            operand = constant_node(value, operand.type.dtype, operand.name, origin)
        return reshaped(operand, (*operand.type.shape[:-1], *across), origin)

    def _viewed(self, old: Node, wide: Node) -> Node:
        shape, whole = old.type.shape, product(wide.type.shape[-2:])
        if shape[-1] == whole:
            view = make_node(Reshape(shape), [wide], old.name, wide.origin)
        else:
            flat = make_node(Reshape((*shape[:-1], whole)), [wide], origin=wide.origin)
            cut = Slice((0,) * len(shape), shape, (1,) * len(shape))
            view = make_node(cut, [flat], old.name, wide.origin)
        self.panels[view] = wide
        return view


class _Site:
    """A product whose factor `place` is a constant."""

    def __init__(self, node: Node, place: int, *, may_pad: bool) -> None:
        assert isinstance(node.op, MapReduce)
        self.node, self.op, self.place, self.may_pad = node, node.op, place, may_pad
        self.weights = node.operands[place]
        self.axes = [access.axes for access in node.op.accesses]
        self.column = node.op.output[-1] if node.op.output else None

    @property
    def width(self) -> int:
        """The columns of a panel; 0 where the columns fall into no panels."""
        columns, lanes = self._columns, _VECTOR_BYTES // self.node.type.dtype.size
        costs: dict[int, float] = {}
        for vectors, cost in _VECTORS.items():
            width = vectors * lanes
            zeros = -columns % width
            if columns > width and (not zeros or (self.may_pad and zeros <= MOST_ZEROS * columns)):
                costs[width] = zeros / columns + cost
        return min(costs, key=costs.__getitem__, default=0)

    @property
    def _columns(self) -> int:
        extent = None if self.column is None else self.op.extents[self.column]
        return extent if isinstance(extent, int) else 0

    def refusal(self, old: Node) -> Refusal | None:
        """Why the product stays as it is."""
        op, (ours, others) = self.op, (self.axes[self.place], self.axes[1 - self.place])
        dtypes = {item.type.dtype for item in (self.node, *self.node.operands)}
        is_matrix = set(ours) == {self.column, *op.reduced} and len(ours) == len(set(ours))
        if not is_matrix or self.column in others or len(dtypes) > 1 or None in op.output:
            sentence = f"the constant of {called(old)} has other loops than its last columns and its terms"
            return Refusal(Reason.OTHER_LOOPS, (old,), sentence)
        terms = product(op.extents[loop] for loop in op.reduced)
        size = terms * self._columns * self.node.type.dtype.size
        if not isinstance(size, int) or size < LARGE or terms < DEEP or not self.width:
            sentence = f"{called(old)} sums {terms} terms by {self._columns} columns of its constant"
            return Refusal(Reason.NOT_FASTER, (old,), sentence)
        return None

    def written(self, origin: Origin) -> Node:
        """The product on panels."""
        op, column, width = self.op, self.column, self.width
        assert column is not None
        panel, parts = len(op.extents), -(-self._columns // width)
        extents: list[Extent] = [*op.extents, parts]
        extents[column] = width
        axes = self.axes[self.place]
        order = [*(axes.index(loop) for loop in op.reduced), axes.index(column)]
        value = _padded(constant_value(self.weights).transpose(order), parts * width)
        value = np.moveaxis(value.reshape(*value.shape[:-1], parts, width), -2, 0)
        factors = list(self.node.operands)
        factors[self.place] = constant_node(value, self.node.type.dtype, origin=origin)
        factor_axes = list(self.axes)
        factor_axes[self.place] = (panel, *op.reduced, column)
        output = [loop for loop in op.output if loop is not None]
        return contract(
            factors, factor_axes, [*output[:-1], panel, column], extents, dtype=op.dtype, origin=origin
        )
