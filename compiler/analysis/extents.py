"""Symbolic dimensions in a call: what the shapes of the arguments make them, and what they must not be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeGuard

from compiler.errors import ShapeError, UndeclaredInputError
from compiler.ir.dims import Dim, Extent, evaluate, product, symbols
from compiler.ir.formula.shift import SHIFTS
from compiler.ir.graph import Graph
from compiler.ir.node import Node, describe
from compiler.ir.op import ArrayFunction, Call, Fold, MapReduce, Pad, Reducer, Size, Slice, Window

Sizes: TypeAlias = dict[str, int]


@dataclass(frozen=True, slots=True)
class _Axis:
    node: Node
    axis: int
    extent: Extent
    count: int


def bind_sizes(nodes: Sequence[Node], shapes: Sequence[Sequence[int]]) -> Sizes:
    """The value of every symbol in the inputs' shapes.

    A symbol that stands alone is what the first such axis has; another is solved for where it is the only
    unknown of an extent and linear in it. Raises ShapeError naming both inputs where they disagree.
    """
    sizes: Sizes = {}
    owner: dict[str, Node] = {}
    compound: list[_Axis] = []
    for node, shape in zip(nodes, shapes, strict=True):
        for axis, (extent, count) in enumerate(zip(node.type.shape, shape, strict=True)):
            name = str(extent)
            if isinstance(extent, Dim) and name in symbols(extent) and name not in sizes:
                sizes[name], owner[name] = count, node
            elif extent != count:
                compound.append(_Axis(node, axis, extent, count))
    while sum(_solve(item, sizes, owner) for item in compound):
        pass  # what one extent determines may be what another lacks
    # What lacks fewest symbols comes first: the others may only lack what that one would have determined.
    for item in sorted(compound, key=lambda item: len(symbols(item.extent) - sizes.keys())):
        _check(item, sizes, owner)
    return sizes


def _solve(item: _Axis, sizes: Sizes, owner: dict[str, Node]) -> bool:
    """Finds the one unknown symbol of an extent that is linear in it, and says whether it did."""
    unknown = [name for name in symbols(item.extent) if name not in sizes]
    if len(unknown) != 1 or not isinstance(item.extent, Dim) or _power(item.extent, unknown[0]) > 1:
        return False
    at_zero = evaluate(item.extent, {**sizes, unknown[0]: 0})
    slope = evaluate(item.extent, {**sizes, unknown[0]: 1}) - at_zero
    value, rest = divmod(item.count - at_zero, slope) if slope else (0, 1)
    if rest or value < 0:
        return False
    sizes[unknown[0]], owner[unknown[0]] = value, item.node
    return True


def _power(extent: Dim, name: str) -> int:
    return max(power for monomial, _ in extent.terms for symbol, power in monomial if symbol == name)


def _check(item: _Axis, sizes: Sizes, owner: Mapping[str, Node]) -> None:
    node, axis, extent, count = item.node, item.axis, item.extent, item.count
    if any(name not in sizes for name in symbols(extent)):
        raise ShapeError(
            f"input {node.name!r} is {node.type}: axis {axis} has {count} elements, which does not "
            f"determine {extent}"
        )
    expected = evaluate(extent, sizes)
    if expected == count:
        return
    others = sorted({str(owner[name].name) for name in symbols(extent)} - {str(node.name)})
    source = f" ({extent}, set by input {', '.join(map(repr, others))})" if others else ""
    raise ShapeError(
        f"input {node.name!r} is {node.type}: axis {axis} has {count} elements and needs {expected}{source}"
    )


def check_symbols(graph: Graph) -> None:
    """Raises UndeclaredInputError for a symbol that no input determines: no call could give it a value."""
    found = [(node, extent) for node in graph.inputs for extent in node.type.shape]
    known = _determined([extent for _, extent in found])
    for node, extent in found:
        if names := symbols(extent) - known:
            name = min(names)
            raise UndeclaredInputError(
                f"{extent} elements do not tell what {name!r} is, and no other axis of an input does: "
                f"{describe(node)}\n  fix: name an axis of an input {name!r}"
            )
    for node in graph.nodes:
        missing = {name for extent in _extents(node) for name in symbols(extent)} - known
        if missing:
            raise UndeclaredInputError(
                f"the symbolic dimension {min(missing)!r} stands in the shape of no input: {describe(node)}"
            )


def _determined(extents: Sequence[Extent]) -> set[str]:
    """The symbols whose values follow from those of the extents, one after the other."""
    known: set[str] = set()
    while True:
        found: set[str] = set()
        for extent in extents:
            unknown = list(symbols(extent) - known)
            if len(unknown) == 1 and isinstance(extent, Dim) and _power(extent, unknown[0]) == 1:
                found.add(unknown[0])
        if not found:
            return known
        known |= found


def _extents(node: Node) -> Iterator[Extent]:
    yield from node.type.shape
    if isinstance(node.op, MapReduce):
        yield from node.op.extents
        yield from (item.extent for item in node.op.arguments if isinstance(item, Size))


@dataclass(frozen=True, slots=True)
class Demand:
    """An extent that must not be negative in a call, unless `unless` is 0."""

    extent: Dim
    node: Node
    sentence: str
    unless: Extent = 1


def demands(graph: Graph) -> tuple[Demand, ...]:
    """What a graph asks of the values of its symbols.

    No negative extent, no slice beyond its operand, and no largest or smallest among no elements.
    """
    found: dict[tuple[Extent, Extent], Demand] = {}
    for node in graph.nodes:
        for item in _demands_of(node, graph):
            found.setdefault((item.extent, item.unless), item)
    return tuple(found.values())


def _demands_of(node: Node, graph: Graph) -> Iterator[Demand]:
    for axis, extent in enumerate(node.type.shape):
        if _may_be_negative(extent):
            yield Demand(extent, node, f"axis {axis} would have {extent} elements")
    op = node.op
    if isinstance(op, Slice):
        rows = zip(op.starts, op.sizes, op.steps, node.operands[0].type.shape, strict=True)
        for axis, (start, size, step, whole) in enumerate(rows):
            for place in (start, start + (size - 1) * step):
                for room in (place, whole - 1 - place):
                    if _may_be_negative(room) and room != size - 1:  # which a size above 0 allows
                        yield Demand(room, node, f"the slice leaves axis {axis} of its operand", size)
    if isinstance(op, Window | Fold):
        for item in op.over(node.operands[0].type.shape):
            if _may_be_negative(item.room):
                sentence = f"windows over axis {item.axis} would reach over {item.reach} elements"
                yield Demand(item.room, node, sentence, item.elements)
    if isinstance(op, MapReduce) and op.reducer is not Reducer.NONE and not op.reducer.has_identity:
        others = product(op.extents[loop] for loop in op.reduced) - 1
        if _may_be_negative(others) and not _is_only_a_shift(node, graph):
            yield Demand(others, node, f"{op.reducer.value} of no elements has no value")
    if isinstance(op, Call) and isinstance(op.function, ArrayFunction):
        for extent, sentence in op.function.needs([operand.type for operand in node.operands]):
            if _may_be_negative(extent):
                yield Demand(extent, node, sentence)
    if isinstance(op, Pad):
        for count in (*op.low, *op.high):
            if _may_be_negative(count):
                yield Demand(count, node, f"the padding would be {count} elements")


def _is_only_a_shift(node: Node, graph: Graph) -> bool:
    """Whether exponents are moved by a value and nothing else reads it: of no exponents it is any number."""
    return node not in graph.results and all(
        isinstance(user.op, MapReduce) and user.op.formula in SHIFTS.values() for user in graph.users[node]
    )


def _may_be_negative(extent: Extent) -> TypeGuard[Dim]:
    return isinstance(extent, Dim) and any(coefficient < 0 for _, coefficient in extent.terms)


def check_demands(wanted: Sequence[Demand], sizes: Mapping[str, int], graph: Graph) -> None:
    """Raises ShapeError for the first demand of a graph that the values of the symbols do not meet."""
    for item in wanted:
        if evaluate(item.extent, sizes) < 0 and evaluate(item.unless, sizes):
            values = ", ".join(f"{name} = {sizes[name]}" for name in sorted(symbols(item.extent)))
            raise ShapeError(f"with {values}, {item.sentence}: {graph.names.describe(item.node)}")
