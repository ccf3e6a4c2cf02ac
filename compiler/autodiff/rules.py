"""The adjoint of one op: how the cotangent of a result becomes the cotangent of an operand.

There is one rule for everything that computes: for `out[O] = sum over K of f(x1[I1], x2[I2], ..)` the adjoint
of operand m is

    g_m[Im] = sum over the indices not in Im of g[O] * (df/dx_m)(x1[I1], x2[I2], ..)

emitted as a map and a bare sum, or as a contraction where the product is plain. `max` and `min` have a second
one, and each layout op names its adjoint. Derivatives come from `compiler.ir.formula.derivative`; none is
written here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from compiler.errors import GradientError
from compiler.ir.build import apply, broadcast, cast, contract, reduce
from compiler.ir.dims import Shape
from compiler.ir.formula.derivative import derive, is_zero
from compiler.ir.formula.intervals import may_blow_up
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.formula.tape import Const, Formula, Ref, Tape, bind
from compiler.ir.node import Node, Origin, describe, make_node
from compiler.ir.op import (
    Access,
    Argument,
    Broadcast,
    Call,
    Concatenate,
    Diagonal,
    Gather,
    Index,
    MapReduce,
    Op,
    Pad,
    Reducer,
    Reshape,
    ScatterAdd,
    Size,
    Slice,
    Transpose,
)  # fmt: skip


def adjoint(node: Node, operand: int, cotangent: Node) -> Node | None:
    """The contribution of a node's cotangent to that of one operand.

    None where the derivative is 0 everywhere.

    Raises GradientError for an opaque call without a gradient.
    """
    match node.op:
        case MapReduce(reducer=Reducer.NONE):
            return _map(node, node.op, operand, cotangent)
        case MapReduce(reducer=Reducer.SUM):
            return _sum(node, node.op, operand, cotangent)
        case MapReduce(reducer=Reducer.MAX | Reducer.MIN):
            return _extremum(node, node.op, cotangent)
        case MapReduce():
            return None
        case Call():
            return _call(node, node.op, operand, cotangent)
        case _:
            return _layout(node, node.op, operand, cotangent)


@dataclass(frozen=True, slots=True)
class AdjointFormula:
    """`cotangent * partial` as a formula of the cotangent and the `kept` parameters of the forward formula.

    `scale` is set instead where the partial is a literal. `factors` are the kept parameters in order where
    the formula is a plain product of them with the cotangent, which a sum turns into a contraction.
    """

    formula: Formula | None
    kept: tuple[int, ...]
    scale: float | None = None
    factors: bool = False


@cache
def adjoint_formula(
    formula: Formula, parameter: int, sizes: frozenset[int] = frozenset()
) -> AdjointFormula | None:
    """How the cotangent of a formula's value becomes that of a parameter; None where the partial is 0.

    A partial that can blow up at finite arguments multiplies by `zmul`, so that a branch which was masked out
    (its cotangent is 0) stays 0 next to an infinite slope. Parameters in `sizes` are extents, hence positive.
    """
    return adjoint_of(formula, parameter, derive(formula, parameter), sizes)


def adjoint_of(
    formula: Formula, parameter: int, partial: Formula, sizes: frozenset[int] = frozenset()
) -> AdjointFormula | None:
    """`adjoint_formula` for a partial that is known."""
    if is_zero(partial):
        return None
    if isinstance(partial.result, Const):
        return AdjointFormula(None, (), float(partial.result.value))
    kept = tuple(k for k in range(len(formula.parameters)) if partial.uses(k))
    tape = Tape([_fresh(formula.parameters), *(formula.parameters[k] for k in kept)])
    arguments: list[Ref] = [
        kept.index(k) + 1 if k in kept else Const(0) for k in range(len(formula.parameters))
    ]
    risky = may_blow_up(bind(partial, dict.fromkeys(sizes, 1)))
    value = tape.emit("zmul" if risky else "mul", 0, tape.inline(partial, arguments))
    product = partial.factors
    return AdjointFormula(tape.finish(partial.name, value), kept, factors=product is not None and not risky)


def _fresh(taken: Sequence[str]) -> str:
    number = 1
    while (name := "g" if number == 1 else f"g{number}") in taken:
        number += 1
    return name


def _origin(node: Node, operand: int, rule: str) -> Origin:
    return Origin(node.origin.source, "grad", rule, node, operand)


def _map(node: Node, op: MapReduce, operand: int, cotangent: Node) -> Node | None:
    literals = {k: item.value for k, item in enumerate(op.arguments) if isinstance(item, Const)}
    arguments = [item for item in op.arguments if not isinstance(item, Const)]
    formula = bind(op.formula, literals) if literals else op.formula
    positions = [k for k, item in enumerate(arguments) if isinstance(item, Access)]
    sizes = frozenset(k for k, item in enumerate(arguments) if isinstance(item, Size))
    rule = adjoint_formula(formula, positions[operand], sizes)
    if rule is None:
        return None
    access = op.accesses[operand]
    target = node.operands[operand]
    origin = _origin(node, operand, f"d {formula.name} / d {formula.parameters[positions[operand]]}")
    if rule.formula is None:
        scaled = _scaled(cotangent, rule.scale or 0.0, origin)
        return _to_operand(scaled, op.output, access.axes, op.extents, target, origin)
    nodes = dict(zip(positions, node.operands, strict=True))
    operands = [cotangent, *(nodes[k] for k in rule.kept if k in nodes)]
    used: list[Argument] = [Access(op.output), *(arguments[k] for k in rule.kept)]
    return _weighted(rule, operands, used, access.axes, op.extents, target, origin)


def _weighted(
    rule: AdjointFormula, operands: list[Node], used: list[Argument], axes: tuple[int | None, ...],
    extents: Shape, target: Node, origin: Origin,
) -> Node:  # fmt: skip
    """Cotangent times partial over all loops, summed over those that the target has not."""
    kept = [axis for axis in axes if axis is not None]
    missing = [loop for loop in range(len(extents)) if loop not in kept]
    if missing and rule.factors and all(isinstance(item, Access) for item in used):
        accesses = [item.axes for item in used if isinstance(item, Access)]
        total = contract(operands, accesses, kept, extents, dtype=target.type.dtype, origin=origin)
        return _with_unit_axes(total, target.type.shape, origin)
    assert rule.formula is not None
    order = [*kept, *missing]
    place = {loop: position for position, loop in enumerate(order)}
    shown = axes if not missing else tuple(order)
    op = MapReduce(
        rule.formula, tuple(_moved(item, place) for item in used), tuple(extents[loop] for loop in order),
        tuple(None if axis is None else place[axis] for axis in shown), target.type.dtype,
    )  # fmt: skip
    value = make_node(op, operands, origin=origin)
    if not missing:
        return value
    total = reduce(Reducer.SUM, value, range(len(kept), len(order)), origin=origin)
    return _with_unit_axes(total, target.type.shape, origin)


def _moved(argument: Argument, place: dict[int, int]) -> Argument:
    match argument:
        case Access():
            return Access(tuple(None if axis is None else place[axis] for axis in argument.axes))
        case Index():
            return Index(place[argument.loop])
        case _:
            return argument


def _scaled(node: Node, scale: float, origin: Origin) -> Node:
    if scale == 1:
        return node
    return apply("neg", node, origin=origin) if scale == -1 else apply("mul", node, scale, origin=origin)


def _to_operand(
    value: Node, given: tuple[int | None, ...], wanted: tuple[int | None, ...], extents: Shape, target: Node,
    origin: Origin,
) -> Node:  # fmt: skip
    """A value with an axis for each loop in `given` as one with the axes `wanted` and the target's type."""
    have = [axis for axis in given if axis is not None]
    want = [axis for axis in wanted if axis is not None]
    value = _reshaped(value, tuple(extents[axis] for axis in have), origin)
    if any(axis not in want for axis in have):
        order = [axis for axis in want if axis in have]
        loops = {axis: k for k, axis in enumerate(have)}
        value = contract(
            [value], [range(len(have))], [loops[axis] for axis in order], value.type.shape, origin=origin
        )
        have = order
    order = [have.index(axis) for axis in want if axis in have]
    if order != sorted(order):
        value = make_node(Transpose(tuple(order)), [value], origin=origin)
    shape = tuple(extents[axis] for axis in want)
    value = broadcast(value, shape, [k for k, axis in enumerate(want) if axis in have], origin)
    return cast(_reshaped(value, target.type.shape, origin), target.type.dtype, origin)


