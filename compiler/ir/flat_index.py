"""Several indices as one: of neighbouring axes as of the one that they are in row-major order.

    flat_ipi(i0, n0, i1, n1, i2, n2) = (i0 * n1 + i1) * n2 + i2,  or -1 - k where index k is outside its axis

An axis is indexed (i), as the first one is, or walked whole (p), or in steps (s). Each index is checked
against its own axis: what is outside one would be inside the whole, at another place. The number of the first
axis that is left is told by the negative index, which no gather takes, so that whoever refuses it can say
which it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np

from compiler.ir.build import align, as_argument, broadcast_shape, cast, constant_node
from compiler.ir.dims import Extent, Shape
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.formula.tape import Const, Formula
from compiler.ir.leaf import Constant
from compiler.ir.map_reduce import Access, Argument, Index, MapReduce, Size
from compiler.ir.node import Node, make_node
from compiler.ir.types import INT64

_PARAMETERS: Final = {"i": "i{0}, n{0}", "p": "i{0}, n{0}", "s": "i{0}, b{0}, c{0}, n{0}"}
_PLACES: Final = {"i": "i{0}", "p": "i{0}", "s": "(b{0} + c{0} * i{0})"}


@dataclass(frozen=True, slots=True)
class Walked:
    """An axis that is no index: `count` of its places, from `start` on, `step` apart."""

    start: Extent
    count: Extent
    step: int


@dataclass(frozen=True, slots=True)
class Outside:
    """Which axis of those that are indexed as one an index is outside of, the index, and its extent."""

    axis: int
    index: Node
    extent: Extent


def flat_index(items: Sequence[Node | Walked], extents: Shape) -> Node:
    """The index, along neighbouring axes as one, of what items select: an index, or places, of each axis.

    Its shape is that of the indices, which broadcast, and then the counts of the axes that are walked. Raises
    ShapeError where the indices do not broadcast.
    """
    given = [item for item in items if isinstance(item, Node)]
    picked = broadcast_shape("an index", given)
    known = _known(items, given, extents)
    if known is not None:
        return constant_node(known, INT64)
    nodes = [cast(item, INT64) for item in given]
    walked = [item for item in items if isinstance(item, Walked)]
    loops = (*picked, *(item.count for item in walked))
    indices, places = iter(nodes), iter(range(len(picked), len(loops)))
    kinds = ""
    arguments: list[Argument] = []
    for item, extent in zip(items, extents, strict=True):
        if isinstance(item, Node):
            kinds += "i"
            arguments.append(Access(align(next(indices).type.shape, picked)))
        else:
            is_whole = item.start == 0 and item.step == 1
            kinds += "p" if is_whole else "s"
            arguments.append(Index(next(places)))
            arguments += [] if is_whole else [_extent(item.start), _extent(item.step)]
        arguments.append(_extent(extent))
    op = MapReduce(_flat(kinds), tuple(arguments), loops, tuple(range(len(loops))), INT64)
    return make_node(op, nodes)


def _known(
    items: Sequence[Node | Walked], nodes: Sequence[Node], extents: Shape
) -> np.ndarray[Any, Any] | None:
    """The flat index as an array, where indices and extents are known and nothing is walked."""
    found: np.ndarray[Any, Any] = np.zeros((), np.int64)
    if len(nodes) != len(items):
        return None
    for node, extent in zip(nodes, extents, strict=True):
        op = node.op
        if not isinstance(op, Constant) or not op.buffer.is_bound or not isinstance(extent, int):
            return None
        found = found * extent + op.buffer.array
    return found


def outside_of(node: Node, wrong: int) -> Outside | None:
    """What a negative flat index says; None for one that is of another kind."""
    op = node.op
    word, _, kinds = op.name.partition("_")
    if not isinstance(op, MapReduce) or word != "flat" or kinds[:1] != "i" or set(kinds) - set("ips"):
        return None
    axis = -1 - wrong
    if op.formula != _flat(kinds) or not 0 <= axis < len(kinds) or kinds[axis] != "i":
        return None
    index = node.operands[kinds[:axis].count("i")]
    if index.operands and isinstance(index.op, MapReduce) and index.op.formula.is_identity:
        (index,) = index.operands
    extent = op.arguments[_parameters(kinds).index(f"n{axis}")]
    return Outside(axis, index, extent.extent if isinstance(extent, Size) else _number(extent))


def _extent(value: Extent) -> Argument:
    return as_argument(value) if isinstance(value, int) else Size(value)


def _number(argument: Argument) -> int:
    assert isinstance(argument, Const)
    return int(argument.value)


def _parameters(kinds: str) -> list[str]:
    return ", ".join(_PARAMETERS[kind].format(k) for k, kind in enumerate(kinds)).split(", ")


@cache
def _flat(kinds: str) -> Formula:
    body = "i0"
    for k, kind in enumerate(kinds[1:], start=1):
        body = f"({body}) * n{k} + {_PLACES[kind].format(k)}"
    for k in reversed([k for k, kind in enumerate(kinds) if kind == "i"]):
        body = f"where(i{k} < 0, {-1 - k}, where(i{k} >= n{k}, {-1 - k}, {body}))"
    return parse_formula(f"flat_{kinds}({', '.join(_parameters(kinds))}) = {body}")
