"""The adjoints of the prefix reductions, all of them in linear work.

    y = cumsum(x)         g_x = reverse cumsum(g)
    y = cummax(x)         g_x = g added at the place of each winner, the last of equal ones (torch.cummax)
    h = recurrence(a, b)  l[i] = g[i] + a[i+1] * l[i+1],  g_b = l,  g_a[i] = l[i] * h[i-1]
    y = cumprod(x)        l[i] = g[i] + x[i+1] * l[i+1],  g_x[i] = l[i] * y[i-1]
    y = prod(x)           g_x[i] = g * (x[0] * .. * x[i-1]) * (x[i+1] * ..)

The product of all elements but one is never found by division, so a product that has a 0, or several, has
the right slopes, and slopes of slopes. What is walked back is a recurrence again, whose adjoint is of the
same kind.
"""

from __future__ import annotations

from collections.abc import Sequence

from compiler.ir.build import apply
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.node import Node, Origin, make_node
from compiler.ir.op import Access, Argument, Index, MapReduce, Pad, Prefix, Scan, ScatterAdd, Size, Slice
from compiler.ir.types import INT64

LATEST = parse_formula("latest(x, y, i, first) = where(isnan(x), i, where(x == y, i, first))")
"""The place of an element that is what all up to it come to; else the first place of all."""


def prefix_adjoint(node: Node, operand: int, cotangent: Node, origin: Origin) -> Node:
    """The cotangent of an operand."""
    op = node.op
    assert isinstance(op, Prefix)
    match op.scan:
        case Scan.SUM:
            return make_node(Prefix(Scan.SUM, op.axis, not op.reverse), [cotangent], origin=origin)
        case Scan.MAX | Scan.MIN:
            return _at_winners(op, node, cotangent, origin)
        case Scan.PRODUCT | Scan.RECURRENCE:
            return _of_recurrence(op, node, operand, cotangent, origin)


def _of_recurrence(op: Prefix, node: Node, operand: int, cotangent: Node, origin: Origin) -> Node:
    is_product = op.scan is Scan.PRODUCT
    factors = _moved(node.operands[0], op.axis, 0.0, origin, later=not op.reverse)
    back = Prefix(Scan.RECURRENCE, op.axis, not op.reverse)
    through = make_node(back, [factors, cotangent], origin=origin)
    if operand == 1:
        return through
    before = _moved(node, op.axis, float(is_product), origin, later=op.reverse)
    return apply("mul", through, before, origin=origin)


def product_of_others(rows: Node, axis: int, origin: Origin) -> Node:
    """For each element of an axis the product of all but it: of those before, and of those behind."""
    before, behind = (
        make_node(
            Prefix(Scan.PRODUCT, axis, later), [_moved(rows, axis, 1.0, origin, later=later)], origin=origin
        )
        for later in (False, True)
    )
    return apply("mul", before, behind, origin=origin)


def _moved(node: Node, axis: int, fill: float, origin: Origin, *, later: bool) -> Node:
    """Each element replaced by its neighbour behind it, or before it, and the outermost one by a number."""
    rank, shape = node.type.rank, node.type.shape
    one = tuple(int(k == axis) for k in range(rank))
    none = (0,) * rank
    padded = make_node(Pad(none if later else one, one if later else none, none, fill), [node], origin=origin)
    return make_node(Slice(one if later else none, shape, (1,) * rank), [padded], origin=origin)


def _at_winners(op: Prefix, node: Node, cotangent: Node, origin: Origin) -> Node:
    (target,) = node.operands
    shape, axes = node.type.shape, tuple(range(node.type.rank))
    first = Size(shape[op.axis] - 1 if op.reverse else 0)
    arguments: Sequence[Argument] = (Access(axes), Access(axes), Index(op.axis), first)
    won = make_node(MapReduce(LATEST, tuple(arguments), shape, axes, INT64), [target, node], origin=origin)
    latest = Prefix(Scan.MIN if op.reverse else Scan.MAX, op.axis, op.reverse)
    places = make_node(latest, [won], origin=origin)
    scatter = ScatterAdd(op.axis, shape[op.axis], batched=True)
    return make_node(scatter, [places, cotangent], origin=origin)
