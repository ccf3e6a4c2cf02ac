"""Stable forms of nodes, and the twin of a graph in which every node has one. What `grad` differentiates.

Which form a node has depends on the real number that it is (`compiler.ir.formula.terms`), not on how that was
written. Sums of exponentials are shifted by the largest exponent; everything else is an equation of
`compiler.ir.formula.equations`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final, NamedTuple

from compiler.errors import DTypeError, ShapeError
from compiler.ir.build import IDENTITY, Value, apply, broadcast, reduce
from compiler.ir.dims import Shape
from compiler.ir.formula.equations import LOG_OF_PRODUCT, is_logarithm
from compiler.ir.formula.restating import Reading, Restating, Says, may_gain
from compiler.ir.formula.shift import SHIFTS
from compiler.ir.formula.tape import Const
from compiler.ir.formula.terms import (
    Leaf,
    Term,
    Unreadable,
    add,
    exp,
    factor,
    negate,
    power,
    substitute,
    times,
)
from compiler.ir.graph import reachable
from compiler.ir.node import Node, Origin, is_gradient, make_node
from compiler.ir.op import Access, MapReduce, Reducer, Reshape, Size, Trait
from compiler.ir.types import DType, TensorType, floating
from compiler.rewrite.accesses import fill, read
from compiler.rewrite.node_terms import PICKING, NodeReader, places, reduced_axes
from compiler.rewrite.patterns import single_atom
from compiler.rewrite.places import Place, Total, moved, own_axes, totals_of
from compiler.rewrite.writing import Draft, Drafted, Drafting, placed, realise

LOG_SUM_EXP: Final = "log(sum(exp(x))) = m + log(sum(exp(x - m)))"
SOFTMAX: Final = "exp(x) / sum(exp(x)) = exp(x - m) / sum(exp(x - m))"


def stabilised(output: Node, keep: Collection[Node]) -> dict[Node, Node]:
    """The twin of every node that an output is made from. Nothing is matched across the nodes in `keep`.

    A node of which nothing is made stabler is its own twin.
    """
    twin: dict[Node, Node] = {}
    kept = set(keep)
    forms = StableForms(kept)
    for node in sorted(reachable([output]), key=lambda node: node.serial):
        operands = tuple(twin[operand] for operand in node.operands)
        new = node if operands == node.operands else make_node(node.op, operands, node.name, node.origin)
        if node in keep:
            kept.add(new)
        elif not node.op.has(Trait.LEAF):
            found = forms.of(new)
            new = new if found is None else found.node
        twin[node] = new
    return twin


def shift_of(largest: Node, origin: Origin | None = None) -> Node:
    """What exponents are moved by, from the largest of them."""
    return apply(SHIFTS[floating(largest.type.dtype)], largest, origin=origin)


def is_exponential_of_shifted(node: Node) -> bool:
    """Whether a node is exp(x - shift) with the shift of x's own largest: no finite x gives more than 1."""
    if single_atom(node) != "exp" or not node.operands or single_atom(node.operands[0]) != "sub":
        return False
    exponent, *others = node.operands[0].operands
    shift = others[0].op if others else None
    if not isinstance(shift, MapReduce) or shift.formula not in SHIFTS.values():
        return False
    (largest,) = others[0].operands
    return largest is exponent or _is_maximum_of(exponent, largest)


def _is_maximum_of(exponent: Node, node: Node) -> bool:
    """Whether a node is the maximum of another over some axes, which stay as unit axes."""
    op, has_unit_axes = node.op, len(node.type.shape) == len(exponent.type.shape)
    is_maximum = isinstance(op, MapReduce) and op.reducer is Reducer.MAX
    return is_maximum and has_unit_axes and node.operands[0] is exponent


class Stable(NamedTuple):
    """What a node is in a stabler form, and by which equations."""

    node: Node
    rule: str


