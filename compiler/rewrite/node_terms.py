"""The terms of nodes: what real number each element is, through maps, views and sums of exponentials.

A term's leaves are values at axes. An axis is counted from the right, -1 being the last one, so that a term
of an operand that broadcasts is a term of its user too, and unit axes have no name: how an axis was kept does
not show. An axis that a sum runs over has a number from 0 on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

from compiler.ir.build import IDENTITY_OF
from compiler.ir.formula.restating import HOT, Reading, Says, is_read_through, said_by
from compiler.ir.formula.tape import Const, Formula, natural_dtype
from compiler.ir.formula.terms import (
    ONE,
    Algebra,
    Term,
    Unreadable,
    add,
    addends,
    apply_atom,
    exp,
    factor,
    number,
    times,
)
from compiler.ir.node import Node, make_node
from compiler.ir.op import (
    Access,
    Argument,
    Broadcast,
    Constant,
    Diagonal,
    Gather,
    MapReduce,
    Reducer,
    Reshape,
    Size,
    Slice,
    Transpose,
    Window,
)  # fmt: skip
from compiler.rewrite.accesses import through_view
from compiler.rewrite.congruence import value_key
from compiler.rewrite.patterns import single_atom
from compiler.rewrite.places import (
    FIRST_LOOP,
    Place,
    Total,
    axes_of,
    leaf_of,
    moved,
    only_leaf,
    own_axes,
    renumbered,
    size_leaf,
    split,
)  # fmt: skip
from compiler.rewrite.reading import only_value

Value = TypeVar("Value")

PICKING: Final = (Gather, Reshape, Transpose, Slice, Window, Broadcast, Diagonal)
"""Layout ops whose every element is an element of operand 0."""

_HOLDING: Final = frozenset({"stop", "maximum", "minimum"})
"""Atoms that hold a shift at a finite number and keep gradients from it."""


_LARGEST_ARGUMENT: Final = 16
"""What is an argument of an exponential or its kin is short, or a leaf; so terms do not grow without end."""

_DEPTH_OF_ARGUMENT: Final = 3
"""How many maps deep a short term is looked for in a longer argument."""


class NodeReader:
    """Reads nodes as terms, each once. Nothing is read through the nodes in `keep`."""

    def __init__(self, keep: Collection[Node] = ()) -> None:
        self.keep = keep
        self.nodes: dict[str, Node] = {}
        """Operands by their terms, those from which nothing overflows."""
        self.shifted: set[Node] = set()
        """Sums that were made with a shift."""
        self.outside: dict[Node, Term] = {}
        """What the sum of a `Total` is multiplied with, in axes of its own."""
        self._said: dict[Node, Says] = {}
        self._readings: dict[Node, Reading] = {}
        self._numbers: dict[Node, Node] = {}
        self._first: dict[Hashable, Node] = {}
        self._joined: dict[Node, Node] = {}

    def says(self, node: Node) -> Says:
        """What is said of a node without reading it, but for exponentials, which are."""
        _in_order(node, self._said, lambda item: item.operands, self._say)
        return self._said[node]

    def reading(self, node: Node) -> Reading:
        """The term of a node in axes of its own; a leaf where there is none."""
        self.says(node)
        _in_order(node, self._readings, self._read_from, self._read)
        return self._readings[node]

    def is_number(self, node: Node) -> bool:
        """Whether every element of a node is one number that is known."""
        while isinstance(node.op, PICKING):
            node = node.operands[0]
        is_known = isinstance(node.op, Constant) or (isinstance(node.op, MapReduce) and not node.operands)
        return is_known and self.reading(node).term.is_number

    def number(self, node: Node) -> Node:
        """The first node that was seen with a node's value."""
        _in_order(node, self._numbers, lambda item: item.operands, self._numbered)
        return self._numbers[node]

    def _numbered(self, node: Node) -> Node:
        key = value_key(node.op, tuple(self._numbers[item] for item in node.operands))
        return node if key is None else self._first.setdefault(key, node)

    def _say(self, node: Node) -> Says:
        op, heard = node.op, Says.NOTHING
        for item in node.operands:
            heard |= self._said[item]
        if node in self.keep or not node.type.dtype.is_float:
            return Says.NOTHING
        if isinstance(op, MapReduce) and op.reducer is Reducer.NONE:
            said = said_by(op.formula)
            if Says.EXPONENTIAL in said:
                return said | (Says.OVERFLOW if self._is_read_hot(node) else Says.NOTHING)
            return said | heard if said or is_read_through(op.formula) else Says.NOTHING
        if _is_sum(op):
            is_hot = Says.EXPONENTIAL in heard and self._is_read_hot(node)
            return Says.SOMETHING | Says.OVERFLOW | Says.EXPONENTIAL if is_hot else Says.NOTHING
        return heard if isinstance(op, PICKING) else Says.NOTHING

    def _is_read_hot(self, node: Node) -> bool:
        self._said.setdefault(node, Says.EXPONENTIAL)
        _in_order(node, self._readings, self._read_from, self._read)
        return self._readings[node].is_hot

    def _read_from(self, node: Node) -> Sequence[Node]:
        """The operands whose terms are part of a node's."""
        op = node.op
        if node in self.keep or not node.type.dtype.is_float:
            return ()
        if isinstance(op, MapReduce) and op.reducer is Reducer.NONE:
            if _has_short_arguments(op.formula):
                return [item for item in node.operands if not self._is_long(item)]
            return node.operands if said_by(op.formula) or is_read_through(op.formula) else ()
        if _is_sum(op):
            return (
                node.operands if any(Says.EXPONENTIAL in self._said[item] for item in node.operands) else ()
            )
        return node.operands[:1] if isinstance(op, PICKING) else ()

    def _is_long(self, node: Node) -> bool:
        """Whether a node is a leaf where it is the argument of an exponential or of its kin."""
        return Says.SOMETHING in self._said[node] and Says.LOGARITHM not in self._said[node]

    def _read(self, node: Node) -> Reading:
        try:
            return self._read_op(node)
        except Unreadable:
            return Reading(self.leaf(node), False)

    def leaf(self, node: Node) -> Term:
        """A node as a leaf, in axes of its own."""
        return factor(leaf_of(Place(self.number(node), own_axes(node))))

    def _read_op(self, node: Node) -> Reading:
        op = node.op
        is_read = bool(self._read_from(node)) or (isinstance(op, MapReduce) and bool(said_by(op.formula)))
        is_read = is_read and node not in self.keep and node.type.dtype.is_float
        match op:
            case Constant() if (value := only_value(op)) is not None and op.type.dtype.is_float:
                return Reading(number(value), False)
            case MapReduce(reducer=Reducer.NONE) if is_read or not node.operands:
                return self._map(node, op)
            case MapReduce() if is_read:
                return self._sum(node, op)
            case _ if is_read:
                return self._view(node)
            case _:
                raise Unreadable

    def root(self, node: Node, op: MapReduce, atom: str) -> tuple[list[Reading], Term]:
        """The readings of an atom's arguments and its term. Raises Unreadable."""
        self.reading(node)
        _check_natural(node, op)
        arguments = self.arguments(node, op)
        return arguments, apply_atom(atom, *(item.term for item in arguments))

    def _view(self, node: Node) -> Reading:
        operand = node.operands[0]
        axes = through_view(node.op, operand.type, own_axes(node))
        found = self._readings[operand]
        if axes is None:
            return Reading(self._picked(node, operand), found.is_hot)
        return Reading(moved(found.term, own_axes(operand), axes), found.is_hot)

    def _picked(self, node: Node, operand: Node) -> Term:
        """An exponential whose elements are picked is that of picked exponents."""
        (exponent, *_) = operand.operands or (None,)
        if single_atom(operand) != "exp" or exponent is None or exponent.type != operand.type:
            raise Unreadable
        return exp(self.leaf(make_node(node.op, [exponent, *node.operands[1:]], origin=node.origin)))

    def _map(self, node: Node, op: MapReduce) -> Reading:
        _check_natural(node, op)
        arguments = self.arguments(node, op)
        term = op.formula.evaluate(Algebra(), [item.term for item in arguments], number)
        return Reading(term, self._is_hot(op.formula, arguments))

    def arguments(self, node: Node, op: MapReduce) -> list[Reading]:
        """The readings of a map's arguments, in axes of the map. Raises Unreadable."""
        operands, place = iter(node.operands), places(op)
        return [self._argument(item, operands, place, op) for item in op.arguments]

    def _argument(
        self, item: Argument, operands: Iterator[Node], place: Mapping[int, int], op: MapReduce
    ) -> Reading:
        match item:
            case Access():
                return self._accessed(next(operands), item, place, op)
            case Const() if not isinstance(item.value, bool):
                return Reading(number(item.value), False)
            case Size():
                extent = item.extent
                return Reading(number(extent) if isinstance(extent, int) else factor(size_leaf(item)), False)
            case _:
                raise Unreadable

    def _accessed(self, operand: Node, access: Access, place: Mapping[int, int], op: MapReduce) -> Reading:
        if operand.type.dtype is not op.dtype:
            found = Reading(self.leaf(operand), False)
        elif _has_short_arguments(op.formula):
            found = Reading(self._short(operand, _DEPTH_OF_ARGUMENT), False)
        else:
            found = self._readings[operand]
        if not found.is_hot and operand.type.dtype is op.dtype:
            self.nodes.setdefault(found.term.key, operand)
        return Reading(_moved_to(access, operand, found.term, place), found.is_hot)

    def _short(self, node: Node, depth: int) -> Term:
        """The term of an exponential's argument: what is long in it is a leaf, but not a shift beside it."""
        if not self._is_long(node) and self.reading(node).term.size <= _LARGEST_ARGUMENT:
            return self._readings[node].term
        op = node.op
        if not isinstance(op, MapReduce) or op.reducer is not Reducer.NONE:
            return self.leaf(node)  # what is summed has loops of its own
        if not depth or node in self.keep or not is_read_through(op.formula):
            return self.leaf(node)
        place = places(op)
        try:
            _check_natural(node, op)
            operands = iter(node.operands)
            terms = [
                _moved_to(item, operand := next(operands), self._short(operand, depth - 1), place)
                if isinstance(item, Access)
                else self._argument(item, operands, place, op).term
                for item in op.arguments
            ]
            term = op.formula.evaluate(Algebra(), terms, number)
        except Unreadable:
            return self.leaf(node)
        return term if term.size <= _LARGEST_ARGUMENT else self.leaf(node)

    def _is_hot(self, formula: Formula, arguments: Sequence[Reading]) -> bool:
        """Whether a map's value is made from an exponential that may overflow, by arithmetic alone."""
        if formula.atom is not None and formula.atom.name == "exp":
            return not self.shifted_axes(arguments[0].term)
        if any(line.atom in HOT for line in formula.lines):
            return True
        return is_read_through(formula) and any(item.is_hot for item in arguments)

    def shifted_axes(self, exponent: Term) -> frozenset[int]:
        """The axes over which an exponent is lessened by its largest; none if it is not."""
        for item in addends(exponent):
            leaf = only_leaf(item)
            if leaf is None or item.coefficient != -1 or not isinstance(leaf.value, Place):
                continue
            found = self._maximum_axes(leaf.value, add(exponent, times(item, number(-1))))
            if found:
                return found
        return frozenset()

    def _maximum_axes(self, place: Place, term: Term) -> frozenset[int]:
        """The axes over which a value is the maximum of a term."""
        while _is_holding(place.node):
            operand = place.node.operands[0]
            leaf = only_leaf(moved(self.reading(operand).term, own_axes(operand), place.axes))
            if leaf is None or not isinstance(leaf.value, Place):
                return frozenset()
            place = leaf.value
        node, op = place.node, place.node.op
        if not isinstance(op, MapReduce) or op.reducer is not Reducer.MAX:
            return frozenset()
        operand, (access,) = node.operands[0], op.accesses
        kept = {loop: axis for loop, axis in zip(op.output, place.axes, strict=True) if loop is not None}
        gone = [loop for loop in _long_loops(op) if loop in access.axes]
        free = sorted(axes_of(term).difference(axis for axis in kept.values() if axis is not None))
        if len(free) != len(gone):
            return frozenset()
        to = {None: None, **kept, **dict(zip(gone, free, strict=True))}
        axes = tuple(to.get(loop) for loop in access.axes)
        forms = (self.reading(operand).term, self._short(operand, _DEPTH_OF_ARGUMENT), self.leaf(operand))
        is_it = any(moved(form, own_axes(operand), axes).is_same(term) for form in forms)
        return frozenset(free) if is_it else frozenset()

    def _sum(self, node: Node, op: MapReduce) -> Reading:
        node = self._joined[node] = self._one_sum(node, op)
        assert isinstance(node.op, MapReduce)
        op, loops = node.op, {loop: FIRST_LOOP + loop for loop in _long_loops(node.op)}
        place = {**places(op), **loops}
        found = [self._accessed(*pair, place, op) for pair in zip(node.operands, op.accesses, strict=True)]
        term = ONE
        for item in found:
            term = times(term, item.term)
        if not loops:
            return Reading(term, any(item.is_hot for item in found))
        outside, inside = split(term, frozenset(loops.values()))
        is_hot = any(item.is_hot for item in found)
        is_whole = frozenset(loops.values()) <= axes_of(inside)
        if inside.exponent is None or not is_whole or (inside.powers and not is_hot):
            raise Unreadable
        self.outside[node] = outside
        total = leaf_of(Total(node, own_axes(node), renumbered(inside)))
        return Reading(times(outside, factor(total)), is_hot or not self.is_shifted(node))

    def _one_sum(self, node: Node, op: MapReduce) -> Node:
        """A sum of a sum as one."""
        inner = self._joined.get(node.operands[0], node.operands[0])
        below = inner.op
        if not _is_bare_sum(op) or not isinstance(below, MapReduce) or not _is_bare_sum(below):
            return node
        outer = dict(zip(below.output, op.accesses[0].axes, strict=True))
        count = len(op.extents)
        moves = {loop: count + k for k, loop in enumerate(below.reduced)} | outer
        axes = tuple(None if loop is None else moves[loop] for loop in below.accesses[0].axes)
        if not set(op.reduced) <= set(axes):
            return node
        extents = (*op.extents, *(below.extents[loop] for loop in below.reduced))
        formula = IDENTITY_OF[Reducer.SUM]
        new = MapReduce(formula, (Access(axes),), extents, op.output, op.dtype, Reducer.SUM)
        return make_node(new, inner.operands, origin=node.origin)

    def is_shifted(self, node: Node) -> bool:
        """Whether a sum of exponentials has a 1 among them, and nothing above."""
        op = node.op
        if node in self.shifted:
            return True
        assert isinstance(op, MapReduce)
        position, term = self.summed_exponential(node, op)
        axes = frozenset[int]() if term.exponent is None else self.shifted_axes(term.exponent)
        return bool(axes) and axes <= reduced_axes(op, position)

    def summed_exponential(self, node: Node, op: MapReduce) -> tuple[int, Term]:
        """The one operand of a sum whose exponent depends on what is summed over. Raises Unreadable."""
        found: list[tuple[int, Term]] = []
        for position, operand in enumerate(node.operands):
            term = self._readings[operand].term
            if term.exponent is not None and axes_of(term.exponent) & reduced_axes(op, position):
                found.append((position, term))
        if len(found) != 1:
            raise Unreadable
        return found[0]


