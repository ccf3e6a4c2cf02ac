"""Where the values of a graph lie, from what is promised of its inputs.

    Known ::= range of the elements, whether it follows from promises, literals and constants alone

Interval arithmetic, so a range may be wider than the values are; what is known of a value and its own largest
is used, since softmax needs it. Every symbol is taken to be at least 1. Parameters may hold anything: they
change.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from compiler.ir.dims import Extent, product
from compiler.ir.formula.interval_rules import RULES, Range, join, literal, settle
from compiler.ir.formula.intervals import range_at
from compiler.ir.formula.shift import SHIFTS
from compiler.ir.formula.tape import Const, Formula, Line, Ref, Tape
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.op import (
    Access,
    Broadcast,
    Combine,
    Concatenate,
    Constant,
    Fold,
    Index,
    Input,
    Insert,
    Layout,
    MapReduce,
    Op,
    Pad,
    Prefix,
    Reducer,
    Reshape,
    Scan,
    Scatter,
    ScatterAdd,
    Size,
)
from compiler.ir.types import BOOL, TensorType

Lines: TypeAlias = Sequence[tuple[Line, tuple[Range, ...]]]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a value before anything runs."""

    range: Range
    is_declared: bool
    """Whether everything that it is made from is a constant, a literal, or an input with a promise."""
    lines: Lines = ()
    """Of a map, the lines of its formula with the ranges of their arguments."""

    @property
    def low(self) -> float:
        return self.range.low

    @property
    def high(self) -> float:
        return self.range.high


def ranges_of(graph: Graph) -> dict[Node, Known]:
    """What is known of every node, one walk, operands first."""
    known: dict[Node, Known] = {}
    for node in graph.nodes:
        known[node] = _known(node, known)
    return known


def _known(node: Node, known: Mapping[Node, Known]) -> Known:
    match node.op:
        case Input() as op:
            return _of_type(node.type, Range(op.low, op.high, infinite=True), op.has_range)
        case Constant() as op:
            return Known(_of_array(op), op.buffer.is_bound)
        case MapReduce() as op if op.reducer is Reducer.NONE:
            return _map(node, op, known)
        case MapReduce() as op:
            return _reduction(node, op, known)
        case Prefix() as op:
            return _prefix(node, op, known)
        case Layout() as op:
            return _layout(node, op, known)
        case _:
            return _of_type(node.type, Range(infinite=True), False)


def _of_type(type: TensorType, found: Range, is_declared: bool) -> Known:
    if type.dtype is BOOL:
        return Known(Range(max(found.low, 0.0), min(found.high, 1.0)), is_declared)
    return Known(settle(replace(found, nonzero=not found.low <= 0 <= found.high)), is_declared)


def _of_array(op: Constant) -> Range:
    if not op.buffer.is_bound or op.buffer.array.size == 0:
        return Range(infinite=True, nan=True)
    array = op.buffer.array
    has_nan = bool(np.isnan(array).any())
    if has_nan:
        return Range(infinite=True, nan=True)
    low, high = float(array.min()), float(array.max())
    return Range(low, high, math.isinf(low) or math.isinf(high), nonzero=bool((array != 0).all()))


def _map(node: Node, op: MapReduce, known: Mapping[Node, Known]) -> Known:
    operands = [known[operand] for operand in node.operands]
    read = iter(operands)
    given = [next(read).range if isinstance(item, Access) else _argument(item, op) for item in op.arguments]
    found, lines = range_at(_joined(node, op), given)
    if is_below_own_maximum(node):
        found = replace(found, high=min(found.high, 0.0))
    average = _average(node, op, known)
    found = found if average is None else average
    if op.dtype.is_integer and not found.blows_up:
        found = Range(float(np.trunc(found.low)), float(np.trunc(found.high)))
    return Known(found, all(item.is_declared for item in operands), lines)


def _joined(node: Node, op: MapReduce) -> Formula:
    """The formula with one parameter for what is read twice: x * x is a square, and not negative."""
    reads = zip(node.operands, op.accesses, strict=True)
    first: dict[tuple[Node, Access], int] = {}
    refs: list[Ref] = list(range(len(op.formula.parameters)))
    for position, key in zip(op.positions, reads, strict=True):
        refs[position] = first.setdefault(key, position)
    if len(first) == len(node.operands):
        return op.formula
    tape = Tape(op.formula.parameters)
    return tape.finish(op.formula.name, tape.inline(op.formula, refs))


def _argument(argument: Size | Index | Const, op: MapReduce) -> Range:
    match argument:
        case Const():
            return literal(float(argument.value))
        case Size():
            return _extent(argument.extent)
        case Index():
            return Range(0.0, max(_extent(op.extents[argument.loop]).high - 1, 0.0))


def _extent(extent: Extent) -> Range:
    return literal(float(extent)) if isinstance(extent, int) else Range(1.0, math.inf, nonzero=True)


def _average(node: Node, op: MapReduce, known: Mapping[Node, Known]) -> Range | None:
    """The range of what is summed where a map divides a sum by the number of its terms."""
    if atom_name(op) != "div" or len(node.operands) != 1 or not isinstance(op.arguments[0], Access):
        return None
    total, count = node.operands[0], op.arguments[1]
    if not isinstance(total.op, MapReduce) or not _is_bare_sum(total.op):
        return None
    terms = product(total.op.extents[loop] for loop in total.op.reduced)
    number = count.extent if isinstance(count, Size) else count.value if isinstance(count, Const) else None
    return known[total.operands[0]].range if number == terms and terms != 0 else None


