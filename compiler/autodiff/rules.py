"""The adjoint of one op: how the cotangent of a result becomes the cotangent of an operand.

There is one rule for everything that computes: for `out[O] = sum over K of f(x1[I1], x2[I2], ..)` the adjoint
of operand m is

    g_m[Im] = sum over the indices not in Im of g[O] * (df/dx_m)(x1[I1], x2[I2], ..)

emitted as a map and a bare sum, or as a contraction where the product is plain. `max` and `min` have a second
one, and each layout op names its adjoint. Derivatives come from `compiler.ir.formula.derivative`. Written
here is that of exp(x - max(x)) alone: it cannot blow up at a finite x, so its product is plain. `zmul` would
take the 0 that 1 / sum(exp(x)) is beside x = +inf for a branch that was masked out.
"""

from __future__ import annotations

from compiler.autodiff.adjoint_formula import AdjointFormula, adjoint_formula
from compiler.autodiff.layout_rules import layout_adjoint
from compiler.autodiff.placing import reshaped, to_operand
from compiler.errors import GradientError
from compiler.ir.build import apply, contract, reduce
from compiler.ir.dims import Shape
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.formula.tape import Const, Formula
from compiler.ir.node import Node, Origin, describe, make_node
from compiler.ir.op import Access, Argument, Call, Index, MapReduce, Reducer, Size
from compiler.rewrite.stable import is_exponential_of_shifted


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
            origin = _origin(node, operand, f"adjoint of {node.op.name}")
            return layout_adjoint(node, operand, cotangent, origin)


def _origin(node: Node, operand: int, rule: str) -> Origin:
    return Origin(node.origin.source, "grad", rule, node, operand)


def _map(node: Node, op: MapReduce, operand: int, cotangent: Node) -> Node | None:
    if is_exponential_of_shifted(node):
        return apply(
            "mul", cotangent, node, origin=_origin(node, operand, "exp(x - max(x)) is its own slope")
        )
    literals = tuple((k, item) for k, item in enumerate(op.arguments) if isinstance(item, Const))
    arguments = [item for item in op.arguments if not isinstance(item, Const)]
    positions = [k for k, item in enumerate(arguments) if isinstance(item, Access)]
    sizes = frozenset(k for k, item in enumerate(arguments) if isinstance(item, Size))
    parameter = op.positions[operand]
    rule = adjoint_formula(op.formula, parameter, literals, sizes)
    if rule is None:
        return None
    access = op.accesses[operand]
    target = node.operands[operand]
    origin = _origin(node, operand, f"d {op.name} / d {op.formula.parameters[parameter]}")
    if rule.formula is None:
        scaled = _scaled(cotangent, rule.scale or 0.0, origin)
        return to_operand(scaled, op.output, access.axes, op.extents, target, origin)
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
        return reshaped(total, target.type.shape, origin)
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
    return reshaped(total, target.type.shape, origin)


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


def _sum(node: Node, op: MapReduce, operand: int, cotangent: Node) -> Node:
    """A product of the cotangent with the other factors; loops that none of them has are broadcast."""
    target, wanted = node.operands[operand], op.accesses[operand].axes
    origin = _origin(node, operand, f"d {op.name} / d {op.formula.parameters[operand]}")
    others = [k for k in range(len(node.operands)) if k != operand]
    if not others:
        return to_operand(cotangent, op.output, wanted, op.extents, target, origin)
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
    return to_operand(value, tuple(order), wanted, op.extents, target, origin)


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


def sum_of(left: Node, right: Node, of: Node) -> Node:
    """Two contributions to the cotangent of a forward value, added."""
    origin = Origin(of.origin.source, "grad", "sum over the uses of a value", of)
    return apply("add", left, right, origin=origin)
