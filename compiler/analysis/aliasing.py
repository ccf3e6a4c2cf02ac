"""Whose memory a value lies in, and where in it: offset and strides, derived from the specs of the ops.

A view moves nothing: element `n` of it is element `offset + n . strides` of its base, which is dense. Offsets
and strides are in elements and polynomials in the symbolic dimensions, so they hold for every size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Final

from compiler.ir.dims import Extent, Shape, divide_exactly, evaluate, product, symbols
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.op import Broadcast, Diagonal, Op, Reshape, Slice, Trait, Transpose, Window

_TYPICAL: Final = 64
"""What a symbol is taken to be where it decides whether axes overlap."""


@dataclass(frozen=True, slots=True)
class Region:
    """Elements of a dense base: the first one's place and, for each axis, the distance between neighbours."""

    base: Node
    offset: Extent
    strides: Shape

    def covers(self, node: Node) -> bool:
        """Whether `node`, which lies here, is all of the base in row-major order."""
        is_whole = self.offset == 0 and node.type.size == self.base.type.size
        return is_whole and _is_dense(node.type.shape, self.strides)


def regions_of(graph: Graph, strides: Mapping[Node, Shape] | None = None) -> dict[Node, Region]:
    """Where every value of a graph lies: a view in its base's memory, everything else in memory of its own.

    A reshape of a strided view that no strides describe is a copy, and has memory of its own. What has
    memory of its own is dense but for leaves of which `strides` are given.
    """
    given = strides or {}
    found: dict[Node, Region] = {}
    for node in graph.nodes:
        seen = view_of(node, found[node.operands[0]]) if node.op.has(Trait.VIEW) else None
        found[node] = seen or Region(node, 0, given.get(node) or dense_strides(node.type.shape))
    return found


def dense_strides(shape: Sequence[Extent]) -> Shape:
    """The strides of a row-major array."""
    strides: list[Extent] = []
    step: Extent = 1
    for extent in reversed(shape):
        strides.append(step)
        step = step * extent
    return tuple(reversed(strides))


def view_of(node: Node, operand: Region) -> Region | None:
    """Where a view of an operand that lies in a region lies; None if its elements must be copied."""
    (viewed,) = node.operands
    strides = _strides(node.op, viewed.type.shape, operand.strides)
    if strides is None:
        return None
    return Region(operand.base, operand.offset + _start(node.op, operand.strides), strides)


def covered(shape: Shape, strides: Shape) -> Extent:
    """How many elements of the base a view reads, each counted once however often the view has it.

    Two axes overlap where the distance along one is a small multiple of that along the other, as those of
    windows are: positions and taps are then one run. Where their distances are no multiples of each other
    (a step of 2, a dilation of 3) the gaps between are counted too. Of a symbolic number of positions it is
    taken that they overlap.
    """
    if 0 in shape:
        return 0
    lengths = zip(shape, strides, strict=True)
    axes = [(n, _magnitude(stride)) for n, stride in lengths if stride != 0 and n != 1]
    while (pair := _overlapping(axes)) is not None:
        first, second, run = pair
        axes = [*(item for place, item in enumerate(axes) if place not in (first, second)), run]
    return product(n for n, _ in axes)


def _magnitude(stride: Extent) -> Extent:
    leading = stride if isinstance(stride, int) else stride.terms[-1][1]
    return -stride if leading < 0 else stride


def _overlapping(axes: Sequence[tuple[Extent, Extent]]) -> tuple[int, int, tuple[Extent, Extent]] | None:
    """Two axes that overlap, and the one run that they are together."""
    for (first, (n, near)), (second, (m, far)) in combinations(enumerate(axes), 2):
        ratio = _ratio(far, near)
        if ratio is None:
            continue
        run = (n - 1) * ratio.denominator + (m - 1) * ratio.numerator + 1
        unit = divide_exactly(near, ratio.denominator)
        saved = n * m - run
        if unit is not None and evaluate(saved, dict.fromkeys(symbols(saved), _TYPICAL)) > 0:
            return first, second, (run, unit)
    return None


