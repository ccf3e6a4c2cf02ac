"""Copies the left factor of a large product where it lies with its rows last: in panels of eight rows.

    %x = input : f32[4096,1024]
    %g = input : f32[4096,512]
    %w[i,j] = sum[k:4096] %x[k,i] * %g[k,j] : f32[1024,512]
    return %w

is the gradient of a layer's weights over a batch, and becomes

    %x = input : f32[4096,1024]
    %g = input : f32[4096,512]
    %0 = reshape(%x, shape=[4096, 128, 8]) : f32[4096,128,8]
    %1 = transpose(%0, order=[1, 0, 2]) : f32[128,4096,8]
    %2 = reshape(%1, shape=[4194304]) : f32[4194304]
    %3 = reshape(%2, shape=[128, 4096, 8]) : f32[128,4096,8]
    %4[i,j,k] = sum[l:4096] %3[i,l,j] * %g[l,k] : f32[128,8,512]
    %w = reshape(%4, shape=[1024, 512]) : f32[1024,512]
    return %w

A tile of a product reads some rows of the left factor term by term. Where rows are last, each term of them
lies in a page of its own, and half of each line that is fetched is for the next tile, which comes when the
line has left the cache. In a panel the terms of a tile's rows follow each other, and to copy it no register
is turned: 512 terms, rows and columns take 0.87 of the time of a transposed copy, 1024 0.92, 512 terms, 784
rows and 256 columns 0.80 of none. What is no whole number of panels is copied with its terms last, if more
columns read it: of 1024 terms, rows and columns, 0.70 of the time is left, 0.05 of it for the copy.

No bit changes: what is summed is summed in the same order. It is done for factors that no near cache holds,
on backends that copy panels of a product.

Right factors of few columns, many terms and many rows, as the last layer of a classifier has, are copied with
their terms last, too:

    %w[i,j] = sum[k:512] %h[i,k] * %v[k,j] : f32[4096,10]

Vectors along the columns would be half empty, and each element of %h be put into all lanes of one. Vectors
along the terms are full. Of 1024 terms and rows and 2 columns 0.3 of the time is left, of 256 and 10 0.6.
Lanes are added up at the end, so the order of such sums is another one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from compiler.analysis.aliasing import Region, regions_of
from compiler.analysis.products import loops_of_contraction
from compiler.autodiff.placing import reshaped, transposed_copy
from compiler.ir.build import contract
from compiler.ir.dims import Extent, product
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.op import MapReduce, Trait
from compiler.loops.recognition import FEW_ROWS, MANY_TERMS
from compiler.loops.roles import MANY
from compiler.pipeline.contract import Action, ByValue, Report
from compiler.rewrite.refusal import Reason, Refusal, no_panels
from compiler.rewrite.sweep import origin_of, sweep
from compiler.schedule.frame import called
from compiler.schedule.target import Target

LARGE: Final = 1 << 20
"""Bytes of a factor from which on it is done: smaller ones stay in a near cache."""

LARGEST: Final = 1 << 28
"""Bytes up to which it is done: the copy is memory that the program would not take without it."""

PANEL: Final = 8
"""Rows of a panel: those of a tile."""

WIDE: Final = 256
WIDER: Final = 512
"""Columns from which on a copy in panels is repaid, and one that is transposed."""

TERMS_OF_A_COLUMN: Final = 16
"""Terms for each of few columns from which on vectors along the terms are faster than along the columns."""

WORTH: Final = 1 << 14
"""Multiply-adds from which on the copy of few columns is repaid."""


@dataclass(frozen=True, slots=True, eq=False)
class TransposeFactors(ByValue):
    """Lays left factors of large products with their terms last."""

    @property
    def name(self) -> str:
        return "transpose_factors"

    def rewrite(self, graph: Graph, target: Target) -> tuple[Graph, Report]:
        """The graph with such factors copied. Refuses all on a backend that copies no panels."""
        if target.copies_panels:
            return transpose_factors(graph)
        regions = regions_of(graph)
        found = (node for node in graph.nodes if _site(node, regions) is not None)
        return graph, Report(refusals=no_panels(found))


def transpose_factors(graph: Graph) -> tuple[Graph, Report]:
    """The graph, an action for each factor that is copied, and a refusal for each other with rows last."""
    actions: list[Action] = []
    refusals: list[Refusal] = []
    regions = regions_of(graph)

    def visit(old: Node, node: Node) -> Node:
        few = _few(old, regions)
        site = few or _site(old, regions)
        if site is None:
            return node
        refusal = None if few else site.refusal()
        if refusal is not None:
            refusals.append(refusal)
            return node
        kind = "a transposed copy" if site.row is None else "a copy in panels"
        actions.append(Action((old, old.operands[site.place]), f"{called(old)} reads {kind}"))
        return site.written(node)

    after = sweep(graph, visit)
    return after, Report(tuple(actions), tuple(refusals))


def _site(node: Node, regions: Mapping[Node, Region]) -> _Site | None:
    """A product of two matrices of which the left one has neighbouring rows side by side."""
    op = node.op
    if not isinstance(op, MapReduce) or not op.has(Trait.CONTRACTION) or None in op.output:
        return None
    loops = loops_of_contraction(op)
    if loops is None or not loops.is_of_matrices or loops.batch or not loops.rows or not loops.columns:
        return None
    last = [loop for loop in op.output if loop is not None and op.extents[loop] != 1][-1]
    sides = (loops.rows, loops.columns)
    place = 1 if last in loops.rows else 0
    factor, region = node.operands[place], regions[node.operands[place]]
    strides = dict(zip(op.accesses[place].axes, region.strides, strict=True))
    row = next((loop for loop in sides[place] if strides[loop] == 1), None)
    overlaps = factor.type.size != region.base.type.size  # as windows do, and what is broadcast
    if row is None or overlaps:
        return None
    extent = op.extents[row]
    is_whole = isinstance(extent, int) and extent % PANEL == 0
    return _Site(node, place, op, sides[1 - place], row if is_whole else None)


def _few(node: Node, regions: Mapping[Node, Region]) -> _Site | None:
    """A product of many rows whose terms are neighbours, and few columns that are neighbours themselves."""
    op = node.op
    if not isinstance(op, MapReduce) or not op.has(Trait.CONTRACTION) or None in op.output:
        return None
    loops = loops_of_contraction(op)
    if loops is None or not loops.is_of_matrices or loops.batch or len(loops.summed) != 1:
        return None
    if len({item.type.dtype for item in (node, *node.operands)}) > 1:
        return None
    strides = [
        dict(zip(access.axes, regions[item].strides, strict=True))
        for access, item in zip(op.accesses, node.operands, strict=True)
    ]
    (term,) = loops.summed
    for place, own, others in ((1, loops.columns, loops.rows), (0, loops.rows, loops.columns)):
        few, many = (product(op.extents[loop] for loop in side) for side in (own, others))
        depth = op.extents[term]
        if not (isinstance(few, int) and isinstance(many, int) and isinstance(depth, int)):
            continue
        is_apart = strides[place][term] != 1 and strides[1 - place][term] == 1
        is_few = 1 < few <= FEW_ROWS and depth >= max(MANY_TERMS, TERMS_OF_A_COLUMN * few)
        if is_few and is_apart and many >= MANY and few * many * depth >= WORTH:
            return _Site(node, place, op, tuple(others))
    return None


@dataclass(frozen=True, slots=True)
class _Site:
    """A product whose factor `place` has its rows last; `columns` are loops of the other one.

    Of `row`, if there is one, the neighbours lie side by side, and are a whole number of panels.
    """

    node: Node
    place: int
    op: MapReduce
    columns: tuple[int, ...]
    row: int | None = None

    def refusal(self) -> Refusal | None:
        """Why the factor stays as it is."""
        factor = self.node.operands[self.place]
        columns = product(self.op.extents[loop] for loop in self.columns)
        if len({item.type.dtype for item in (self.node, *self.node.operands)}) > 1:
            sentence = f"{called(self.node)} is a product of several dtypes"
            return Refusal(Reason.OTHER_LOOPS, (self.node,), sentence)
        size = factor.type.bytes
        least = WIDER if self.row is None else WIDE
        is_known = isinstance(size, int) and isinstance(columns, int)
        if not is_known or not LARGE <= size <= LARGEST or columns < least:
            sentence = f"{called(self.node)} reads {size} bytes with rows last, for {columns} columns"
            return Refusal(Reason.NOT_FASTER, (self.node,), sentence)
        return None

    def written(self, node: Node) -> Node:
        """The product of the copy."""
        op, place = self.op, self.place
        origin = origin_of(self.node, "transpose_factors", "a factor as tiles read it")
        factors, found = list(node.operands), [access.axes for access in op.accesses]
        inner, panel = len(op.extents), () if self.row is None else (PANEL,)
        extents: list[Extent] = [*op.extents, *panel]
        axes: Sequence[int | None] = found[place]
        output: Sequence[int | None] = op.output
        if self.row is not None:
            extents[self.row] = op.extents[self.row] // PANEL
            axes, output = _with(axes, self.row, inner), _with(output, self.row, inner)
            parts = tuple(1 if loop is None else extents[loop] for loop in axes)
            factors[place] = reshaped(factors[place], parts, origin)
        order = sorted(range(len(axes)), key=lambda axis: (axes[axis] == inner, axes[axis] in op.reduced))
        factors[place] = transposed_copy(factors[place], order, origin)
        found[place] = tuple(axes[axis] for axis in order)
        loops = [loop for loop in output if loop is not None]
        after = contract(factors, found, loops, extents, dtype=op.dtype, origin=origin)
        return reshaped(after, node.type.shape, origin)


def _with(loops: Sequence[int | None], loop: int, inner: int) -> Sequence[int | None]:
    """The loops with another one right inside of one of them."""
    return [each for item in loops for each in ((item, inner) if item == loop else (item,))]
