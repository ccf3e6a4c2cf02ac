"""Computes what is known before the first call.

    %x = input : f32[n]                                     %x = input : f32[n]
    %c = constant(3.0) : f32[]                              %y = mul(%x, 1.5) : f32[n]
    %0 = div(%c, {2}) : f32[]                    ->         return %y
    %y = mul(%x, %0) : f32[n]
    return %y

Nodes that are made from constants alone are evaluated by the reference backend and become constants, unless
the result would be large. What is evaluated is their stable form: `log(1 + exp(1000))` is 1000. So an
exponential stays as long as a stable form may need its exponent: where it has overflown or vanished, and
beside another exponential that is not known yet. A value that is the same everywhere becomes a literal of the
maps that read it, where its being weakly typed changes no dtype. Extents that are known are literals. Opaque
calls are not run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np

from compiler.backends.reference import compute
from compiler.errors import UserError
from compiler.ir.build import constant_node
from compiler.ir.formula.restating import Says
from compiler.ir.formula.tape import Const, infer_dtypes
from compiler.ir.graph import Graph
from compiler.ir.node import Node, describe, make_node
from compiler.ir.op import Access, Argument, Constant, Layout, MapReduce, Reducer, Size, Trait
from compiler.ir.types import Operand, Scalar
from compiler.pipeline.contract import Action, ByValue, Report
from compiler.rewrite.reading import only_value
from compiler.rewrite.refusal import Reason, Refusal
from compiler.rewrite.stable import StableForms
from compiler.rewrite.sweep import origin_of, sweep, with_operands
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
    folding = _Folding(graph, _of_constants(graph), most_elements)
    after = sweep(graph, folding.visit)
    return after, Report(tuple(folding.actions), tuple(folding.refusals))


def _of_constants(graph: Graph) -> set[Node]:
    """The nodes that are made from nothing but constants."""
    found: set[Node] = set()
    for node in graph.nodes:
        if isinstance(node.op, Constant) or (not node.op.has(Trait.LEAF) and found.issuperset(node.operands)):
            found.add(node)
    return found


@dataclass(slots=True)
class _Folding:
    graph: Graph
    of_constants: set[Node]
    most_elements: int
    forms: StableForms = field(default_factory=StableForms)
    sources: dict[Node, Node] = field(default_factory=dict[Node, Node])
    """For each node of known value that is no constant of the user's, what it was evaluated from."""
    arrays: dict[Node, Array] = field(default_factory=dict[Node, Array])
    """The values of such sources and of what they are made from."""
    scalars: dict[Node, Node] = field(default_factory=dict[Node, Node])
    """For each node of which every element is the same known number, that number as a source."""
    uniform: dict[Node, Scalar] = field(default_factory=dict[Node, Scalar])
    """Those numbers, where they say as much as their sources."""
    actions: list[Action] = field(default_factory=list[Action])
    refusals: list[Refusal] = field(default_factory=list[Refusal])

    def visit(self, old: Node, node: Node) -> Node:
        """The node with literals for what is known, or the constant that it is."""
        new = self._with_literals(old, node)
        if not new.op.has(Trait.LEAF) and all(map(self._is_known, new.operands)):
            new = self._folded(old, new)
        scalar = self._scalar(new)
        if scalar is not None:
            self.scalars[new] = scalar
            if not self._is_lost(scalar, self._value(scalar)):
                self.uniform[new] = self._value(scalar).item()
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
        source = with_operands(node, tuple(self.sources.get(item, item) for item in node.operands))
        found = self.forms.of(source)
        source = source if found is None else found.node
        try:
            value = self._value(source)
        except UserError:  # it stays, and raises when the program runs
            return node
        reason = self._why_unfolded(old, source, value)
        if reason is not None:
            self.refusals.append(reason)
            self.sources[node] = source
            return node
        note = f", as {found.rule}" if found is not None else ""
        self.actions.append(Action((old,), f"{describe(old)} is computed from constants alone{note}"))
        origin = origin_of(old, "fold_constants", node.op.name)
        new = constant_node(value, node.type.dtype, node.name, origin)
        self.sources[new] = source
        return new

    def _is_known(self, node: Node) -> bool:
        return isinstance(node.op, Constant) or node in self.sources

    def _value(self, source: Node) -> Array:
        """The value of a node of constants. Raises what computing it raises."""
        pending = [source]
        while pending:
            node = pending[-1]
            missing = [item for item in node.operands if item not in self.arrays]
            if missing:
                pending += missing
                continue
            op = pending.pop().op
            if node not in self.arrays:
                values = [self.arrays[item] for item in node.operands]
                self.arrays[node] = op.buffer.array if isinstance(op, Constant) else _computed(node, values)
        return self.arrays[source]

    def _why_unfolded(self, old: Node, source: Node, value: Array) -> Refusal | None:
        """Why an exponential keeps its exponent."""
        if self._is_lost(source, value):
            sentence = (
                f"{describe(old)} leaves the range of its dtype, and a stable form may need its exponent"
            )
            return Refusal(Reason.KEEPS_EXPONENT, (old,), sentence)
        if Says.OVERFLOW not in self.forms.reader.says(source) or (value == value.flat[:1]).all():
            return None
        beside = (
            item for user in self.graph.users[old] for item in user.operands if item not in self.of_constants
        )
        if any(Says.EXPONENTIAL in self.forms.reader.says(item) for item in beside):
            sentence = (
                f"{describe(old)} is read beside another exponential; a stable form may need both exponents"
            )
            return Refusal(Reason.KEEPS_EXPONENT, (old,), sentence)
        return None

    def _is_lost(self, source: Node, value: Array) -> bool:
        """Whether an exponential has overflown or vanished."""
        is_kept = np.isfinite(value) & (value != 0)
        return not is_kept.all() and Says.OVERFLOW in self.forms.reader.says(source)

    def _why_not(self, old: Node, node: Node) -> Refusal | None:
        if node.op.has(Trait.OPAQUE):
            sentence = f"{describe(old)} is a call of constants, and calls are not run before a program is"
            return Refusal(Reason.OPAQUE, (old,), sentence)
        if not node.operands:
            return None
        if _is_symbolic(node) or not all(_is_bound(item) or item in self.sources for item in node.operands):
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

    def _scalar(self, node: Node) -> Node | None:
        """The one number that a node is everywhere, as a source."""
        op = node.op
        if isinstance(op, Constant):
            value = only_value(op)
            return None if value is None else constant_node(value, op.type.dtype)
        if isinstance(op, Layout) and op.is_view:
            return self.scalars.get(node.operands[0])
        if not isinstance(op, MapReduce) or op.reducer is not Reducer.NONE:
            return None
        scalars = [self.scalars[operand] for operand in node.operands if operand in self.scalars]
        is_known = all(isinstance(item, Const | Access) for item in op.arguments)
        if not is_known or len(scalars) < len(node.operands):
            return None
        arguments = tuple(Access(()) if isinstance(item, Access) else item for item in op.arguments)
        scalar = make_node(MapReduce(op.formula, arguments, (), (), op.dtype), scalars)
        found = self.forms.of(scalar)
        return scalar if found is None else found.node


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


def _computed(node: Node, values: Sequence[Array]) -> Array:
    with np.errstate(all="ignore"):
        return compute(node, list(values), {})