def _reshaped(node: Node, shape: Shape, origin: Origin) -> Node:
    return node if node.type.shape == shape else make_node(Reshape(shape), [node], origin=origin)


_with_unit_axes = _reshaped


def _sum(node: Node, op: MapReduce, operand: int, cotangent: Node) -> Node:
    """A product of the cotangent with the other factors; loops that none of them has are broadcast."""
    target, wanted = node.operands[operand], op.accesses[operand].axes
    origin = _origin(node, operand, f"d {op.name} / d {op.formula.parameters[operand]}")
    others = [k for k in range(len(node.operands)) if k != operand]
    if not others:
        return _to_operand(cotangent, op.output, wanted, op.extents, target, origin)
    axes = [op.output, *(op.accesses[k].axes for k in others)]
    present = {axis for item in axes for axis in item if axis is not None}
    order = [axis for axis in wanted if axis is not None and axis in present]
    loops = sorted(present)
    place = {loop: k for k, loop in enumerate(loops)}
    moved = [[None if axis is None else place[axis] for axis in item] for item in axes]
    extents = [op.extents[loop] for loop in loops]
    operands = [cotangent, *(node.operands[k] for k in others)]
    value = contract(
        operands, moved, [place[axis] for axis in order], extents, dtype=target.type.dtype, origin=origin
    )
    return _to_operand(value, tuple(order), wanted, op.extents, target, origin)


