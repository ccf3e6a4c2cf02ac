"""Reads the weights of a product with windows, and writes its result, with the weights' own axes last.

    %x = input : f32[n,48,60]
    %w = input : f32[64,48,3]
    %s = window(%x, axes=[2], positions=[58], taps=[3], steps=[1], dilations=[1]) : f32[n,48,58,3]
    %y[i,j,k] = sum[l:48, m:3] %s[i,l,k,m] * %w[j,l,m] : f32[n,64,58]
    return %y

is a convolution, and becomes

    %x = input : f32[n,48,60]
    %w = input : f32[64,48,3]
    %s = window(%x, axes=[2], positions=[58], taps=[3], steps=[1], dilations=[1]) : f32[n,48,58,3]
    %0 = transpose(%w, order=[1, 2, 0]) : f32[48,3,64]
    %1 = reshape(%0, shape=[9216]) : f32[9216]
    %2 = reshape(%1, shape=[48, 3, 64]) : f32[48,3,64]
    %3[i,j,k] = sum[l:48, m:3] %s[i,l,j,m] * %2[l,m,k] : f32[n,58,64]
    %y = transpose(%3, order=[0, 2, 1]) : f32[n,64,58]
    return %y

Vectors of a product run along what lies side by side. Rows of an image are no whole number of vectors, and
where vectors run along the channels instead, each of them is stored apart, often in the same few lines of the
cache. One copy that transposes, of the result as of the weights, takes a fraction of that. Whoever reads the
result is handed a view of it, and what is made of it lies as it does: maps, pads, slices and windows, up to
the results of the graph, where a map transposes as it goes. In a gradient by weights the cotangent has their
part, and the result is small: it is stored as it was.

The same holds for other products whose terms are no one run in memory.

No bit changes: what is summed is summed in the same order. It is done where sums are long, and the weights
have enough of their own; on backends that copy panels of a product.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from compiler.analysis.aliasing import Region, joined, regions_of
from compiler.analysis.products import Loops, loops_of_contraction
from compiler.autodiff.placing import transposed, transposed_copy
from compiler.ir.build import contract
from compiler.ir.dims import Extent, evaluate, product, symbols
from compiler.ir.graph import Graph
from compiler.ir.node import Node, Origin
from compiler.ir.op import MapReduce, Trait, Window
from compiler.pipeline.contract import Action, ByValue, Report
from compiler.rewrite.carrying import Carrying
from compiler.rewrite.refusal import Reason, Refusal, no_panels
from compiler.rewrite.sweep import origin_of, sweep
from compiler.schedule.frame import called
from compiler.schedule.target import Target

MANY: Final = 16
"""Rows of windows, and columns of the weights' own, from which on it is done."""

LONG: Final = 128
"""Terms of a sum from which on it is done, and `LONGEST` those from which on a result is stored as it was."""

LONGEST: Final = 2048

RAGGED: Final = 1.1
"""How much longer than a row of positions the vectors are that cover it, where it is worth another layout."""

DEEP: Final = 256
WIDE: Final = 32
"""Terms and columns from which on vectors run along the columns anyway."""

_TYPICAL: Final = 64
"""What a symbol is taken to be where sizes are compared."""

_LANES: Final = 16


@dataclass(frozen=True, slots=True, eq=False)
class ChannelsLast(ByValue):
    """Lays weights, and results of products with windows, so that vectors run along the weights' own axes."""

    @property
    def name(self) -> str:
        return "channels_last"

    def rewrite(self, graph: Graph, target: Target) -> tuple[Graph, Report]:
        """The graph with such products rewritten. Refuses all on a backend that copies no panels."""
        if target.copies_panels:
            return channels_last(graph)
        regions = regions_of(graph)
        found = (node for node in graph.nodes if _given(node, regions) is not None)
        return graph, Report(refusals=no_panels(found))


def channels_last(graph: Graph) -> tuple[Graph, Report]:
    """The graph, an action for each product that was rewritten, and a refusal for each other with windows."""
    actions: list[Action] = []
    refusals: list[Refusal] = []
    regions = regions_of(graph)
    carrying = Carrying(graph.results, "channels_last")

    def visit(old: Node, node: Node) -> Node:
        given = _given(old, regions)
        if given is None:
            return carrying.carried(old, node)
        site = _Site(old, given)
        refusal = site.refusal(regions)
        if refusal is not None:
            refusals.append(refusal)
            return node
        actions.append(Action((old, *old.operands), f"{called(old)} has the weights' own axes last"))
        return carrying.note(site.written(node.operands, regions))

    after = sweep(graph, visit)
    return after, Report(tuple(actions), tuple(refusals))


