"""Nodes from terms: drafts first, so that their origin can name the equations that were used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from compiler.ir.build import apply
from compiler.ir.dims import Shape
from compiler.ir.formula.restating import literal
from compiler.ir.formula.terms import Leaf, Term, Unreadable
from compiler.ir.node import Node, Origin, make_node
from compiler.ir.op import Reshape, Size, Transpose
from compiler.ir.types import DType
from compiler.rewrite.places import Place


@dataclass(frozen=True, slots=True)
class Draft:
    """An atom of values, not yet a node."""

    atom: str
    values: tuple[Drafted | float, ...]


Drafted: TypeAlias = Node | Size | Draft


class Drafting:
    """Writes drafts. `nodes` are those that are known by their terms."""

    def __init__(self, nodes: dict[str, Node], origin: Origin) -> None:
        self.nodes = nodes
        self.origin = origin

    def leaf(self, leaf: Leaf) -> Drafted:
        """The value that a leaf is. Raises Unreadable for a sum, which is written with its shift."""
        match leaf.value:
            case Place():
                return placed(leaf.value, self.origin)
            case Size():
                return leaf.value
            case _:
                raise Unreadable

    def known(self, term: Term) -> Drafted | None:
        return self.nodes.get(term.key)

    def apply(self, atom: str, *values: Drafted | float) -> Drafted:
        first = values[0]
        inner = first.values[0] if isinstance(first, Draft) and first.atom == atom == "neg" else None
        return inner if isinstance(inner, Node | Size | Draft) else Draft(atom, values)


def realise(draft: Draft, dtype: DType, origin: Origin, settle: Callable[[Node], Node]) -> Node:
    """The node of a draft. `settle` gives the node that was there before in its place.

    What is made of numbers alone has the dtype.
    """
    made: dict[Draft, Node] = {}

    def value(item: Drafted | float) -> Node | Size | float:
        if not isinstance(item, Draft):
            return item
        if item not in made:
            made[item] = node(item)
        return made[item]

    def node(item: Draft) -> Node:
        values = [literal(x) if isinstance(x, float) else x for x in map(value, item.values)]
        is_number = not any(isinstance(x, Node) for x in values)
        return settle(apply(item.atom, *values, dtype=dtype if is_number else None, origin=origin))

    made[draft] = node(draft)
    return made[draft]


def placed(place: Place, origin: Origin) -> Node:
    """A node with its axes where they are wanted, as far as broadcasting does not bring them there."""
    node, axes = place.node, place.axes
    wanted = sorted(axis for axis in axes if axis is not None)
    if len(set(wanted)) < len(wanted) or any(axis >= 0 for axis in wanted):
        raise Unreadable
    if all(axis is None or axis == k - len(axes) for k, axis in enumerate(axes)):
        return node
    extents = {axis: n for axis, n in zip(axes, node.type.shape, strict=True) if axis is not None}
    node = _reshaped(
        node, tuple(n for axis, n in zip(axes, node.type.shape, strict=True) if axis is not None), origin
    )
    order = tuple([axis for axis in axes if axis is not None].index(axis) for axis in wanted)
    if order != tuple(range(len(order))):
        node = make_node(Transpose(order), [node], origin=origin)
    return _reshaped(node, tuple(extents.get(axis, 1) for axis in range(min(wanted, default=0), 0)), origin)


def _reshaped(node: Node, shape: Shape, origin: Origin) -> Node:
    return node if node.type.shape == shape else make_node(Reshape(shape), [node], origin=origin)
