"""Replaces what is written by something shorter, or stabler, that is the same.

    %x = input : f32[n]                                     %x = input : f32[n]
    %s = input : f32[]                                      %s = input : f32[]
    %0 = mul(%x, 1.0) : f32[n]                              %y = mul(%x, %s) : f32[n]
    %1 = broadcast(%s, shape=[n], axes=[]) : f32[n]   ->    return %y
    %y = mul(%0, %1) : f32[n]
    return %y

Every rule is an equation in the language of formulas. *Exact* ones give the same bits for every argument,
+-0, infinities and NaN included; so `x * 0 = 0`, `x - x = 0`, `x / x = 1` and `x + 0.0 = x` are none, and
where one of them would apply the report says why it was not. *Stabilising* ones are nearer to the real
number: those below, the equations of `compiler.ir.formula.equations`, and the shifted softmax and
log-sum-exp of `compiler.rewrite.stable`, these however they are written. Besides, layout ops are joined,
maps and reductions read through the views that they can read through, a product that is read transposed alone
is computed so, and elements in an order are found without their places where nobody else reads these.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

from compiler.ir.graph import Graph
from compiler.ir.node import Node, Origin, describe, make_node
from compiler.ir.op import ArrayFunction, Call, Gather, MapReduce, Op, Reducer, Trait, Transpose
from compiler.ir.types import Scalar
from compiler.pipeline.contract import Action, ByValue, Report
from compiler.rewrite.layouts import shorter_layout
from compiler.rewrite.patterns import (
    BOOLS,
    FLOATS,
    INTEGERS,
    Kind,
    Rule,
    Site,
    apply_rule,
    by_root,
    rule,
    single_atom,
)
from compiler.rewrite.reading import (
    absorb_view,
    drop_ones,
    drop_unit_loops,
    hoist_broadcast,
    in_order,
    transposed_product,
)
from compiler.rewrite.refusal import Reason, Refusal
from compiler.rewrite.stable import StableForms
from compiler.rewrite.sweep import origin_of, sweep
from compiler.schedule.target import Target


def _is_plus_zero(value: Scalar) -> bool:
    return value == 0 and math.copysign(1, value) > 0


def _is_minus_zero(value: Scalar) -> bool:
    return value == 0 and math.copysign(1, value) < 0


def _has_sign(value: Scalar) -> bool:
    """Numbers, except the integer 0: its negative is no -0.0."""
    return not isinstance(value, bool) and (isinstance(value, float) or value != 0)


def _is_power_of_two(value: Scalar) -> bool:
    """2^k with |k| <= 100, of either sign: its reciprocal is exact in float32 too."""
    return (
        _has_sign(value)
        and math.isfinite(value)
        and abs(math.frexp(value)[0]) == 0.5
        and 2**-100 <= abs(value) <= 2**100
    )


RULES: Final[tuple[Rule, ...]] = (
    # Nothing is done
    rule("x * 1", "x"),
    rule("x / 1", "x"),
    rule("x ** 1", "x"),
    rule("x - c", "x", when="c = +0", accepts=_is_plus_zero),
    rule("x + c", "x", when="c = -0", accepts=_is_minus_zero),
    rule("x + 0", "x", dtypes=INTEGERS),
    rule("maximum(x, x)", "x"),
    rule("minimum(x, x)", "x"),
    rule("maximum(x, -inf)", "x"),
    rule("minimum(x, inf)", "x"),
    rule("x & x", "x"),
    rule("x | x", "x"),
    rule("x & true", "x", dtypes=BOOLS),
    rule("x | false", "x"),
    rule("x ^ false", "x"),
    # Signs: of IEEE 754's operations all but the sum of equal numbers are odd
    rule("-(-x)", "x"),
    rule("x - (-y)", "x + y"),
    rule("x + (-y)", "x - y"),
    rule("(-x) * (-y)", "x * y"),
    rule("(-x) / (-y)", "x / y"),
    rule("x * -1", "-x"),
    rule("x / -1", "-x"),
    rule("-(x * c)", "x * (-c)", when="c is not the integer 0", accepts=_has_sign),
    rule("(-x) * c", "x * (-c)", when="c is not the integer 0", accepts=_has_sign),
    rule("abs(-x)", "abs(x)"),
    rule("abs(abs(x))", "abs(x)"),
    # Choices that are made
    rule("where(true, x, y)", "x"),
    rule("where(false, x, y)", "y"),
    rule("where(p, x, x)", "x"),
    rule("where(~p, x, y)", "where(p, y, x)"),
    rule("~(~x)", "x"),
    rule("~(x == y)", "x != y"),
    rule("~(x != y)", "x == y"),
    rule("x ^ true", "~x", dtypes=BOOLS),
    rule("x & false", "false"),
    rule("x | true", "true", dtypes=BOOLS),
    # Products
    rule("zmul(c, x)", "0", when="c = 0", accepts=lambda value: value == 0),
    rule("zmul(c, x)", "c * x", when="c is not 0", accepts=lambda value: value != 0),
    rule("x * 0", "0", dtypes=INTEGERS),
    rule("x - x", "0", dtypes=INTEGERS),
    rule("x / c", "x * (1 / c)", when="c is a power of two", accepts=_is_power_of_two),
    rule("x ** 0", "1"),
    rule("x ** 2", "x * x", Kind.STABILISING),
    rule("x ** -1", "1 / x", Kind.STABILISING),
)
"""The rules between single atoms. Earlier ones win."""

NO_RULES: Final = (
    (rule("x + c", "x", when="c = +0", accepts=_is_plus_zero, dtypes=FLOATS), "-0.0 + 0.0 is 0.0"),
    (rule("x * 0", "0", dtypes=FLOATS), "it is NaN where x is infinite or NaN, and -0.0 where x is negative"),
    (rule("x - x", "0", dtypes=FLOATS), "it is NaN where x is infinite or NaN"),
    (rule("x / x", "1", dtypes=FLOATS), "it is NaN where x is 0, infinite or NaN"),
)
"""What looks like a rule and is none, with where it fails."""

_BY_ROOT: Final = by_root(RULES)
_REFUSED: Final = {
    item.root: [(r, why) for r, why in NO_RULES if r.root == item.root] for item, _ in NO_RULES
}

_MOST_STEPS: Final = 64
"""Rules applied to one node at most; every rule shortens, so none comes near."""


@dataclass(frozen=True, slots=True, eq=False)
class Simplify(ByValue):
    """Applies the exact rules, and the stabilising ones unless that is switched off."""

    stabilising: bool = True

    @property
    def name(self) -> str:
        return "simplify"

    def rewrite(self, graph: Graph, target: Target) -> tuple[Graph, Report]:
        """The graph in simpler form."""
        return simplify(graph, self.stabilising)


def simplify(graph: Graph, stabilising: bool = True) -> tuple[Graph, Report]:
    """The graph with rules applied to each node until none fits, operands first."""
    simplification = _Simplification(stabilising, _read_once(graph))
    after = sweep(graph, simplification.visit)
    return after, Report(tuple(simplification.actions), tuple(simplification.refusals))


def _read_once(graph: Graph) -> frozenset[Node]:
    """Products, and places in an order, of which one other node alone knows."""
    results = set(graph.results)
    return frozenset(
        node
        for node, users in graph.users.items()
        if len(users) == 1 and node not in results and _may_be_joined(node.op)
    )


def _may_be_joined(op: Op) -> bool:
    return op.has(Trait.CONTRACTION) or (isinstance(op, Call) and isinstance(op.function, ArrayFunction))


@dataclass(slots=True)
class _Simplification:
    stabilising: bool
    read_once: frozenset[Node]
    forms: StableForms = field(default_factory=StableForms)
    actions: list[Action] = field(default_factory=list[Action])
    refusals: list[Refusal] = field(default_factory=list[Refusal])

    def visit(self, old: Node, node: Node) -> Node:
        """The node after every rule that fits."""
        node = self._settled(old, node)
        self._note_refusals(old, node)
        return node

    def _settled(self, old: Node, node: Node) -> Node:
        for _ in range(_MOST_STEPS):
            found = None if node.op.has(Trait.LEAF) else self._step(old, node)
            if found is None:
                break
            node, rule_text = found
            self.actions.append(Action((old,), f"{describe(old)}: {rule_text}"))
        return node

    def _step(self, old: Node, node: Node) -> tuple[Node, str] | None:
        op = node.op
        if not isinstance(op, MapReduce):
            return self._layout(old, node)
        found = absorb_view(node, op, origin_of(old, "simplify", "reads through a view"))
        if found is not None:
            return found, "reads through a view"
        return self._reduction(old, node, op) if op.reducer is not Reducer.NONE else self._map(old, node)

    def _layout(self, old: Node, node: Node) -> tuple[Node, str] | None:
        if isinstance(node.op, Transpose) and not self.read_once.isdisjoint(old.operands):
            rule = "a product in the order in which it is read"
            found = transposed_product(node, node.op, origin_of(old, "simplify", rule))
            if found is not None:
                return found, rule
        if isinstance(node.op, Gather) and not self.read_once.isdisjoint(old.operands[1:]):
            rule = "elements in an order whose places nobody asks for"
            found = in_order(node, node.op, origin_of(old, "simplify", rule))
            if found is not None:
                return found, rule
        return shorter_layout(node, origin_of(old, "simplify", "layout"))

    def _reduction(self, old: Node, node: Node, op: MapReduce) -> tuple[Node, str] | None:
        found = drop_unit_loops(node, op, origin_of(old, "simplify", "loops of extent 1"))
        if found is not None:
            return found, "loops of extent 1 reduce nothing"
        origin = origin_of(old, "simplify", "a broadcast commutes with the reduction")
        hoisted = hoist_broadcast(node, op, origin)
        if hoisted is not None:
            smaller, repeat = hoisted
            return make_node(repeat, [self._settled(old, smaller)], origin=origin), origin.rule
        found = drop_ones(node, op, origin_of(old, "simplify", "factors of 1"))
        return None if found is None else (found, "a factor is 1 everywhere")

    def _map(self, old: Node, node: Node) -> tuple[Node, str] | None:
        atom = single_atom(node)
        site = Site(node) if atom in _BY_ROOT else None
        for item in _BY_ROOT.get(atom, ()):
            if site is None or (item.kind is Kind.STABILISING and not self.stabilising):
                continue
            found = apply_rule(item, site, origin_of(old, "simplify", item.text))
            if found is not None:
                return found, item.text
        return self._stabler(old, node) if self.stabilising else None

    def _stabler(self, old: Node, node: Node) -> tuple[Node, str] | None:
        found = self.forms.of(node)
        if found is None or found.node.serial < node.serial:
            return found
        new = found.node
        origin = Origin(new.origin.source, "simplify", found.rule, old)
        return Node(new.op, new.operands, new.type, new.name, origin), found.rule

    def _note_refusals(self, old: Node, node: Node) -> None:
        for item, why in _REFUSED.get(single_atom(node), ()):
            if Site(node).match(item) is not None:
                sentence = f"{describe(old)} stays: {item.text} is not exact, {why}"
                self.refusals.append(Refusal(Reason.NOT_EXACT, (old,), sentence))
