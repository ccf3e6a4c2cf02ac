"""Splits long sums of products with small results into parts, which are added up at the end.

    %x = input : f32[8192,64]
    %g = input : f32[8192,32]
    %w[i,j] = sum[k:8192] %x[k,i] * %g[k,j] : f32[64,32]
    return %w

is the gradient of a narrow layer's weights over a batch, and becomes

    %x = input : f32[8192,64]
    %g = input : f32[8192,32]
    %0 = reshape(%x, shape=[8, 1024, 64]) : f32[8,1024,64]
    %1 = reshape(%g, shape=[8, 1024, 32]) : f32[8,1024,32]
    %2[i,j,k] = sum[l:1024] %0[i,l,j] * %1[i,l,k] : f32[8,64,32]
    %w[i,j] = sum[k:8] %2[k,i,j] : f32[64,32]
    return %w

Both operands are read from far, and every chunk of rows or columns of the result would read one of them
whole. Parts read each operand once, and threads share them. Of 8192 terms a result of 64 x 64 takes 0.65 to
0.7 of the time, 256 x 64 0.64, 128 x 10 0.6 to 0.7, of 4096 terms 32 x 48 0.4 to 0.9, by two threads and by
one; of 512 x 512 results it would take 1.5.

So are products of few rows with a matrix that no near cache holds: a tile walks down some columns of all of
its rows, each in a page of its own, and comes back to all these pages for the next columns. Of a part they
are few, and still at hand.

The parts are equal and their number is even, for threads; both depend on the extents alone. Terms that are
left over are a product of their own. The parts are added in float64, as all sums of float32 are, so rounding
does not grow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from compiler.analysis.aliasing import Region, regions_of
from compiler.analysis.products import ProductLoops, loops_of_contraction
from compiler.ir.build import apply, contract
from compiler.ir.dims import product
from compiler.ir.graph import Graph
from compiler.ir.node import Node, make_node
from compiler.ir.op import Access, Constant, MapReduce, Reshape, Slice, Trait
from compiler.pipeline.contract import Action, ByValue, Report
from compiler.rewrite.refusal import Reason, Refusal, no_panels
from compiler.rewrite.sweep import origin_of, sweep
from compiler.schedule.frame import called
from compiler.schedule.target import Target

PARTS: Final = 8
"""The most parts of a sum."""

LEAST: Final = 512
"""Terms that a part has at least."""

SHORT: Final = 64
"""Iterations of a part from which on a few that are left over do not count."""

DEEP: Final = 2048
"""Terms of a sum from which on it is done."""

LARGEST: Final = 1 << 14
"""Elements of the result up to which it is done: there are as many partial results as there are parts."""

WORTH: Final = 1 << 18
"""Products of elements from which on one more kernel is repaid."""

FEW: Final = 16
"""Rows that are few: one tile has them all, or two."""

FAR: Final = 1 << 21
NEAR: Final = 1 << 20
"""Bytes of a matrix from which on its pages are too many for few rows, and what a part of it should have."""

MOST: Final = 16
"""The most parts of such a matrix."""


@dataclass(frozen=True, slots=True, eq=False)
class SplitSums(ByValue):
    """Splits long sums of products with small results."""

    @property
    def name(self) -> str:
        return "split_sums"

    def rewrite(self, graph: Graph, target: Target) -> tuple[Graph, Report]:
        """The graph with such sums in parts. Refuses all on a backend that copies no panels."""
        if target.copies_panels:
            return split_sums(graph)
        regions = regions_of(graph)
        found = (node for node in graph.nodes if _site(node, regions) is not None)
        return graph, Report(refusals=no_panels(found))


def split_sums(graph: Graph) -> tuple[Graph, Report]:
    """The graph, an action for each sum that is split, and a refusal for each other long one."""
    actions: list[Action] = []
    refusals: list[Refusal] = []
    regions = regions_of(graph)

    def visit(old: Node, node: Node) -> Node:
        site = _site(old, regions)
        if site is None:
            return node
        parts = site.parts()
        if isinstance(parts, str):
            refusals.append(Refusal(Reason.NOT_FASTER, (old,), f"{called(old)} {parts}"))
            return node
        rest = _of_terms(site.extent % parts)
        actions.append(Action((old,), f"{called(old)} is added up in {parts} parts{rest}"))
        return _split(old, node, site, parts)

    after = sweep(graph, visit)
    return after, Report(tuple(actions), tuple(refusals))


def _of_terms(rest: int) -> str:
    """What is said of the terms that no part has."""
    return f" and {rest} term{'s' if rest > 1 else ''}" if rest else ""


def _site(node: Node, regions: Mapping[Node, Region]) -> _Site | None:
    """A product of two whole matrices that programs are given, whose sum is long, or which has few rows."""
    op = node.op
    if not isinstance(op, MapReduce) or not op.has(Trait.CONTRACTION) or None in op.output:
        return None
    loops = loops_of_contraction(op)
    if loops is None or not loops.is_of_matrices or loops.batch or not (loops.rows or loops.columns):
        return None
    found = [regions[item] for item in node.operands]
    is_whole = all(
        item.type.size == region.base.type.size for item, region in zip(node.operands, found, strict=True)
    )
    is_plain = len({item.type.dtype for item in (node, *node.operands)}) == 1
    if not is_whole or not is_plain or any(isinstance(region.base.op, Constant) for region in found):
        return None
    depth = product(op.extents[loop] for loop in loops.summed)
    if not isinstance(depth, int):
        return None
    site = _Site(op, loops, depth, _far_bytes(node, op, loops, found))
    return site if site.far_bytes >= FAR or (depth >= DEEP and loops.rows and loops.columns) else None


def _far_bytes(node: Node, op: MapReduce, loops: ProductLoops, regions: Sequence[Region]) -> int:
    """The bytes of a matrix whose columns lie side by side, times which few rows are; 0 if there is none."""
    sides = (loops.rows, loops.columns)
    for place, (free, others) in enumerate((sides, sides[::-1])):
        few = product(op.extents[loop] for loop in others)
        strides = dict(zip(op.accesses[place].axes, regions[place].strides, strict=True))
        size = node.operands[place].type.bytes
        is_by_rows = any(strides[loop] == 1 for loop in free)
        if isinstance(few, int) and few <= FEW and is_by_rows and isinstance(size, int):
            return size
    return 0


@dataclass(frozen=True, slots=True)
class _Site:
    """A product, how many terms it adds up, and the bytes of its matrix, if few rows are multiplied by it."""

    op: MapReduce
    loops: ProductLoops
    depth: int
    far_bytes: int

    @property
    def loop(self) -> int:
        """The loop that is split."""
        return self.loops.summed[0]

    @property
    def extent(self) -> int:
        """How many iterations that loop has."""
        extent = self.op.extents[self.loop]
        assert isinstance(extent, int)
        return extent

    def parts(self) -> int | str:
        """Into how many parts it is split; or why into none."""
        size = product(self.op.extents[loop] for loop in (*self.loops.rows, *self.loops.columns))
        if self.far_bytes >= FAR:
            most = min(MOST, self.far_bytes // NEAR)
        elif not isinstance(size, int) or size > LARGEST:
            return f"has {size} elements"
        elif size * self.depth < WORTH:
            return f"adds up only {size * self.depth} products"
        else:
            most = min(PARTS, self.depth // LEAST)
        even = range(most - most % 2, most // 2, -2)
        is_long = self.extent >= even[0] * SHORT
        for parts in even if is_long else (*even, *range(most, 1, -1)):
            if self.extent % parts == 0:
                return parts
        return even[0] if is_long else f"adds up {self.extent} terms, which fall into no equal parts"


def _before(access: Access, loop: int, other: int) -> tuple[int | None, ...]:
    """The loops of an operand's axes with an axis for another loop before that of a loop."""
    at = access.axes.index(loop)
    return (*access.axes[:at], other, *access.axes[at:])