WINNER = parse_formula("winner(x, y) = where(x == y, 1.0, 0.0)")
SHARE = parse_formula("share(g, w, n) = g * w / n")


def _extremum(node: Node, op: MapReduce, cotangent: Node) -> Node:
    """The indicator of the winners on the stored operand over their count: ties share, as in torch.amax."""
    (target,) = node.operands
    origin = _origin(node, 0, f"winners of {op.name} share")
    axes, extents, dtype = op.accesses[0].axes, op.extents, target.type.dtype
    place = {loop: position for position, loop in enumerate(axis for axis in axes if axis is not None)}
    order = list(place)
    moved = tuple(None if axis is None else place[axis] for axis in axes)
    shown = tuple(None if axis is None else place[axis] for axis in op.output)
    shape = tuple(extents[loop] for loop in order)

    def over_all(formula: Formula, arguments: list[tuple[int | None, ...]], *nodes: Node) -> Node:
        accesses = tuple(map(Access, arguments))
        return make_node(MapReduce(formula, accesses, shape, moved, dtype), nodes, origin=origin)

    won = over_all(WINNER, [moved, shown], target, node)
    gone = [k for k, axis in enumerate(axes) if axis is not None and axis >= op.kept]
    count = reduce(Reducer.SUM, won, gone, keepdims=True, origin=origin)
    counted = tuple(None if k in gone else axis for k, axis in enumerate(moved))
    return over_all(SHARE, [shown, moved, counted], cotangent, won, count)


def _call(node: Node, op: Call, operand: int, cotangent: Node) -> Node | None:
    if op.gradient is None:
        raise GradientError(
            f"{op.label} is an opaque call without a gradient: {describe(node)}\n"
            "  fix: give tt.call(..., gradient=...) or cut the path with tt.stop_gradient"
        )
    found = op.gradient(cotangent, *node.operands)[operand]
    if found is not None and found.type != node.operands[operand].type:
        raise GradientError(
            f"the gradient of {op.label} by operand {operand} is {found.type}: {describe(node)}"
        )
    return found


