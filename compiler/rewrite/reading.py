"""Maps and reductions that read through views, loops that turn once, elements without their places."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.ir.build import IDENTITY, IDENTITY_OF, product_formula
from compiler.ir.dims import Shape
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.formula.tape import Formula, natural_dtype
from compiler.ir.known_calls import call_of, elements_at
from compiler.ir.node import Node, Origin, make_node
from compiler.ir.op import (
    Access,
    ArrayFunction,
    Broadcast,
    Call,
    Constant,
    Gather,
    MapReduce,
    Reducer,
    Trait,
    Transpose,
)
from compiler.ir.types import Scalar
from compiler.rewrite.accesses import fill, moved, read, through_view


def absorb_view(node: Node, op: MapReduce, origin: Origin) -> Node | None:
    """The node reading the operand of a view that it reads; None where none can be read through.

    A reduction keeps every loop in some operand: it would not know how often to add what has none.
    """
    for position, (operand, access) in enumerate(zip(node.operands, op.accesses, strict=True)):
        if not operand.op.has(Trait.VIEW):
            continue
        below = operand.operands[0]
        axes = through_view(operand.op, below.type, access.axes)
        if axes is None:
            continue
        accesses = [*op.accesses]
        accesses[position] = Access(axes)
        if op.reducer is not Reducer.NONE and not _covers(accesses, op.extents):
            continue
        operands = [*node.operands[:position], below, *node.operands[position + 1 :]]
        return _over(op, accesses, operands, origin)
    return None


def in_order(node: Node, op: Gather, origin: Origin) -> Node | None:
    """Elements of rows at places of an order of the same rows, found without these; None for others."""
    rows, places = node.operands
    call = places.op
    if not op.batched or op.axis != rows.type.rank - 1 or places.operands != (rows,):
        return None
    if not isinstance(call, Call) or not isinstance(call.function, ArrayFunction):
        return None
    function = elements_at(call.function)
    return None if function is None else make_node(call_of(function, rows.type), [rows], origin=origin)


def hoist_broadcast(node: Node, op: MapReduce, origin: Origin) -> tuple[Node, Broadcast] | None:
    """A reduction without those loops of its result that only a broadcast operand has, and its broadcast.

    `sum over k of w[k, j] * x[k, i]` is the same for every j where w is a broadcast along j.
    """
    for position, (operand, access) in enumerate(zip(node.operands, op.accesses, strict=True)):
        below = operand.operands[0] if isinstance(operand.op, Broadcast) else operand
        axes = None if below is operand else through_view(operand.op, below.type, access.axes)
        if axes is None:
            continue
        accesses = [*op.accesses[:position], Access(axes), *op.accesses[position + 1 :]]
        lost = _missing(accesses, op.extents)
        if lost and all(loop < op.kept for loop in lost):
            operands = [*node.operands[:position], below, *node.operands[position + 1 :]]
            return _without_loops(op, lost, accesses, operands, origin)
    return None


def transposed_product(node: Node, op: Transpose, origin: Origin) -> Node | None:
    """A product computed in the order in which its transpose has it; for one that nobody else reads.

    None where neither factor has the transpose's last axis last: its elements would be stored apart, or the
    other one copied. No bit changes, since what is summed is summed in the same order.
    """
    (product,) = node.operands
    inner = product.op
    if not isinstance(inner, MapReduce) or not inner.has(Trait.CONTRACTION) or len(product.operands) < 2:
        return None
    shown = tuple(inner.output[axis] for axis in op.order)
    if shown[-1] is None or all(item.axes[-1:] != (shown[-1],) for item in inner.accesses):
        return None
    order = [*(loop for loop in shown if loop is not None), *inner.reduced]
    place: dict[int, int | None] = {loop: number for number, loop in enumerate(order)}
    new = MapReduce(
        inner.formula,
        tuple(Access(moved(item.axes, place)) for item in inner.accesses),
        tuple(inner.extents[loop] for loop in order),
        moved(shown, place),
        inner.dtype,
        inner.reducer,
    )
    return make_node(new, product.operands, origin=origin)


def _without_loops(
    op: MapReduce, lost: set[int], accesses: Sequence[Access], operands: Sequence[Node], origin: Origin
) -> tuple[Node, Broadcast]:
    kept = [loop for loop in range(len(op.extents)) if loop not in lost]
    place: dict[int, int | None] = {loop: number for number, loop in enumerate(kept)}
    shown = [axis for axis, loop in enumerate(op.output) if loop not in lost]
    new = MapReduce(
        op.formula,
        tuple(Access(moved(item.axes, place)) for item in accesses),
        tuple(op.extents[loop] for loop in kept),
        moved(tuple(op.output[axis] for axis in shown), place),
        op.dtype,
        op.reducer,
    )
    return make_node(new, operands, origin=origin), Broadcast(op.shape, tuple(shown))


def _missing(accesses: Sequence[Access], extents: Shape) -> set[int]:
    return set(range(len(extents))) - {axis for item in accesses for axis in item.axes if axis is not None}


def _covers(accesses: Sequence[Access], extents: Shape) -> bool:
    return not _missing(accesses, extents)


def _over(op: MapReduce, accesses: Sequence[Access], operands: Sequence[Node], origin: Origin) -> Node:
    given = iter(accesses)
    arguments = tuple(next(given) if isinstance(item, Access) else item for item in op.arguments)
    new = MapReduce(op.formula, arguments, op.extents, op.output, op.dtype, op.reducer)
    return make_node(new, operands, origin=origin)


def drop_unit_loops(node: Node, op: MapReduce, origin: Origin) -> Node | None:
    """A reduction without the loops of extent 1 that it reduces; a map where none is left."""
    gone = [loop for loop in op.reduced if op.extents[loop] == 1]
    if not gone:
        return None
    kept = [loop for loop in range(len(op.extents)) if loop not in gone]
    place: dict[int, int | None] = {loop: number for number, loop in enumerate(kept)}
    accesses = tuple(Access(moved(item.axes, place)) for item in op.accesses)
    extents = tuple(op.extents[loop] for loop in kept)
    if len(kept) == op.kept:
        return _map_of_one(op, accesses, extents, node, origin)
    new = MapReduce(op.formula, accesses, extents, op.output, op.dtype, op.reducer)
    return make_node(new, node.operands, origin=origin)


def _map_of_one(
    op: MapReduce, accesses: tuple[Access, ...], extents: Shape, node: Node, origin: Origin
) -> Node | None:
    """What a reduction over one element is; None where the product would be computed in another dtype."""
    if op.reducer.is_search:
        return fill(0, node.type, origin)
    dtypes = [operand.type.dtype for operand in node.operands]
    if len(accesses) > 1 and any(dtype is not op.dtype for dtype in dtypes):
        return None
    if op.reducer is Reducer.SUM and op.dtype.is_float:
        return _map(_sum_of_one(len(accesses)), op, accesses, extents, node, origin)
    if len(accesses) > 1:
        return _map(product_formula(len(accesses)), op, accesses, extents, node, origin)
    first, operand = next(iter(accesses)), node.operands[0]
    if operand.type.dtype is op.dtype:
        return read(operand, first.axes, extents, op.output, origin)
    return _map(IDENTITY, op, accesses, extents, node, origin)


def _map(
    formula: Formula, op: MapReduce, accesses: tuple[Access, ...], extents: Shape, node: Node, origin: Origin
) -> Node:
    new = MapReduce(formula, accesses, extents, op.output, op.dtype)
    return make_node(new, node.operands, origin=origin)


def _sum_of_one(count: int) -> Formula:
    """A sum begins with 0.0, so that of -0.0 alone is 0.0."""
    names = [f"x{k}" for k in range(count)]
    return parse_formula(f"sum_of_one({', '.join(names)}) = {' * '.join(names)} + 0.0")


def drop_ones(node: Node, op: MapReduce, origin: Origin) -> Node | None:
    """A contraction without a factor that is 1 everywhere; None if there is none or a loop would be lost."""
    for position, operand in enumerate(node.operands):
        rest = [*op.accesses[:position], *op.accesses[position + 1 :]]
        if not _is_one(operand) or not _covers(rest, op.extents):
            continue
        operands = [*node.operands[:position], *node.operands[position + 1 :]]
        formula = IDENTITY_OF[Reducer.SUM] if len(rest) == 1 else product_formula(len(rest))
        dtypes = [item.type.dtype for item in operands]
        if natural_dtype(formula, dtypes) is not natural_dtype(
            op.formula, [x.type.dtype for x in node.operands]
        ):
            continue
        new = MapReduce(formula, tuple(rest), op.extents, op.output, op.dtype, op.reducer)
        return make_node(new, operands, origin=origin)
    return None


def _is_one(node: Node) -> bool:
    return isinstance(node.op, Constant) and only_value(node.op) == 1


def only_value(op: Constant) -> Scalar | None:
    """The number that every element of a constant is, bit for bit; None if they differ or are not known."""
    if not op.buffer.is_bound:
        return None
    width = op.type.dtype.size
    first = op.bits[:width]
    if not first or op.bits[-width:] != first or bytes(op.bits) != first * (len(op.bits) // width):
        return None
    return op.buffer.array.flat[0].item()