def _split(old: Node, node: Node, site: _Site, parts: int) -> Node:
    """The parts, each a product, and their sum; the terms that no part has are a product of their own."""
    origin = origin_of(old, "split_sums", "a long sum in parts")
    op, loop = site.op, site.loop
    length, rest = divmod(site.extent, parts)
    pairs = list(zip(node.operands, op.accesses, strict=True))
    output = [item for item in op.output if item is not None]

    def cut(operand: Node, at: int, start: int, size: int) -> Node:
        if not rest:
            return operand
        starts, sizes = [0] * operand.type.rank, list(operand.type.shape)
        starts[at], sizes[at] = start, size
        return make_node(Slice(tuple(starts), tuple(sizes), (1,) * len(sizes)), [operand], origin=origin)

    def part(operand: Node, at: int) -> Node:
        shape = operand.type.shape
        split = Reshape((*shape[:at], parts, length, *shape[at + 1 :]))
        return make_node(split, [cut(operand, at, 0, parts * length)], origin=origin)

    other = len(op.extents)
    operands = [part(operand, access.axes.index(loop)) for operand, access in pairs]
    axes = [_before(access, loop, other) for _, access in pairs]
    extents = (*op.extents[:loop], length, *op.extents[loop + 1 :], parts)
    partial = contract(operands, axes, [other, *output], extents, dtype=op.dtype, origin=origin)
    shape = partial.type.shape
    kept = range(1, len(shape))
    total = contract([partial], [range(len(shape))], kept, shape, dtype=op.dtype, origin=origin)
    if not rest:
        return total
    operands = [cut(operand, access.axes.index(loop), parts * length, rest) for operand, access in pairs]
    axes = [access.axes for _, access in pairs]
    extents = (*op.extents[:loop], rest, *op.extents[loop + 1 :])
    last = contract(operands, axes, output, extents, dtype=op.dtype, origin=origin)
    return apply("add", total, last, origin=origin)
