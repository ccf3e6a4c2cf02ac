"""The adjoint of one op: how the cotangent of a result becomes the cotangent of an operand.

There is one rule for everything that computes: for `out[O] = sum over K of f(x1[I1], x2[I2], ..)` the adjoint
of operand m is

    g_m[Im] = sum over the indices not in Im of g[O] * (df/dx_m)(x1[I1], x2[I2], ..)

emitted as a map and a bare sum, or as a contraction where the product is plain. `max`, `min` and `prod` have
theirs, and each prefix reduction and layout op names its adjoint. Derivatives come from
`compiler.ir.formula.derivative`. Written here is that of exp(x - max(x)) alone: it cannot blow up at a finite
x, so its product is plain unless the cotangent is masked. `zmul` would take the 0 that 1 / sum(exp(x)) is
beside x = +inf for a branch that was masked out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache

from compiler.autodiff.adjoint_formula import AdjointFormula, adjoint_formula
from compiler.autodiff.layout_rules import layout_adjoint
from compiler.autodiff.masks import Cotangent, Mask, mask_at_operand, mask_before_move, mask_of_sum
from compiler.autodiff.placing import reshaped, to_operand
from compiler.autodiff.prefix_rules import prefix_adjoint, product_of_others
from compiler.errors import GradientError
from compiler.ir.build import apply, cast, contract, reduce
from compiler.ir.dims import Shape, product
from compiler.ir.formula.atoms import ATOMS, OF_INTEGERS
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.formula.tape import Const, Formula
from compiler.ir.node import Node, Origin, describe, make_node
from compiler.ir.op import (
    Access,
    Argument,
    ArrayFunction,
    Call,
    Index,
    MapReduce,
    Prefix,
    Reducer,
    Scan,
    Size,
)
from compiler.ir.types import FLOAT64
from compiler.rewrite.accesses import read
from compiler.rewrite.stable import is_exponential_of_shifted


def adjoint(node: Node, operand: int, cotangent: Cotangent) -> Cotangent | None:
    """The contribution of a node's cotangent to that of one operand.

    None where the derivative is 0 everywhere.

    Raises GradientError for an opaque call without a gradient.
    """
    match node.op:
        case MapReduce(reducer=Reducer.NONE):
            return _map(node, node.op, operand, cotangent)
        case MapReduce(reducer=Reducer.SUM):
            return _sum(node, node.op, operand, cotangent)
        case MapReduce(reducer=Reducer.PROD):
            return _product(node, node.op, cotangent)
        case MapReduce(reducer=Reducer.MAX | Reducer.MIN):
            return _extremum(node, node.op, cotangent)
        case MapReduce():
            return None
        case Prefix():
            return _prefix(node, node.op, operand, cotangent)
        case Call():
            return _call(node, node.op, operand, cotangent)
        case _:
            return _move(node, operand, cotangent)


def _origin(node: Node, operand: int, rule: str) -> Origin:
    return Origin(node.origin.source, "grad", rule, node, operand)


def _map(node: Node, op: MapReduce, operand: int, cotangent: Cotangent) -> Cotangent | None:
    passed = mask_at_operand(op, operand, cotangent.mask)
    if is_exponential_of_shifted(node):
        origin = _origin(node, operand, "exp(x - max(x)) is its own slope")
        atom = "zmul" if cotangent.is_masked else "mul"
        return Cotangent(apply(atom, cotangent.node, node, origin=origin), passed)
    literals = tuple((k, item) for k, item in enumerate(op.arguments) if isinstance(item, Const))
    arguments = [item for item in op.arguments if not isinstance(item, Const)]
    positions = [k for k, item in enumerate(arguments) if isinstance(item, Access)]
    sizes = frozenset(k for k, item in enumerate(arguments) if isinstance(item, Size))
    parameter = op.positions[operand]
    rule = adjoint_formula(op.formula, parameter, literals, sizes, cotangent.is_masked)
    if rule is None:
        return None
    access = op.accesses[operand]
    target = node.operands[operand]
    origin = _origin(node, operand, f"d {op.name} / d {op.formula.parameters[parameter]}")
    if rule.formula is None:
        scaled = _scaled(cotangent.node, rule.scale or 0.0, origin)
        return Cotangent(to_operand(scaled, op.output, access.axes, op.extents, target, origin), passed)
    nodes = dict(zip(positions, node.operands, strict=True))
    operands = [cotangent.node, *(_precise(nodes[k], op, origin) for k in rule.kept if k in nodes)]
    used: list[Argument] = [Access(op.output), *(arguments[k] for k in rule.kept)]
    value = _weighted(rule, operands, used, access.axes, op.extents, target, origin)
    loops = None if rule.mask is None else _loops(arguments[k] for k in rule.mask)
    return Cotangent(value, mask_at_operand(op, operand, cotangent.mask, loops))


def _precise(node: Node, op: MapReduce, origin: Origin) -> Node:
    """An integer operand as a float64 where that is what the value has of it: 1 / n alone is a float32."""
    is_read_so = op.dtype is FLOAT64 and node.type.dtype.is_integer and not _is_of_integers(op.formula)
    return cast(node, FLOAT64, origin) if is_read_so else node


@cache
def _is_of_integers(formula: Formula) -> bool:
    """Whether a formula has an atom that takes no floats."""
    return any(ATOMS[line.atom].rule in OF_INTEGERS for line in formula.lines)


def _loops(arguments: Iterable[Argument]) -> set[int]:
    """The loops that arguments vary with."""
    found: set[int] = set()
    for item in arguments:
        match item:
            case Access():
                found.update(axis for axis in item.axes if axis is not None)
            case Index():
                found.add(item.loop)
            case _:
                pass
    return found


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


def _sum(node: Node, op: MapReduce, operand: int, cotangent: Cotangent) -> Cotangent:
    """A product of the cotangent with the other factors; loops that none of them has are broadcast."""
    target, wanted = node.operands[operand], op.accesses[operand].axes
    origin = _origin(node, operand, f"d {op.name} / d {op.formula.parameters[operand]}")
    others = [k for k in range(len(node.operands)) if k != operand]
    if not others:
        value = to_operand(cotangent.node, op.output, wanted, op.extents, target, origin)
        return Cotangent(value, mask_at_operand(op, operand, cotangent.mask))
    axes = [op.output, *(op.accesses[k].axes for k in others)]
    present = {axis for item in axes for axis in item if axis is not None}
    order = [axis for axis in wanted if axis is not None and axis in present]
    loops = sorted(present)
    place = {loop: k for k, loop in enumerate(loops)}
    moved = [[None if axis is None else place[axis] for axis in item] for item in axes]
    extents = [op.extents[loop] for loop in loops]
    operands = [cotangent.node, *(node.operands[k] for k in others)]
    value = contract(
        operands, moved, [place[axis] for axis in order], extents, dtype=target.type.dtype, origin=origin
    )
    mask: Mask = None
    if cotangent.is_masked and isinstance(value.op, MapReduce) and value.op.reducer is Reducer.NONE:
        guarded = replace(value.op, formula=_guarded_product(len(operands)))
        value = make_node(guarded, operands, origin=origin)
        mask = mask_at_operand(op, operand, cotangent.mask)
    return Cotangent(to_operand(value, tuple(order), wanted, op.extents, target, origin), mask)


@cache
def _guarded_product(count: int) -> Formula:
    """A product that is 0 where its first factor is."""
    names = [f"x{k}" for k in range(count)]
    return parse_formula(f"product({', '.join(names)}) = zmul(x0, {' * '.join(names[1:])})")


WINNER = parse_formula("winner(x, y) = x == y")
SHARE = parse_formula("share(g, w, n) = where(w == 0, 0, g) / n")
MASKED_SHARE = parse_formula("share(g, w, n) = zmul(where(w == 0, 0, g), 1 / n)")
"""What is masked out has no share, though there may be no winner, where the largest one is NaN."""


def _extremum(node: Node, op: MapReduce, cotangent: Cotangent) -> Cotangent:
    """The cotangent of the winners on the stored operand over their count: ties share, as in torch.amax."""
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
    share = MASKED_SHARE if cotangent.is_masked else SHARE
    value = over_all(share, [shown, moved, counted], cotangent.node, won, count)
    return Cotangent(value, mask_at_operand(op, 0, cotangent.mask))


def _product(node: Node, op: MapReduce, cotangent: Cotangent) -> Cotangent:
    """The cotangent times the product of the other elements, which is not found by division."""
    (target,) = node.operands
    origin = _origin(node, 0, f"adjoint of {op.name}")
    (axes,) = (access.axes for access in op.accesses)
    loops, kept = tuple(range(len(op.extents))), op.extents[: op.kept]
    rows = read(target, axes, op.extents, loops, origin)
    count = product(op.extents[op.kept :])
    others = product_of_others(reshaped(rows, (*kept, count), origin), len(kept), origin)
    shared = reshaped(cotangent.node, (*kept, 1), origin)
    times = "zmul" if cotangent.is_masked else "mul"
    value = reshaped(apply(times, shared, others, origin=origin), op.extents, origin)
    placed = to_operand(value, loops, axes, op.extents, target, origin)
    return Cotangent(placed, mask_at_operand(op, 0, cotangent.mask))


def _move(node: Node, operand: int, cotangent: Cotangent) -> Cotangent | None:
    origin = _origin(node, operand, f"adjoint of {node.op.name}")
    value = layout_adjoint(node, operand, cotangent.node, origin)
    if value is None:
        return None
    return Cotangent(value, mask_before_move(node.op, node.operands[operand], cotangent.mask))


def _prefix(node: Node, op: Prefix, operand: int, cotangent: Cotangent) -> Cotangent:
    """A mask along other axes than the one that is walked stays, where nothing is multiplied."""
    value = prefix_adjoint(node, operand, cotangent.node, _origin(node, operand, f"adjoint of {op.name}"))
    mask = cotangent.mask
    is_plain = op.scan.picks or op.scan is Scan.SUM
    return Cotangent(value, mask if is_plain and mask is not None and op.axis not in mask else None)


def _call(node: Node, op: Call, operand: int, cotangent: Cotangent) -> Cotangent | None:
    if isinstance(op.function, ArrayFunction):
        origin = _origin(node, operand, f"adjoint of {op.name}")
        back = op.function.adjoint(operand, cotangent.node, node.operands, origin)
        return None if back is None else Cotangent(back)
    if op.gradient is None:
        raise GradientError(
            f"{op.label} is an opaque call without a gradient: {describe(node)}\n"
            "  fix: give tt.call(..., gradient=...) or cut the path with tt.stop_gradient"
        )
    found = op.gradient(cotangent.node, *node.operands)[operand]
    if found is None:
        return None
    if found.type != node.operands[operand].type:
        raise GradientError(
            f"the gradient of {op.label} by operand {operand} is {found.type}: {describe(node)}"
        )
    return Cotangent(found)


def sum_of(left: Cotangent, right: Cotangent, of: Node) -> Cotangent:
    """Two contributions to the cotangent of a forward value, added."""
    origin = Origin(of.origin.source, "grad", "sum over the uses of a value", of)
    value = apply("add", left.node, right.node, origin=origin)
    return Cotangent(value, mask_of_sum(left.mask, right.mask))