def _moved_to(access: Access, operand: Node, term: Term, place: Mapping[int, int]) -> Term:
    """The term of an operand in axes of its reader."""
    rows = zip(access.axes, operand.type.shape, strict=True)
    axes = tuple(None if loop is None or extent == 1 else place[loop] for loop, extent in rows)
    return moved(term, own_axes(operand), axes)


def _long_loops(op: MapReduce) -> list[int]:
    """The loops of a reduction that turn more than once."""
    return [loop for loop in op.reduced if op.extents[loop] != 1]


def _check_natural(node: Node, op: MapReduce) -> None:
    """Raises Unreadable for a map that is converted. Literals alone take the dtype that is wanted."""
    natural = natural_dtype(op.formula, op.operand_dtypes([item.type for item in node.operands]))
    if node.operands and natural != op.dtype:
        raise Unreadable


def reduced_axes(op: MapReduce, position: int) -> frozenset[int]:
    """The axes of an operand that a reduction reduces."""
    axes = op.accesses[position].axes
    return frozenset(k - len(axes) for k, loop in enumerate(axes) if loop is not None and loop >= op.kept)


def places(op: MapReduce) -> dict[int, int]:
    """The axis of the result that each loop is."""
    return {loop: axis - len(op.output) for axis, loop in enumerate(op.output) if loop is not None}


