"""The stabilised twin of a graph: the same functions, in forms whose gradients do not overflow or cancel.

    log(softmax(x)), log(sum(exp(x))), exp(x) / sum(exp(x)), and the equations of
    `compiler.ir.formula.recognise`

`grad` differentiates the twin, so that no gradient depends on which passes run.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence

from compiler.ir.build import align, apply, atom_formula, reduce
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.formula.recognise import Equation, LineOf, equations, match
from compiler.ir.formula.shift import SHIFTS
from compiler.ir.formula.tape import Const, Line, Ref
from compiler.ir.graph import reachable
from compiler.ir.node import Node, Origin, make_node
from compiler.ir.op import (
    Access,
    Broadcast,
    Diagonal,
    Gather,
    Layout,
    MapReduce,
    Reducer,
    Reshape,
    Slice,
    Trait,
    Transpose,
)  # fmt: skip
from compiler.ir.types import floating
from compiler.rewrite.congruence import value_key

LOG_QUOTIENT = Equation(
    "log(exp(x) / y) = x - log(y)",
    parse_formula("f(x, y) = log(exp(x) / y)"),
    parse_formula("f(x, y) = x - log(y)"),
)


def stabilised(output: Node, keep: Collection[Node]) -> dict[Node, Node]:
    """The twin of every node that an output is made from. Nothing is matched across the nodes in `keep`."""
    twin: dict[Node, Node] = {}
    kept = set(keep)
    known: dict[Hashable, Node] = {}
    for node in sorted(reachable([output]), key=lambda node: node.serial):
        operands = tuple(twin[operand] for operand in node.operands)
        is_same = operands == node.operands
        new = node if is_same else make_node(node.op, operands, node.name, node.origin)
        if node in keep:
            kept.add(new)
        elif not node.op.has(Trait.LEAF):
            key = value_key(node.op, operands)
            if key not in known:  # exp(x) written twice is one exp(x)
                known[key] = stable_form(new, kept) or new
            new = known[key]
        twin[node] = new
    return twin


def stable_form(node: Node, keep: Collection[Node] = ()) -> Node | None:
    """The node in a stabler form, with the equation in its origin; None where there is nothing to do."""
    atom = atom_of(node)
    if atom not in _ROOTS:
        return None
    nodes = [node]
    line_of = _line_of(nodes, node, keep)
    for equation in _ROOTS[atom]:
        found = _applied(equation, nodes, line_of)
        if found is not None:
            return found
    return _log_of_layout(node, keep) or _log_sum_exp(node, keep) or _quotient_of_exponentials(node, keep)


def shift_of(largest: Node, origin: Origin | None = None) -> Node:
    """What exponents are moved by, from the largest of them."""
    return apply(SHIFTS[floating(largest.type.dtype)], largest, origin=origin)


def is_exponential_of_shifted(node: Node) -> bool:
    """Whether a node is exp(x - shift) with the shift of x's own largest: no finite x gives more than 1."""
    if atom_of(node) != "exp" or not node.operands or atom_of(node.operands[0]) != "sub":
        return False
    exponent, *others = node.operands[0].operands
    shift = others[0].op if others else None
    if not isinstance(shift, MapReduce) or shift.formula not in SHIFTS.values():
        return False
    (largest,) = others[0].operands
    return largest is exponent or _is_maximum_of(exponent, largest)


def _is_maximum_of(exponent: Node, node: Node) -> bool:
    """Whether a node is the maximum of another over some axes, which stay as unit axes."""
    op, has_unit_axes = node.op, len(node.type.shape) == len(exponent.type.shape)
    is_maximum = isinstance(op, MapReduce) and op.reducer is Reducer.MAX
    return is_maximum and has_unit_axes and node.operands[0] is exponent


def _by_root() -> dict[str, list[Equation]]:
    roots: dict[str, list[Equation]] = {}
    for equation in (LOG_QUOTIENT, *equations()):
        roots.setdefault(equation.pattern.lines[-1].atom, []).append(equation)
    return roots


_ROOTS = _by_root()


def atom_of(node: Node) -> str:
    """The atom that a node is, broadcasting its operands as NumPy does; empty if it is anything else."""
    op = node.op
    if not isinstance(op, MapReduce) or op.reducer is not Reducer.NONE or op.formula.atom is None:
        return ""
    aligned = [Access(align(operand.type.shape, op.extents)) for operand in node.operands]
    return op.formula.atom.name if list(op.accesses) == aligned and None not in op.output else ""


def apply_equation(equation: Equation, node: Node, keep: Collection[Node] = ()) -> Node | None:
    """The right-hand side of an equation whose left-hand side the node is; None if it is not."""
    nodes = [node]
    return _applied(equation, nodes, _line_of(nodes, node, keep))


def _applied(equation: Equation, nodes: Sequence[Node], line_of: LineOf) -> Node | None:
    """The equation at `nodes[0]`; the others are what `line_of` found around it."""
    node, found = nodes[0], match(equation.pattern, line_of, 0)
    if found is None:
        return None
    values = [found[k] for k in range(len(equation.pattern.parameters))]
    if not all(isinstance(value, int) for value in values):
        return None
    origin = Origin(node.origin.source, node.origin.maker, equation.text, node)
    new = equation.replacement.evaluate(
        _Builders(origin), [nodes[value] for value in values if isinstance(value, int)], lambda value: value
    )
    if not isinstance(new, Node) or new.type != node.type:
        return None
    return new


