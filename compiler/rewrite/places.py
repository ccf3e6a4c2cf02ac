"""The leaves of nodes' terms: values at axes, and sums of exponentials, which keep the axes they run over.

Axes are counted from the right; unit axes have none. Those that a sum runs over are numbered from 0 on, the
sums inside it first, and above every number while the sum is being read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from compiler.ir.formula.terms import (
    ZERO,
    Call,
    Factor,
    Leaf,
    Sum,
    Term,
    add,
    addends,
    exp,
    factor,
    substitute,
    times,
)
from compiler.ir.formula.terms import number as number_term
from compiler.ir.formula.terms import power as raised
from compiler.ir.node import Node
from compiler.ir.op import Size

Axes: TypeAlias = tuple[int | None, ...]

FIRST_LOOP: Final = 1000
"""The loops of a sum that is being read are numbered from here on."""


@dataclass(frozen=True, slots=True)
class Place:
    """A node read at axes."""

    node: Node
    axes: Axes

    @property
    def key(self) -> str:
        return f"%{self.node.serial:09d}{list(self.axes)}"


@dataclass(frozen=True, slots=True)
class Total:
    """A sum over the loops of `body`: `node` at `axes`, divided by what does not depend on them."""

    node: Node
    axes: Axes
    body: Term

    @property
    def key(self) -> str:
        return f"sum[{self.body.key}]"


def leaf_of(value: Place | Total) -> Leaf:
    """The leaf that a value at axes is."""
    if isinstance(value, Place):
        return Leaf(value.key, value)
    return Leaf(value.key, value, value.body.is_positive, 1 + value.body.size)


def size_leaf(size: Size) -> Leaf:
    """An extent that is not known yet."""
    return Leaf(f"size[{size.extent}]", size, is_positive=True)


def only_leaf(term: Term) -> Leaf | None:
    """The leaf that a term is a multiple of."""
    if term.exponent is not None or len(term.powers) != 1 or term.powers[0][1] != 1:
        return None
    item = term.powers[0][0]
    return item if isinstance(item, Leaf) else None


def own_axes(node: Node) -> Axes:
    """The axes of a node as it stands."""
    return tuple(
        None if extent == 1 else axis - node.type.rank for axis, extent in enumerate(node.type.shape)
    )


def moved(term: Term, axes: Axes, to: Axes) -> Term:
    """A term with its axes replaced."""
    place = {old: new for old, new in zip(axes, to, strict=True) if old is not None and old != new}
    return _moved(term, place) if place else term


def _moved(term: Term, place: Mapping[int, int | None]) -> Term:
    return substitute(term, lambda leaf: factor(_moved_leaf(leaf, place)))


def _moved_leaf(leaf: Leaf, place: Mapping[int, int | None]) -> Leaf:
    value = leaf.value
    if not isinstance(value, Place | Total):
        return leaf
    axes = tuple(None if axis is None else place.get(axis, axis) for axis in value.axes)
    if isinstance(value, Place):
        return leaf_of(Place(value.node, axes))
    return leaf_of(Total(value.node, axes, _moved(value.body, place)))


def split(term: Term, loops: frozenset[int]) -> tuple[Term, Term]:
    """A term as a product of what does not depend on loops and what does."""
    outside, inside = number_term(term.coefficient), number_term(1)
    for item, count in term.powers:
        if loops.isdisjoint(_axes_of(item)):
            outside = times(outside, raised(factor(item), count))
        else:
            inside = times(inside, raised(factor(item), count))
    free, bound = ZERO, ZERO
    for item in addends(term.exponent) if term.exponent is not None else ():
        if loops.isdisjoint(_free_axes(item)):
            free = add(free, item)
        else:
            bound = add(bound, item)
    return times(outside, exp(free)), times(inside, exp(bound))


def renumbered(body: Term) -> Term:
    """The body of a sum with its loops in the order in which it has them."""
    axes = list(dict.fromkeys(_free_axes(body)))
    first = 1 + max((axis for axis in axes if 0 <= axis < FIRST_LOOP), default=-1)
    loops = [axis for axis in axes if axis >= FIRST_LOOP]
    return _moved(body, {loop: first + k for k, loop in enumerate(loops)})


def axes_of(term: Term) -> frozenset[int]:
    """The axes that a term depends on."""
    return frozenset(_free_axes(term))


def _free_axes(term: Term) -> Iterator[int]:
    """The axes that a term has, in its order; those of the sums inside it are among them."""
    if term.exponent is not None:
        yield from _free_axes(term.exponent)
    for item, _ in term.powers:
        yield from _axes_of(item)


def _axes_of(item: Factor) -> Iterator[int]:
    match item:
        case Leaf():
            value = item.value
            if isinstance(value, Place | Total):
                yield from (axis for axis in value.axes if axis is not None)
            if isinstance(value, Total):
                yield from _free_axes(value.body)
        case Call():
            for term in item.arguments:
                yield from _free_axes(term)
        case Sum():
            for term in item.addends:
                yield from _free_axes(term)


def totals_of(term: Term) -> list[Total]:
    """The sums of exponentials that a term is made from."""
    found = totals_of(term.exponent) if term.exponent is not None else []
    for item, _ in term.powers:
        match item:
            case Leaf():
                found += [item.value] if isinstance(item.value, Total) else []
            case Call():
                found += [total for inner in item.arguments for total in totals_of(inner)]
            case Sum():
                found += [total for inner in item.addends for total in totals_of(inner)]
    return found