def _has_short_arguments(formula: Formula) -> bool:
    """Whether a formula is an exponential or one of its kin, and no logarithm."""
    said = said_by(formula)
    return bool(said) and Says.LOGARITHM not in said


def _is_sum(op: object) -> bool:
    return isinstance(op, MapReduce) and op.reducer is Reducer.SUM


def _is_bare_sum(op: MapReduce) -> bool:
    return op.reducer is Reducer.SUM and op.formula.is_identity


def _is_holding(node: Node) -> bool:
    op = node.op
    if not isinstance(op, MapReduce) or op.reducer is not Reducer.NONE or len(node.operands) != 1:
        return False
    is_aligned = op.accesses[0].axes == op.output and node.operands[0].type.shape == node.type.shape
    return is_aligned and all(line.atom in _HOLDING for line in op.formula.lines)


def _in_order(
    node: Node,
    known: dict[Node, Value],
    below: Callable[[Node], Sequence[Node]],
    make: Callable[[Node], Value],
) -> None:
    """Makes what is not known yet of a node, after that of the nodes below it, without recursion."""
    pending = [node]
    while pending:
        missing = [] if pending[-1] in known else [item for item in below(pending[-1]) if item not in known]
        if missing:
            pending += missing
            continue
        item = pending.pop()
        if item not in known:
            known[item] = make(item)