def _layout(node: Node, op: Op, operand: int, cotangent: Node) -> Node | None:
    """The adjoint that each layout op names, as one or two ops."""
    origin, target = _origin(node, operand, f"adjoint of {op.name}"), node.operands[operand]
    shape = target.type.shape
    match op:
        case Reshape():
            return make_node(Reshape(shape), [cotangent], origin=origin)
        case Transpose():
            inverse = tuple(op.order.index(axis) for axis in range(len(op.order)))
            return make_node(Transpose(inverse), [cotangent], origin=origin)
        case Broadcast():
            wanted = tuple(
                None if shape[k] == 1 and op.shape[axis] != 1 else axis for k, axis in enumerate(op.axes)
            )
            return _to_operand(cotangent, tuple(range(len(op.shape))), wanted, op.shape, target, origin)
        case Diagonal():
            return _diagonal(op, cotangent, target, origin)
        case Slice():
            return _slice(op, cotangent, shape, origin)
        case Pad():
            steps = tuple(interior + 1 for interior in op.interior)
            return make_node(Slice(op.low, shape, steps), [cotangent], origin=origin)
        case Concatenate():
            return _concatenate(node, op, operand, cotangent, origin)
        case Gather() if operand == 0:
            scatter = ScatterAdd(op.axis, shape[op.axis], op.batched)
            return make_node(scatter, [node.operands[1], cotangent], origin=origin)
        case ScatterAdd() if operand == 1:
            return make_node(Gather(op.axis, op.batched), [cotangent, node.operands[0]], origin=origin)
        case _:
            return None


ON_DIAGONAL = parse_formula("on_diagonal(g, i, j) = where(i == j, g, 0.0)")


def _diagonal(op: Diagonal, cotangent: Node, target: Node, origin: Origin) -> Node:
    rank = target.type.rank
    rest = [axis for axis in range(rank) if axis not in (op.first, op.second)]
    arguments = (Access((*rest, op.first)), Index(op.first), Index(op.second))
    spread = MapReduce(ON_DIAGONAL, arguments, target.type.shape, tuple(range(rank)), target.type.dtype)
    return make_node(spread, [cotangent], origin=origin)


def _slice(op: Slice, cotangent: Node, shape: Shape, origin: Origin) -> Node:
    flipped = [step < 0 for step in op.steps]
    if any(flipped):
        sizes = cotangent.type.shape
        starts = tuple(n - 1 if flip else 0 for n, flip in zip(sizes, flipped, strict=True))
        flip = Slice(starts, sizes, tuple(-1 if flip else 1 for flip in flipped))
        cotangent = make_node(flip, [cotangent], origin=origin)
    rows = zip(op.starts, op.sizes, op.steps, strict=True)
    low = tuple(
        0 if size == 0 else start + (size - 1) * step if step < 0 else start for start, size, step in rows
    )
    steps = tuple(map(abs, op.steps))
    rows = zip(shape, low, op.sizes, steps, strict=True)
    high = tuple(n if size == 0 else n - start - ((size - 1) * step + 1) for n, start, size, step in rows)
    interior = tuple(0 if size == 0 else step - 1 for size, step in zip(op.sizes, steps, strict=True))
    return make_node(Pad(low, high, interior), [cotangent], origin=origin)


def _concatenate(node: Node, op: Concatenate, operand: int, cotangent: Node, origin: Origin) -> Node:
    before = sum(
        (item.type.shape[op.axis] for item in node.operands[1:operand]), node.operands[0].type.shape[op.axis]
    )
    sizes = node.operands[operand].type.shape
    starts = tuple(before if operand and axis == op.axis else 0 for axis in range(len(sizes)))
    return make_node(Slice(starts, sizes, (1,) * len(sizes)), [cotangent], origin=origin)


def sum_of(left: Node, right: Node, of: Node) -> Node:
    """Two contributions to the cotangent of a forward value, added."""
    origin = Origin(of.origin.source, "grad", "sum over the uses of a value", of)
    return apply("add", left, right, origin=origin)