def _ratio(far: Extent, near: Extent) -> Fraction | None:
    """The ratio of two distances, if it is one of numbers."""
    over, under = (item if isinstance(item, int) else item.terms[-1][1] for item in (far, near))
    found = Fraction(over, under)
    return found if far * found.denominator == near * found.numerator else None


def _start(op: Op, strides: Shape) -> Extent:
    if not isinstance(op, Slice):
        return 0
    total: Extent = 0
    for start, stride in zip(op.starts, strides, strict=True):
        total = total + start * stride
    return total


def _strides(op: Op, shape: Shape, strides: Shape) -> Shape | None:
    match op:
        case Transpose():
            return tuple(strides[axis] for axis in op.order)
        case Slice():
            return tuple(stride * step for stride, step in zip(strides, op.steps, strict=True))
        case Diagonal():
            rest = [s for axis, s in enumerate(strides) if axis not in (op.first, op.second)]
            return (*rest, strides[op.first] + strides[op.second])
        case Window():
            steps = dict(zip(op.axes, op.steps, strict=True))
            taps = (strides[axis] * apart for axis, apart in zip(op.axes, op.dilations, strict=True))
            return (*(stride * steps.get(axis, 1) for axis, stride in enumerate(strides)), *taps)
        case Broadcast():
            return _broadcast(op, shape, strides)
        case Reshape():
            return _reshape(op.shape, shape, strides)
        case _:
            return None


def _broadcast(op: Broadcast, shape: Shape, strides: Shape) -> Shape:
    found: list[Extent] = [0] * len(op.shape)
    for axis, extent, stride in zip(op.axes, shape, strides, strict=True):
        found[axis] = stride if extent == op.shape[axis] else 0
    return tuple(found)


def _reshape(new: Shape, shape: Shape, strides: Shape) -> Shape | None:
    """Strides of the new axes: each run of axes that lie as one must be cut exactly by some new axes."""
    if 0 in new:
        return dense_strides(new)
    found: list[Extent] = []
    runs = _runs(shape, strides)
    for extent, stride in runs:
        rest = extent
        while rest != 1:
            while len(found) < len(new) and new[len(found)] == 1:
                found.append(0)
            divided = divide_exactly(rest, new[len(found)]) if len(found) < len(new) else None
            if divided is None:
                return None
            found.append(divided * stride)
            rest = divided
    return (*found, *[0] * (len(new) - len(found)))


def joined(
    extents: Sequence[Extent], rows: Sequence[Sequence[Extent]], kinds: Sequence[object] | None = None
) -> list[tuple[int, ...]]:
    """Groups of neighbouring loops, outermost first, that are one loop to every row of strides.

    Two neighbours are one loop if a step of the outer one is as far as all steps of the inner one, in every
    row: the group has the product of their extents, and the stride of its last loop. Loops of different
    `kinds` are never one. Extents of 1 are not left out.
    """
    groups: list[list[int]] = []
    for loop in range(len(extents)):
        before = loop - 1
        is_one = groups and all(row[before] == row[loop] * extents[loop] for row in rows)
        if is_one and (kinds is None or kinds[before] == kinds[loop]):
            groups[-1].append(loop)
        else:
            groups.append([loop])
    return [tuple(group) for group in groups]


def _runs(shape: Shape, strides: Shape) -> list[tuple[Extent, Extent]]:
    """Extent and last stride of the longest runs of axes that could be one axis; unit axes are left out."""
    kept = [axis for axis, extent in enumerate(shape) if extent != 1]
    extents, steps = [shape[axis] for axis in kept], [strides[axis] for axis in kept]
    groups = joined(extents, [steps])
    return [(product(extents[axis] for axis in group), steps[group[-1]]) for group in groups]


def _is_dense(shape: Shape, strides: Shape) -> bool:
    rows = zip(shape, strides, dense_strides(shape), strict=True)
    return 0 in shape or all(extent == 1 or stride == dense for extent, stride, dense in rows)