def _reduction(node: Node, op: MapReduce, known: Mapping[Node, Known]) -> Known:
    operands = [known[operand] for operand in node.operands]
    is_declared = all(item.is_declared for item in operands)
    terms = product(op.extents[loop] for loop in op.reduced)
    if op.reducer.is_search:
        return Known(Range(0.0, max(_extent(terms).high - 1, 0.0)), is_declared)
    if op.reducer is Reducer.PROD:
        return Known(Range(infinite=True, nan=True), is_declared)
    if op.reducer is not Reducer.SUM:
        return Known(operands[0].range, is_declared)
    found = _sum(_product(node, op, operands), terms)
    if _is_bare_sum(op) and _has_a_one(node, op):
        found = replace(found, low=max(found.low, 1.0), nonzero=True)
    return Known(found, is_declared)


def _product(node: Node, op: MapReduce, operands: Sequence[Known]) -> Range:
    """One term of a sum of products; a factor that stands twice is a square."""
    factors: dict[tuple[Node, Access], int] = {}
    for operand, access in zip(node.operands, op.accesses, strict=True):
        factors[operand, access] = factors.get((operand, access), 0) + 1
    ranges = dict(zip(node.operands, operands, strict=True))
    found = literal(1.0)
    for (operand, _), times in factors.items():
        factor = ranges[operand].range
        found = RULES["mul"](found, factor if times == 1 else RULES["pow"](factor, literal(float(times))))
    return found


def _sum(term: Range, terms: Extent) -> Range:
    if terms == 0:
        return literal(0.0)
    if isinstance(terms, int):
        return settle(replace(RULES["mul"](term, literal(float(terms))), nonzero=not term.may_be_zero))
    low = -math.inf if term.low < 0 else term.low
    high = math.inf if term.high > 0 else term.high
    return settle(Range(low, high, infinite=True, nan=term.nan, nonzero=not low <= 0 <= high))


def _layout(node: Node, op: Layout, known: Mapping[Node, Known]) -> Known:
    operands = [known[operand] for operand in node.operands]
    match op:
        case Concatenate():
            found = join(*(item.range for item in operands))
            return Known(found, all(item.is_declared for item in operands))
        case Pad():
            is_wider = any(count != 0 for count in (*op.low, *op.high, *op.interior))
            inside = operands[0]
            return replace(inside, range=join(inside.range, literal(float(op.value)))) if is_wider else inside
        case Insert() | Scatter(combine=Combine.SET | Combine.MAX | Combine.MIN):
            target, values = operands[0], operands[-1]
            return Known(join(target.range, values.range), target.is_declared and values.is_declared)
        case Scatter():
            is_declared = operands[0].is_declared and operands[-1].is_declared
            return Known(Range(infinite=True, nan=True), is_declared)
        case ScatterAdd() | Fold():
            summed = operands[-1]
            low, high = (-math.inf if summed.low < 0 else 0.0), (math.inf if summed.high > 0 else 0.0)
            return Known(Range(low, high, infinite=True, nan=summed.range.nan), summed.is_declared)
        case _:
            return replace(operands[0], lines=())


def _prefix(node: Node, op: Prefix, known: Mapping[Node, Known]) -> Known:
    operands = [known[operand] for operand in node.operands]
    is_declared = all(item.is_declared for item in operands)
    given = operands[0].range
    if op.scan.picks:
        return Known(given, is_declared)
    if op.scan is Scan.SUM:
        return Known(join(given, _sum(given, node.type.shape[op.axis])), is_declared)
    if op.scan is Scan.PRODUCT and given.low >= -1 and given.high <= 1 and not given.nan:
        return Known(Range(0.0 if given.low >= 0 else -1.0, 1.0), is_declared)
    return Known(Range(infinite=True, nan=True), is_declared)


def is_below_own_maximum(node: Node) -> bool:
    """Whether a node is x minus the largest of x over some axes, moved or held finite or not."""
    return _own_maximum(node) is not None


def _own_maximum(node: Node) -> Node | None:
    if atom_name(node.op) != "sub" or len(node.operands) != 2:
        return None
    value, subtracted = node.operands
    while isinstance(subtracted.op, Broadcast | Reshape) or _is_shift(subtracted):
        subtracted = subtracted.operands[0]
    op = subtracted.op
    is_largest = isinstance(op, MapReduce) and op.reducer is Reducer.MAX and subtracted.operands[0] is value
    return subtracted if is_largest else None


def _is_shift(node: Node) -> bool:
    op = node.op
    if not isinstance(op, MapReduce) or op.reducer is not Reducer.NONE or len(node.operands) != 1:
        return False
    return op.formula in SHIFTS.values() or atom_name(op) == "stop"


def _has_a_one(node: Node, op: MapReduce) -> bool:
    """Whether a sum adds exp(x - max(x)) over the axes of the maximum: one of its terms is 1."""
    (raised,) = node.operands
    is_exponential = atom_name(raised.op) == "exp" and bool(raised.operands)
    largest = _own_maximum(raised.operands[0]) if is_exponential else None
    if largest is None:
        return False
    assert isinstance(largest.op, MapReduce)
    return _reduced_axes(largest.op) == _reduced_axes(op)


def _reduced_axes(op: MapReduce) -> list[int]:
    return [place for place, axis in enumerate(op.accesses[0].axes) if axis is not None and axis >= op.kept]


def _is_bare_sum(op: MapReduce) -> bool:
    return op.reducer is Reducer.SUM and op.formula.is_identity


def atom_name(op: Op) -> str:
    """The atom that a map's formula is; empty for anything else."""
    if not isinstance(op, MapReduce) or op.reducer is not Reducer.NONE or op.formula.atom is None:
        return ""
    return op.formula.atom.name
