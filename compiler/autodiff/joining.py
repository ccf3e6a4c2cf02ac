"""What the uses of a value pass to it together, where that is less than the sum of what each passes alone.

Slices that lie side by side pass on pieces that are one behind the other:

    pad(g0, high=6) + pad(g1, low=2, high=4) + pad(g2, low=4, high=2)  =  pad(concatenate(g0, g1, g2), high=2)

which is the gates of a cell, the heads of a projection, the steps of a sequence. A weight that is used in
every step gets one product over the terms of all steps, where these are fewer than its elements:

    sum[k] x0[k,i] * g0[k,j] + sum[k] x1[k,i] * g1[k,j]  =  sum[k] [x0, x1][k,i] * [g0, g1][k,j]

Neither is anything but a sum in another order, in which no zeros are added.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from compiler.autodiff.masks import Cotangent, mask_of_sum
from compiler.autodiff.rules import sum_of
from compiler.ir.dims import Extent, product
from compiler.ir.node import Node, Origin, make_node
from compiler.ir.op import Access, Concatenate, MapReduce, Pad, Reshape, Trait, Transpose


def may_join(shares: Sequence[Cotangent], share: Cotangent) -> bool:
    """Whether a share goes with those that are waiting, one at least."""
    first = shares[0].node
    found = _way([first, share.node])
    return found is not None and (len(shares) == 1 or found == _way([first, shares[1].node]))


def _way(nodes: Sequence[Node]) -> int | None:
    """The axis along which values are joined, or the loop over which products are; None if they are not."""
    return _axis(nodes) if isinstance(nodes[0].op, Pad) else _loop(nodes)


def joined(shares: Sequence[Cotangent], of: Node) -> Cotangent:
    """The sum of the shares of a forward value's uses."""
    if len(shares) == 1:
        return shares[0]
    nodes = [item.node for item in shares]
    mask = reduce(mask_of_sum, [item.mask for item in shares])
    way = _way(nodes)
    assert way is not None
    origin = Origin(of.origin.source, "grad", "the uses of a value together", of)
    if not isinstance(nodes[0].op, Pad):
        return Cotangent(_product(nodes[::-1], way, origin), mask)
    parts = [Cotangent(_run(run, way, origin), mask) for run in _runs(nodes, way)]
    return reduce(lambda left, right: sum_of(left, right, of), parts)


def _axis(nodes: Sequence[Node]) -> int | None:
    """The one axis along which values lie at different places among zeros; None where there is none."""
    pads = [node.op for node in nodes if isinstance(node.op, Pad)]
    if len(pads) < len(nodes) or any(op.value != 0 or any(op.interior) for op in pads):
        return None
    first = pads[0]
    moved = [k for k in range(len(first.low)) if any(op.low[k] != first.low[k] for op in pads)]
    if len(moved) != 1:
        return None
    (axis,) = moved
    known = all(isinstance(op.low[axis], int) and isinstance(op.high[axis], int) for op in pads)
    alike = {(_off(op.low, axis), _off(op.high, axis)) for op in pads}
    return axis if known and len(alike) == 1 else None


def _off(extents: Sequence[Extent], axis: int) -> tuple[Extent, ...]:
    return (*extents[:axis], *extents[axis + 1 :])


def _runs(nodes: Sequence[Node], axis: int) -> list[list[Node]]:
    """The values in runs, of which each begins where the one before it ends."""
    found: list[list[Node]] = []
    ends: dict[Extent, list[Node]] = {}
    for node in sorted(nodes, key=lambda node: _start(node, axis)):
        run = ends.pop(_start(node, axis), None)
        if run is None:
            found.append(run := [])
        run.append(node)
        ends[_start(node, axis) + node.operands[0].type.shape[axis]] = run
    return found


def _start(node: Node, axis: int) -> int:
    assert isinstance(node.op, Pad)
    start = node.op.low[axis]
    assert isinstance(start, int)
    return start


def _run(run: Sequence[Node], axis: int, origin: Origin) -> Node:
    """The values of a run among its zeros, if there are any."""
    first, last = run[0], run[-1]
    if first is last:
        return first
    assert isinstance(first.op, Pad)
    assert isinstance(last.op, Pad)
    low, high = first.op.low, (*last.op.high[: axis + 1], *first.op.high[axis + 1 :])
    together = _concatenated([node.operands[0] for node in run], axis, origin)
    if not any((*low, *high)):
        return together
    return make_node(Pad(low, high, first.op.interior), [together], origin=origin)


def _concatenated(values: Sequence[Node], axis: int, origin: Origin) -> Node:
    """One behind the other. Of slices of one place each along the first axis that axis is made at the end."""
    inner = [
        value.operands[0] for value in values if isinstance(value.op, Reshape) and value.type.shape[0] == 1
    ]
    if (
        axis
        or len(inner) < len(values)
        or any(
            item.type.rank == 0 or value.type.shape[1:] != item.type.shape
            for item, value in zip(inner, values, strict=True)
        )
    ):
        return make_node(Concatenate(axis), values, origin=origin)
    whole = make_node(Concatenate(0), inner, origin=origin)
    return make_node(Reshape((len(values), *inner[0].type.shape)), [whole], origin=origin)


def _loop(nodes: Sequence[Node]) -> int | None:
    """The summed loop that products of one form have in all factors, if these are smaller than a result.

    All may be transposed: what each step reads is another transpose of the weight.
    """
    first = nodes[0].op
    if any(node.op != first for node in nodes):
        return None
    if isinstance(first, Transpose):
        below = [node.operands[0] for node in nodes]
        return None if isinstance(below[0].op, Transpose) else _loop(below)
    op = first
    if not isinstance(op, MapReduce) or not op.has(Trait.CONTRACTION):
        return None
    if len(op.accesses) < 2 or not all(isinstance(item, Access) for item in op.arguments):
        return None
    loops = [loop for loop in op.reduced if all(item.axes.count(loop) == 1 for item in op.accesses)]
    sizes = [product(operand.type.shape) for operand in nodes[0].operands]
    whole = nodes[0].type.size
    known = all(isinstance(size, int) for size in (*sizes, whole))
    return loops[0] if loops and known and sum(sizes) < whole else None


def _product(nodes: Sequence[Node], loop: int, origin: Origin) -> Node:
    """One product over the terms of all."""
    op = nodes[0].op
    if isinstance(op, Transpose):
        return make_node(op, [_product([node.operands[0] for node in nodes], loop, origin)], origin=origin)
    assert isinstance(op, MapReduce)
    operands = [
        make_node(Concatenate(access.axes.index(loop)), [node.operands[k] for node in nodes], origin=origin)
        for k, access in enumerate(op.accesses)
    ]
    extents = (*op.extents[:loop], op.extents[loop] * len(nodes), *op.extents[loop + 1 :])
    new = MapReduce(op.formula, op.arguments, extents, op.output, op.dtype, op.reducer)
    return make_node(new, operands, origin=origin)