def _line_of(nodes: list[Node], root: Node, keep: Collection[Node]) -> LineOf:
    known: dict[Node, int] = {root: 0}
    lines: dict[int, Line | None] = {}

    def number(node: Node) -> int:
        if node not in known:
            known[node] = len(nodes)
            nodes.append(node)
        return known[node]

    def line_of(ref: Ref) -> Line | None:
        if isinstance(ref, Const):
            return None
        if ref not in lines:
            lines[ref] = made(nodes[ref])
        return lines[ref]

    def made(node: Node) -> Line | None:
        atom = atom_of(node)
        if not atom or (node in keep and node is not root) or not isinstance(node.op, MapReduce):
            return None
        operands = iter(node.operands)
        arguments: list[Ref] = []
        for item in node.op.arguments:
            if isinstance(item, Access):
                arguments.append(number(next(operands)))
            elif isinstance(item, Const):
                arguments.append(item)
            else:
                return None
        return Line(atom, tuple(arguments))

    return line_of


class _Builders(dict[str, Callable[..., Node]]):
    """The table by which `Formula.evaluate` makes nodes."""

    def __init__(self, origin: Origin) -> None:
        super().__init__()
        self.origin = origin

    def __missing__(self, atom: str) -> Callable[..., Node]:
        return lambda *values: apply(atom_formula(atom), *values, origin=self.origin)


_PICKING = (Gather, Reshape, Transpose, Slice, Broadcast, Diagonal)
"""Layout ops whose every element is an element of operand 0."""


def _log_of_layout(node: Node, keep: Collection[Node]) -> Node | None:
    """log(layout(exp(x) / y)) is layout(log(exp(x) / y)): picked probabilities are picked as logarithms."""
    if atom_of(node) != "log" or len(node.operands) != 1:
        return None
    picked, moves = node.operands[0], list[Node]()
    while isinstance(picked.op, _PICKING) and picked not in keep:
        moves.append(picked)
        picked = picked.operands[0]
    if not moves or picked in keep or atom_of(picked) != "div":
        return None
    origin = Origin(node.origin.source, node.origin.maker, "log of a moved quotient", node)
    value = apply_equation(LOG_QUOTIENT, apply("log", picked, origin=origin), keep)
    if value is None:
        return None
    for move in reversed(moves):
        value = make_node(move.op, [value, *move.operands[1:]], origin=origin)
    return value


def _log_sum_exp(node: Node, keep: Collection[Node]) -> Node | None:
    if atom_of(node) != "log" or len(node.operands) != 1:
        return None
    total = node.operands[0]
    exponent = _summed_exponent(total, keep) if total not in keep else None
    if exponent is None:
        return None
    origin = Origin(
        node.origin.source, node.origin.maker, "log(sum(exp(x))) = m + log(sum(exp(x - m)))", node
    )
    shift, shifted = _shifted(exponent, total, origin)
    new = apply("log", make_node(total.op, [shifted], origin=origin), origin=origin)
    bare = shift if shift.type == total.type else make_node(Reshape(total.type.shape), [shift], origin=origin)
    result = apply("add", new, bare, origin=origin)
    return result if result.type == node.type else None


def _summed_exponent(total: Node, keep: Collection[Node]) -> Node | None:
    """x where a node is sum(exp(x)) and x is not shifted already."""
    op = total.op
    if not isinstance(op, MapReduce) or op.reducer is not Reducer.SUM or not op.has(Trait.REDUCTION):
        return None
    (raised,) = total.operands
    if atom_of(raised) != "exp" or raised in keep or not raised.operands:
        return None
    (exponent,) = raised.operands
    is_fit = exponent.type.shape == raised.type.shape and not _is_shifted(exponent)
    return exponent if is_fit else None


def _is_shifted(node: Node) -> bool:
    """Whether a value is a difference with something that carries no gradient."""
    if atom_of(node) != "sub" or len(node.operands) != 2:
        return False
    pending, depth = node.operands[1], 0
    while isinstance(pending.op, Layout) and depth < 3:
        pending, depth = pending.operands[0], depth + 1
    op = pending.op
    return isinstance(op, MapReduce) and any(line.atom == "stop" for line in op.formula.lines)


def _shifted(exponent: Node, total: Node, origin: Origin) -> tuple[Node, Node]:
    """The shift with unit axes where the sum reduces, and exp(x - shift)."""
    assert isinstance(total.op, MapReduce)
    axes = [
        k for k, axis in enumerate(total.op.accesses[0].axes) if axis is not None and axis >= total.op.kept
    ]
    shift = shift_of(reduce(Reducer.MAX, exponent, axes, keepdims=True, origin=origin), origin)
    return shift, apply("exp", apply("sub", exponent, shift, origin=origin), origin=origin)


def _quotient_of_exponentials(node: Node, keep: Collection[Node]) -> Node | None:
    if atom_of(node) != "div" or len(node.operands) != 2:
        return None
    above, below = node.operands
    exponent = _summed_exponent(below, keep) if below not in keep else None
    if exponent is None or below.operands[0] is not above:
        return None
    origin = Origin(
        node.origin.source, node.origin.maker, "exp(x) / sum(exp(x)) = exp(x - m) / sum(exp(x - m))", node
    )
    _, shifted = _shifted(exponent, below, origin)
    result = apply("div", shifted, make_node(below.op, [shifted], origin=origin), origin=origin)
    return result if result.type == node.type else None