class StableForms:
    """The stable forms of the nodes of one graph, asked for in the order of the nodes."""

    def __init__(self, keep: Collection[Node] = ()) -> None:
        self.reader = NodeReader(keep)
        self._shifts: dict[Node, Term] = {}

    def of(self, node: Node) -> Stable | None:
        """A node in a stabler form, with the equation in its origin; None where there is nothing to do."""
        op = node.op
        if not isinstance(op, MapReduce) or op.reducer is not Reducer.NONE or not node.type.dtype.is_float:
            return None
        atom = single_atom(node)
        if not atom:
            return self._of_formula(node, op)
        if not self._may_gain(node, op, atom):
            return None
        found = self._restated(node, op, atom)
        return self._log_of_moved(node, op) if found is None and atom == "log" else found

    def _may_gain(self, node: Node, op: MapReduce, atom: str) -> bool:
        said = Says.NOTHING
        for operand in node.operands:
            said |= self.reader.says(operand)
        return may_gain(atom, said, lambda: self._has_number(node, op))

    def _has_number(self, node: Node, op: MapReduce) -> bool:
        is_literal = any(isinstance(item, Const) for item in op.arguments)
        return is_literal or any(map(self.reader.is_number, node.operands))

    def _restated(self, node: Node, op: MapReduce, atom: str) -> Stable | None:
        notes: dict[str, None] = {}
        restating = Restating(self._drafting(node), notes)
        try:
            arguments, term = self.reader.root(node, op, atom)
            gained = self._gained(atom, arguments, term)
            without = self._without_totals(term, gained, node)
            if not gained:
                value = restating.root(atom, arguments, without)
            elif atom in _LOGS:
                notes |= {} if is_logarithm(term) else {LOG_OF_PRODUCT: None}
                value = restating.total(without)
            else:
                value = restating.product(without)
            notes |= {gained: None} if gained else {}
            return self._made(value, "; ".join(notes), node)
        except (Unreadable, ShapeError, DTypeError):
            return None

    def _drafting(self, node: Node) -> Drafting:
        return Drafting(self.reader.nodes, Origin(node.origin.source, node.origin.maker, "a view", node))

    def _made(self, value: Drafted | float | None, rule: str, node: Node) -> Stable | None:
        """The node of what was written, if it is another one of the same type."""
        if value is None:
            return None
        new = self._realised(
            value, node.type.dtype, Origin(node.origin.source, node.origin.maker, rule, node)
        )
        new = _in_shape(new, node.type.shape, new.origin)
        is_new = new.type == node.type and self.reader.number(new) is not self.reader.number(node)
        return Stable(new, rule) if is_new else None

    def _gained(self, atom: str, arguments: Sequence[Reading], term: Term) -> str:
        """The equation of sums of exponentials by which a value is better computed, if there is one."""
        if atom in _LOGS:
            totals = totals_of(term)
            return "" if all(self.reader.is_shifted(item.node) for item in totals) else LOG_SUM_EXP
        if atom not in ("mul", "div", "pow") or not any(item.is_hot for item in arguments):
            return ""
        counts = [
            (item, n) for item, n in term.powers if isinstance(item, Leaf) and isinstance(item.value, Total)
        ]
        is_above = term.exponent is not None or any(n > 0 for _, n in counts)
        return SOFTMAX if is_above and any(n < 0 and item.is_positive for item, n in counts) else ""

    def _without_totals(self, term: Term, gained: str, node: Node) -> Term:
        """A term with values for its sums of exponentials, shifted ones if that gains anything."""

        def without(leaf: Leaf) -> Term:
            total = leaf.value
            if not isinstance(total, Total):
                return factor(leaf)
            value = self._shift(total, gained, node) if gained else self._bare(total.node, total)
            whole = times(value, power(self.reader.outside[total.node], -1))
            return moved(whole, own_axes(total.node), total.axes)

        return substitute(term, without)

    def _bare(self, node: Node, total: Total) -> Term:
        place = Place(self.reader.number(node), own_axes(node))
        return factor(Leaf(place.key, place, total.body.is_positive))

    def _shift(self, total: Total, rule: str, node: Node) -> Term:
        """A sum of exponentials as exp(m) times the sum of exp(x - m), in axes of its own."""
        if self.reader.is_shifted(total.node):
            return self._bare(total.node, total)
        if total.node not in self._shifts:
            origin = Origin(node.origin.source, node.origin.maker, rule, node)
            self._shifts[total.node] = self._shifted(total, origin)
        return self._shifts[total.node]

    def _shifted(self, total: Total, origin: Origin) -> Term:
        op = total.node.op
        assert isinstance(op, MapReduce)
        position, term = self.reader.summed_exponential(total.node, op)
        raised, number = total.node.operands[position], self.reader.number
        assert term.exponent is not None
        exponent = broadcast(
            self._written(term.exponent, raised.type.dtype, origin), raised.type.shape, origin=origin
        )
        gone = [axis + raised.type.rank for axis in reduced_axes(op, position)]
        shift = number(
            shift_of(number(reduce(Reducer.MAX, exponent, gone, keepdims=True, origin=origin)), origin)
        )
        less = number(apply("sub", exponent, shift, origin=origin))
        moved_by = self.reader.leaf(shift)
        self.reader.nodes[add(term.exponent, negate(moved_by)).key] = less
        new = self._written(times(term, exp(negate(moved_by))), raised.type.dtype, origin)
        operands = [*total.node.operands]
        operands[position] = broadcast(new, raised.type.shape, origin=origin)
        result = number(make_node(op, operands, origin=origin))
        self.reader.shifted.add(result)
        place = places(op)
        axes = tuple(None if loop is None else place.get(loop) for loop in op.accesses[position].axes)
        return times(exp(moved(moved_by, own_axes(shift), axes)), self._bare(result, total))

    def _written(self, term: Term, dtype: DType, origin: Origin) -> Node:
        value = Restating(Drafting(self.reader.nodes, origin), {}).value(term)
        return self._realised(value, dtype, origin)

    def _realised(self, value: Drafted | float, dtype: DType, origin: Origin) -> Node:
        match value:
            case Node():
                return value
            case Draft():
                return realise(value, dtype, origin, self.reader.number)
            case Size():
                return apply(IDENTITY, value, dtype=dtype, origin=origin)
            case _:
                return fill(value, TensorType(dtype, ()), origin)

    def _log_of_moved(self, node: Node, op: MapReduce) -> Stable | None:
        """log(layout(x)) as layout(log(x)): picked probabilities are picked as logarithms."""
        if len(node.operands) != 1:
            return None
        picked, moves = node.operands[0], list[Node]()
        while isinstance(picked.op, PICKING) and picked not in self.reader.keep:
            moves.append(picked)
            picked = picked.operands[0]
        if not moves or not self.reader.says(picked):
            return None
        origin = Origin(node.origin.source, node.origin.maker, "log of a moved value", node)
        found = self.of(apply("log", picked, origin=origin))
        if found is None:
            return None
        value = found.node
        for move in reversed(moves):
            value = make_node(move.op, [value, *move.operands[1:]], origin=origin)
        value = read(value, op.accesses[0].axes, op.extents, op.output, origin)
        return Stable(value, found.rule) if value.type == node.type else None

    def _of_formula(self, node: Node, op: MapReduce) -> Stable | None:
        """A formula of values that speak, atom by atom, if that makes any of its lines stabler."""
        # Of a gradient the form was chosen when it was derived.
        if not any(map(self.reader.says, node.operands)) or is_gradient(node):
            return None
        origin = Origin(node.origin.source, node.origin.maker, node.origin.rule, node)
        notes: dict[str, None] = {}

        def settled(atom: str, *values: Value) -> Node:
            made = apply(atom, *values, origin=origin)
            found = self.of(made)
            if found is not None:
                notes[found.rule] = None
            return made if found is None else found.node

        try:
            value = op.formula.evaluate(_Builders(settled), self._arguments(node, op, origin), Const)
        except (Unreadable, ShapeError, DTypeError):
            return None
        return self._made(value, "; ".join(notes), node) if notes and isinstance(value, Node) else None

    def _arguments(self, node: Node, op: MapReduce, origin: Origin) -> list[Value]:
        """The arguments of a map as values that broadcast."""
        place, operands = places(op), iter(node.operands)
        found: list[Value] = []
        for item in op.arguments:
            if isinstance(item, Access):
                operand = next(operands)
                axes = tuple(
                    None if loop is None or n == 1 else place[loop]
                    for loop, n in zip(item.axes, operand.type.shape, strict=True)
                )
                found.append(placed(Place(operand, axes), origin))
            else:
                found.append(item)
        return found


_LOGS: Final = ("log", "log1p")


def _in_shape(node: Node, shape: Shape, origin: Origin) -> Node:
    """A value repeated to a shape, without the unit axes that it may have before it."""
    extra = node.type.rank - len(shape)
    if extra > 0:
        node = make_node(Reshape(node.type.shape[extra:]), [node], origin=origin)
    return broadcast(node, shape, origin=origin)


class _Builders(dict[str, Callable[..., Node]]):
    """The table by which a formula is made of nodes."""

    def __init__(self, settled: Callable[..., Node]) -> None:
        super().__init__()
        self.settled = settled

    def __missing__(self, atom: str) -> Callable[..., Node]:
        return lambda *values: self.settled(atom, *values)
