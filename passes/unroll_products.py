"""Writes products of many small matrices out as sums of products of elements.

    %x = input : f32[n,3,2]
    %y = input : f32[n,2,3]
    %z[i,j,k] = sum[l:2] %x[i,j,l] * %y[i,l,k] : f32[n,3,3]
    return %z

becomes

    op f(a0, b0, a1, b1) = a0 * b0 + a1 * b1
    %x = input : f32[n,3,2]
    %y = input : f32[n,2,3]
    %0 = slice(%x, starts=[0, 0, 0], sizes=[n, 3, 1], steps=[1, 1, 1]) : f32[n,3,1]
    %1 = slice(%y, starts=[0, 0, 0], sizes=[n, 1, 3], steps=[1, 1, 1]) : f32[n,1,3]
    %2 = slice(%x, starts=[0, 0, 1], sizes=[n, 3, 1], steps=[1, 1, 1]) : f32[n,3,1]
    %3 = slice(%y, starts=[0, 1, 0], sizes=[n, 1, 3], steps=[1, 1, 1]) : f32[n,1,3]
    %z = f(%0, %1, %2, %3) : f32[n,3,3]
    return %z

Rotations, quaternions and covariances of a few dimensions come by thousands. A tile of a product holds one of
them at a time, and takes longer to begin and to end than to add up two or four terms; a map walks all in
vectors, and fuses with the maps around it. 10,000 products of 2 x 2 take 0.25 of the time, of 3 x 3 0.5, of
4 x 4 0.55, of a 3 x 3 with a vector 0.12, and of 2 x 2 with the batch as the last axis 0.05; from five terms
on nothing is won.

The terms are added in their order, each product rounded by itself. Gradients of such products are such
products, and are written out likewise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product as every
from typing import Final

from compiler.analysis.products import ProductLoops, loops_of_contraction
from compiler.ir.dims import product
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.formula.tape import Formula
from compiler.ir.graph import Graph
from compiler.ir.node import Node, Origin, make_node
from compiler.ir.op import Access, MapReduce, Slice, Trait
from compiler.pipeline.contract import Action, ByValue, Report
from compiler.rewrite.refusal import Reason, Refusal
from compiler.rewrite.sweep import origin_of, sweep
from compiler.schedule.frame import called
from compiler.schedule.target import Target

DEEPEST: Final = 4
"""Terms of a sum up to which it is done."""

LARGEST: Final = 256
"""Elements of one matrix of the result up to which it is done: a larger one has whole tiles."""

WIDEST: Final = 64
"""Bytes of the rows of such a matrix up to which it is done, if it lies by rows: so much is one vector."""

FEWEST: Final = 16
"""Matrices from which on it is done, where their number is known."""


@dataclass(frozen=True, slots=True, eq=False)
class UnrollProducts(ByValue):
    """Writes out products of many small matrices."""

    @property
    def name(self) -> str:
        return "unroll_products"

    def rewrite(self, graph: Graph, target: Target) -> tuple[Graph, Report]:
        """The graph with such products as maps, on every backend."""
        return unroll_products(graph)


def unroll_products(graph: Graph) -> tuple[Graph, Report]:
    """The graph, an action for each product that is written out, and a refusal for each that is not."""
    actions: list[Action] = []
    refusals: list[Refusal] = []

    def visit(old: Node, node: Node) -> Node:
        loops = _loops(old)
        if loops is None:
            return node
        refusal = _refusal(old, loops)
        if refusal is not None:
            refusals.append(refusal)
            return node
        actions.append(Action((old, *old.operands), f"{called(old)} is written out, term by term"))
        return _written_out(node, origin_of(old, "unroll_products", "a sum of products of elements"))

    after = sweep(graph, visit)
    return after, Report(tuple(actions), tuple(refusals))


def _loops(node: Node) -> ProductLoops | None:
    """The loops of a product of many small matrices."""
    op = node.op
    if not isinstance(op, MapReduce) or not op.has(Trait.CONTRACTION):
        return None
    loops = loops_of_contraction(op)
    if loops is None or not loops.is_of_matrices or not loops.batch:
        return None
    count = product(op.extents[loop] for loop in loops.batch)
    size = product(op.extents[loop] for loop in (*loops.rows, *loops.columns))
    is_many = not isinstance(count, int) or count >= FEWEST
    is_small = isinstance(size, int) and 1 < size <= LARGEST
    return loops if is_many and is_small and _row_bytes(op, loops) <= WIDEST else None


def _row_bytes(op: MapReduce, loops: ProductLoops) -> int:
    """Bytes of a row of a small matrix of the result, if it lies by rows."""
    last = [loop for loop in op.output if loop is not None and op.extents[loop] != 1][-1]
    group = next((group for group in (loops.rows, loops.columns) if last in group), ())
    width = product(op.extents[loop] for loop in group)
    assert isinstance(width, int), "all of a small matrix is known"
    return width * op.dtype.size


def _refusal(node: Node, loops: ProductLoops) -> Refusal | None:
    """Why a product of small matrices stays one."""
    op = node.op
    assert isinstance(op, MapReduce)
    if len({item.type.dtype for item in (node, *node.operands)}) > 1:
        return Refusal(Reason.OTHER_LOOPS, (node,), f"{called(node)} is a product of several dtypes")
    depth = product(op.extents[loop] for loop in loops.summed)
    if not isinstance(depth, int) or depth > DEEPEST:
        return Refusal(Reason.NOT_FASTER, (node,), f"{called(node)} adds up {depth} terms")
    return None


def _written_out(node: Node, origin: Origin) -> Node:
    """The map: of each operand a view for each term."""
    op = node.op
    assert isinstance(op, MapReduce)
    pairs = [
        (_term(operand, access, at, origin), _without(access, at))
        for at in _terms(op)
        for operand, access in zip(node.operands, op.accesses, strict=True)
    ]
    kept = op.extents[: op.kept]
    written = MapReduce(
        _formula(len(pairs) // 2), tuple(access for _, access in pairs), kept, op.output, op.dtype
    )
    return make_node(written, [view for view, _ in pairs], origin=origin)


def _terms(op: MapReduce) -> Iterator[dict[int, int]]:
    """Where every term of a sum is on the summed loops, in the order of these."""
    extents = [op.extents[loop] for loop in op.reduced]
    for place in every(*(range(n) for n in extents if isinstance(n, int))):
        yield dict(zip(op.reduced, place, strict=True))


def _term(operand: Node, access: Access, at: dict[int, int], origin: Origin) -> Node:
    """A view of the elements of a term."""
    starts = tuple(0 if loop is None else at.get(loop, 0) for loop in access.axes)
    sizes = tuple(1 if loop in at else n for n, loop in zip(operand.type.shape, access.axes, strict=True))
    return make_node(Slice(starts, sizes, (1,) * len(sizes)), [operand], origin=origin)


def _without(access: Access, at: dict[int, int]) -> Access:
    return Access(tuple(None if loop in at else loop for loop in access.axes))


@lru_cache(maxsize=DEEPEST)
def _formula(count: int) -> Formula:
    names = [f"{side}{k}" for k in range(count) for side in "ab"]
    terms = " + ".join(f"a{k} * b{k}" for k in range(count))
    return parse_formula(f"f({', '.join(names)}) = {terms}")