def _given(node: Node, regions: Mapping[Node, Region]) -> int | None:
    """Which factor of a product of two has windows; or which is not copied where the terms are no one run.

    A panel of such terms is copied element by element, or nearly so.
    """
    op = node.op
    if not isinstance(op, MapReduce) or not op.has(Trait.CONTRACTION) or len(node.operands) != 2:
        return None
    found = [place for place, operand in enumerate(node.operands) if _is_windows(operand)]
    if found:
        return found[0] if len(found) == 1 else None
    last = [loop for loop in op.output if loop is not None and op.extents[loop] != 1][-1:]
    owners = [place for place in range(2) if set(last) & set(op.accesses[place].axes)]
    if len(owners) != 1:
        return None
    axes = op.accesses[owners[0]].axes
    strides = dict(zip(axes, regions[node.operands[owners[0]]].strides, strict=True))
    summed = [loop for loop in op.reduced if op.extents[loop] != 1 and loop in strides]
    runs = joined([op.extents[loop] for loop in summed], [[strides[loop] for loop in summed]])
    return 1 - owners[0] if len(runs) > 1 else None


def _is_windows(node: Node) -> bool:
    while node.op.has(Trait.VIEW):
        if isinstance(node.op, Window):
            return True
        node = node.operands[0]
    return False


class _Site:
    """A product whose factor `given` has windows; the other one are its weights."""

    def __init__(self, node: Node, given: int) -> None:
        assert isinstance(node.op, MapReduce)
        self.node, self.given, self.op = node, given, node.op
        self.axes = [access.axes for access in node.op.accesses]
        self.weights = node.operands[1 - given]
        loops = loops_of_contraction(node.op)
        self.is_product = loops is not None and loops.is_of_matrices and None not in node.op.output
        sides: tuple[Loops, Loops] = (loops.rows, loops.columns) if loops is not None else ((), ())
        self.rows: Loops = sides[given]
        self.columns: Loops = sides[1 - given]
        self.summed: Loops = loops.summed if loops is not None else ()

    def refusal(self, regions: Mapping[Node, Region]) -> Refusal | None:
        """Why the product stays as it is."""
        dtypes = {item.type.dtype for item in (self.node, *self.node.operands)}
        if not self.is_product or len(dtypes) > 1:
            sentence = f"{called(self.node)} is no product of two matrices"
            return Refusal(Reason.OTHER_LOOPS, (self.node,), sentence)
        columns, rows, terms = map(self._count, (self.columns, self.rows, self.summed))
        if columns < MANY or rows < MANY or terms < LONG or symbols(self._size(self.columns)):
            sentence = f"{called(self.node)} has {columns} columns, {rows} rows and sums of {terms} terms"
            return Refusal(Reason.NOT_FASTER, (self.node,), sentence)
        if not self.is_copied(regions) and not self.is_turned:
            sentence = f"{called(self.node)} is read and written along the weights' own axes"
            return Refusal(Reason.NOT_FASTER, (self.node,), sentence)
        return None

    def is_copied(self, regions: Mapping[Node, Region]) -> bool:
        """Whether the weights do not lie side by side along their own axes."""
        axes = self.axes[1 - self.given]
        return regions[self.weights].strides[axes.index(self.columns[-1])] != 1

    @property
    def is_turned(self) -> bool:
        """Whether the result has the weights' own axes last: it has not, and that pays."""
        long = [loop for loop in self.op.output if loop is not None and self.op.extents[loop] != 1]
        terms = self._count(self.summed)
        if long[-1] in self.columns or terms >= LONGEST:
            return False
        width = self._count(long[-1:])
        is_ragged = -(-width // _LANES) * _LANES > RAGGED * width
        return is_ragged or (terms >= DEEP and self._count(self.columns) >= WIDE)

    def written(self, operands: Sequence[Node], regions: Mapping[Node, Region]) -> Node:
        """What takes the product's place."""
        origin = origin_of(self.node, "channels_last", "a product with windows")
        factors, axes = list(operands), list(self.axes)
        if self.is_copied(regions):
            place = 1 - self.given
            factors[place], axes[place] = self._copied(operands[place], origin)
        output = [loop for loop in self.op.output if loop is not None]
        order = range(len(output))
        if self.is_turned:
            order = sorted(order, key=lambda axis: output[axis] in self.columns)
        found = contract(
            factors,
            axes,
            [output[axis] for axis in order],
            self.op.extents,
            dtype=self.op.dtype,
            origin=origin,
        )
        return transposed(found, [order.index(axis) for axis in range(len(output))], origin)

    def _copied(self, weights: Node, origin: Origin) -> tuple[Node, tuple[int | None, ...]]:
        """The weights with their own axes last."""
        axes = self.axes[1 - self.given]
        order = sorted(range(len(axes)), key=lambda place: axes[place] in self.columns)
        return transposed_copy(weights, order, origin), tuple(axes[place] for place in order)

    def _size(self, loops: Sequence[int]) -> Extent:
        return product(self.op.extents[loop] for loop in loops)

    def _count(self, loops: Sequence[int]) -> int:
        """How many iterations loops have, or about so many."""
        size = self._size(loops)
        return evaluate(size, dict.fromkeys(symbols(size), _TYPICAL))
