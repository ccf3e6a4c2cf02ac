"""Computes what is known before the first call.

    %x = input : f32[n]                                     %x = input : f32[n]
    %c = constant(3.0) : f32[]                              %y = mul(%x, 1.5) : f32[n]
    %0 = div(%c, {2}) : f32[]                    ->         return %y
    %y = mul(%x, %0) : f32[n]
    return %y

Nodes that are made from constants alone are evaluated by the reference backend and become constants, unless
the result would be large. A value that is the same everywhere becomes a literal of the maps that read it,
where its being weakly typed changes no dtype. Extents that are known are literals. Opaque calls are not
run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np

from compiler.backends.reference import compute
from compiler.errors import UserError
from compiler.ir.build import constant_node
from compiler.ir.formula.tape import Const, infer_dtypes
from compiler.ir.graph import Graph
from compiler.ir.node import Node, describe, make_node
from compiler.ir.op import Access, Argument, Constant, Layout, MapReduce, Reducer, Size, Trait
from compiler.ir.types import Operand, Scalar
from compiler.pipeline.contract import Action, ByValue, Report
from compiler.rewrite.refusal import Reason, Refusal
from compiler.rewrite.sweep import origin_of, sweep
from compiler.schedule.target import Target

Array: TypeAlias = np.ndarray[Any, Any]

SMALL: Final = 1024
"""Elements that a folded result may have even if its operands have fewer."""


@dataclass(frozen=True, slots=True, eq=False)
class FoldConstants(ByValue):
    """Evaluates constants of at most `most_elements` elements."""

    most_elements: int = 1 << 20

    @property
    def name(self) -> str:
        return "fold_constants"

    def rewrite(self, graph: Graph, target: Target) -> tuple[Graph, Report]:
        """The graph with constants evaluated."""
        return fold_constants(graph, self.most_elements)


def fold_constants(graph: Graph, most_elements: int = 1 << 20) -> tuple[Graph, Report]:
    """The graph in which nothing is computed from constants alone, and known scalars are literals."""
    folding = _Folding(most_elements)
    after = sweep(graph, folding.visit)
    return after, Report(tuple(folding.actions), tuple(folding.refusals))


@dataclass(slots=True)
class _Folding:
    most_elements: int
    uniform: dict[Node, Scalar] = field(default_factory=dict[Node, Scalar])
    """Nodes of which every element is the same known number."""
    actions: list[Action] = field(default_factory=list[Action])
    refusals: list[Refusal] = field(default_factory=list[Refusal])

    def visit(self, old: Node, node: Node) -> Node:
        """The node with literals for what is known, or the constant that it is."""
        new = self._with_literals(old, node)
        if not new.op.has(Trait.LEAF) and all(isinstance(item.op, Constant) for item in new.operands):
            new = self._folded(old, new)
        value = self._uniform_value(new)
        if value is not None:
            self.uniform[new] = value
        return new

    def _with_literals(self, old: Node, node: Node) -> Node:
        op = node.op
        if not isinstance(op, MapReduce) or op.reducer is not Reducer.NONE:
            return node
        arguments, operands = list(op.arguments), list(node.operands)
        for position in reversed(range(len(arguments))):
            found = self._literal(op, arguments, operands, position)
            if found is None:
                continue
            changed = [*arguments[:position], found, *arguments[position + 1 :]]
            left = _without(arguments, operands, position)
            if not _keeps_dtypes(op, arguments, operands, changed, left):
                sentence = f"as a literal, argument {position} of {describe(old)} would change a dtype"
                self.refusals.append(Refusal(Reason.NOT_EXACT, (old,), sentence))
                continue
            arguments, operands = changed, left
        if arguments == list(op.arguments):
            return node
        sentence = f"{describe(old)} has its known arguments as literals"
        self.actions.append(Action((old,), sentence))
        new = MapReduce(op.formula, tuple(arguments), op.extents, op.output, op.dtype)
        return make_node(new, operands, node.name, origin_of(old, "fold_constants", "known arguments"))

    def _literal(
        self, op: MapReduce, arguments: Sequence[Argument], operands: Sequence[Node], position: int
    ) -> Const | None:
        argument = arguments[position]
        if isinstance(argument, Size) and isinstance(argument.extent, int):
            return Const(argument.extent)
        if not isinstance(argument, Access):
            return None
        value = self.uniform.get(operands[_rank_of(arguments, position)])
        is_cast = op.formula.is_identity  # a cast of a literal has no dtype to be cast from
        return None if value is None or is_cast else Const(value)

    def _folded(self, old: Node, node: Node) -> Node:
        reason = self._why_not(old, node)
        if reason is not None:
            self.refusals.append(reason)
            return node
        if not _is_worth_it(node):
            return node
        try:
            value = _evaluated(node)
        except UserError:  # it stays, and raises when the program runs
            return node
        self.actions.append(Action((old,), f"{describe(old)} is computed from constants alone"))
        return constant_node(
            value, node.type.dtype, node.name, origin_of(old, "fold_constants", node.op.name)
        )

    def _why_not(self, old: Node, node: Node) -> Refusal | None:
        if node.op.has(Trait.OPAQUE):
            sentence = f"{describe(old)} is a call of constants, and calls are not run before a program is"
            return Refusal(Reason.OPAQUE, (old,), sentence)
        if not node.operands:
            return None
        if _is_symbolic(node) or not all(_is_bound(operand) for operand in node.operands):
            sentence = f"{describe(old)} depends on an extent or an array that is not known yet"
            return Refusal(Reason.NOT_KNOWN, (old,), sentence)
        size, given = node.type.size, [operand.type.size for operand in node.operands]
        total = sum(n for n in given if isinstance(n, int))
        assert isinstance(size, int)
        limit = total if node.op.has(Trait.VIEW) else max(SMALL, total)
        if size <= min(limit, self.most_elements):
            return None
        sentence = f"{describe(old)} would be {size} stored elements in the place of {total}"
        return Refusal(Reason.TOO_LARGE, (old,), sentence)

    def _uniform_value(self, node: Node) -> Scalar | None:
        op = node.op
        if isinstance(op, Constant):
            return _only_value(op) if _is_bound(node) else None
        if isinstance(op, Layout) and op.is_view:
            return self.uniform.get(node.operands[0])
        if not isinstance(op, MapReduce) or op.reducer is not Reducer.NONE:
            return None
        values = [self.uniform.get(operand) for operand in node.operands]
        if None in values or not all(isinstance(item, Const | Access) for item in op.arguments):
            return None
        arguments = tuple(Access(()) if isinstance(item, Access) else item for item in op.arguments)
        pairs = zip(values, node.operands, strict=True)
        scalars = [constant_node(value, operand.type.dtype) for value, operand in pairs]
        return _evaluated(make_node(MapReduce(op.formula, arguments, (), (), op.dtype), scalars)).item()


def _rank_of(arguments: Sequence[Argument], position: int) -> int:
    """Which operand an argument reads."""
    return sum(isinstance(item, Access) for item in arguments[:position])


def _without(arguments: Sequence[Argument], operands: Sequence[Node], position: int) -> list[Node]:
    if not isinstance(arguments[position], Access):
        return list(operands)
    rank = _rank_of(arguments, position)
    return [*operands[:rank], *operands[rank + 1 :]]


def _keeps_dtypes(
    op: MapReduce, arguments: Sequence[Argument], operands: Sequence[Node], changed: Sequence[Argument],
    left: Sequence[Node],
) -> bool:  # fmt: skip
    """Whether every line of the formula has the same dtypes for other arguments."""
    before = infer_dtypes(op.formula, _dtypes(op, arguments, operands), op.dtype)
    return before == infer_dtypes(op.formula, _dtypes(op, changed, left), op.dtype)


def _dtypes(op: MapReduce, arguments: Sequence[Argument], operands: Sequence[Node]) -> list[Operand]:
    new = MapReduce(op.formula, tuple(arguments), op.extents, op.output, op.dtype)
    return new.operand_dtypes([operand.type for operand in operands])


def _is_worth_it(node: Node) -> bool:
    """A map of nothing is computed where it is read, unless it is a single number."""
    return bool(node.operands) or (node.type.size == 1 and not _is_symbolic(node))


def _is_symbolic(node: Node) -> bool:
    op = node.op
    extents = [*node.type.shape]
    if isinstance(op, MapReduce):
        extents += [*op.extents, *(item.extent for item in op.arguments if isinstance(item, Size))]
    return not all(isinstance(n, int) for n in extents)


def _is_bound(node: Node) -> bool:
    return isinstance(node.op, Constant) and node.op.buffer.is_bound


def _evaluated(node: Node) -> Array:
    """The value of a node of constants."""
    arrays = [item.op.buffer.array for item in node.operands if isinstance(item.op, Constant)]
    with np.errstate(all="ignore"):
        return compute(node, arrays, {})


def _only_value(op: Constant) -> Scalar | None:
    """The number that every element of a constant is, bit for bit."""
    width = op.type.dtype.size
    first = op.bits[:width]
    if not first or op.bits != first * (len(op.bits) // width):
        return None
    return op.buffer.array.flat[0].item()
