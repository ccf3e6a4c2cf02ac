"""Lets gradients read results instead of arguments, so that the arguments can go.

    %y = softplus(%h) : f32[n]                              %y = softplus(%h) : f32[n]
    %z = mul(%y, %x) : f32[n]                       ->      %z = mul(%y, %x) : f32[n]
    %d = softplus'(%g, %h) : f32[n]                         %d = softplus'(%g, %y) : f32[n]

where softplus'(g, h) = g * sigmoid(h) on the left, and g * -expm1(-y) on the right. Then nobody reads `%h`
after the forward op, which may run in place. The form on the right is `compiler.ir.formula.saved`'s, proposed
and proved there. It is used where every later reader of the argument can do without it, and where it spares
an expensive atom (the slope of exp is its value). GELU and SiLU, whose slope does not follow from their
value, are refused.

So are sigmoid, tanh and others whose rounded value has lost what their slope needs: from x = 9 on a tanh is 1
in float32, and 1 - y * y is 0. `SaveOutputs(prefer_memory=True)` takes these forms too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

from compiler.analysis.cost import EXPENSIVE
from compiler.autodiff.adjoint_formula import adjoint_formula, weighted
from compiler.ir.formula.derivative import derivative_name
from compiler.ir.formula.printing import print_body
from compiler.ir.formula.saved import NoSavedForm, SavedForm, saved_form
from compiler.ir.formula.tape import Const, Formula, bind_literals
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.op import Access, MapReduce, Reducer, Trait
from compiler.pipeline.contract import Action, ByValue, Report
from compiler.rewrite.refusal import Reason, Refusal
from compiler.rewrite.sweep import sweep
from compiler.schedule.frame import called
from compiler.schedule.target import Target


@dataclass(frozen=True, slots=True, eq=False)
class SaveOutputs(ByValue):
    """Makes gradients of maps read the map's result, where its slope follows from that.

    `prefer_memory` also where the slope loses digits by it.
    """

    prefer_memory: bool = False

    @property
    def name(self) -> str:
        return "save_outputs"

    def rewrite(self, graph: Graph, target: Target) -> tuple[Graph, Report]:
        return save_outputs(graph, prefer_memory=self.prefer_memory)


@dataclass(frozen=True, slots=True)
class _Slope:
    """A gradient that reads the argument of a map at hand."""

    node: Node
    forward: Node
    function: Formula


def save_outputs(graph: Graph, *, prefer_memory: bool = False) -> tuple[Graph, Report]:
    """The graph in which gradients read results, with an action for each and a refusal for each other."""
    kept = set(graph.results)
    chosen: dict[Node, tuple[_Slope, SavedForm]] = {}
    actions: list[Action] = []
    refusals: list[Refusal] = []
    for argument in graph.nodes:
        if argument.op.has(Trait.LEAF) or argument.op.has(Trait.VIEW):
            continue
        slopes = _slopes_at(argument, graph.users[argument])
        refusal = _why_not_possible(slopes, prefer_memory) or _why_not_useful(
            argument, slopes, argument in kept, graph.users[argument]
        )
        if refusal is not None and refusal.reason in (Reason.READ_LATER, Reason.RETURNED):
            slopes = [slope for slope in slopes if _spares_work(slope)]
            refusal = None if slopes else refusal
        if refusal is not None:
            refusals.append(refusal)
            continue
        for slope in slopes:
            form = saved_form(slope.function)
            assert isinstance(form, SavedForm)
            chosen[slope.node] = slope, form
            actions.append(_action(argument, slope, form))
    if not actions:
        return graph, Report(refusals=tuple(refusals))
    return _rewritten(graph, chosen), Report(tuple(actions), tuple(refusals))


def _action(argument: Node, slope: _Slope, form: SavedForm) -> Action:
    text = f"{form.derivative.name} = {print_body(form.derivative)} with y = {called(slope.forward)}"
    sentence = f"{called(slope.node)} reads {called(slope.forward)} instead of {called(argument)}: {text}"
    return Action((slope.node, slope.forward), sentence)


def _slopes_at(argument: Node, users: tuple[Node, ...]) -> list[_Slope]:
    """The gradients among the users of a value that another user's slope explains."""
    functions = {user: found for user in dict.fromkeys(users) if (found := _function_of(user)) is not None}
    by_name: dict[str, tuple[Node, Formula]] = {}
    for user, function in functions.items():
        by_name.setdefault(derivative_name(function, 0), (user, function))
    slopes: list[_Slope] = []
    for user in dict.fromkeys(users):
        op = user.op
        if not isinstance(op, MapReduce) or op.formula.name not in by_name:
            continue
        forward, function = by_name[op.formula.name]
        if forward.serial < user.serial and _is_slope(user, op, argument, function):
            slopes.append(_Slope(user, forward, function))
    return slopes


def _function_of(node: Node) -> Formula | None:
    """The function of one argument that a node applies to each element of its one operand, in place."""
    op = node.op
    if not isinstance(op, MapReduce) or op.reducer is not Reducer.NONE or len(node.operands) != 1:
        return None
    if node.type != node.operands[0].type or op.accesses[0].axes != op.output:
        return None
    literals = tuple((k, item) for k, item in enumerate(op.arguments) if isinstance(item, Const))
    is_of_one = len(literals) == len(op.arguments) - 1
    return bind_literals(op.formula, literals) if is_of_one else None


def _is_slope(node: Node, op: MapReduce, argument: Node, function: Formula) -> bool:
    """Whether a map is the cotangent times the slope of a function at `argument`."""
    if op.reducer is not Reducer.NONE or len(op.arguments) != 2 or node.operands.count(argument) != 1:
        return False
    if not isinstance(op.arguments[1], Access) or node.operands[-1] is not argument:
        return False
    return _guard(op.formula, function) is not None


@cache
def _guard(adjoint: Formula, function: Formula) -> bool | None:
    """Whether an adjoint of a function guards its cotangent; None for what is no adjoint of it."""
    for is_masked in (False, True):
        rule = adjoint_formula(function, 0, is_masked=is_masked)
        expected = None if rule is None else rule.formula
        if rule and expected and (expected.lines, expected.result) == (adjoint.lines, adjoint.result):
            return rule.is_guarded
    return None


def _why_not_possible(slopes: list[_Slope], prefer_memory: bool) -> Refusal | None:
    """Which slope cannot do without the argument."""
    for slope in slopes:
        form = saved_form(slope.function)
        if isinstance(form, NoSavedForm):
            sentence = f"the slope of {slope.function.name} does not follow from its value: {form.text}"
            return Refusal(Reason.NO_SAVED_FORM, (slope.node, slope.forward), sentence)
        if not form.is_accurate and not prefer_memory:
            option = "SaveOutputs(prefer_memory=True) takes it all the same"
            sentence = f"the slope of {slope.function.name} loses digits by its value: {form.loss}; {option}"
            return Refusal(Reason.LOSES_DIGITS, (slope.node, slope.forward), sentence)
    return None


def _why_not_useful(
    argument: Node, slopes: list[_Slope], is_kept: bool, users: tuple[Node, ...]
) -> Refusal | None:
    """Why reading results would not free the argument; None also where nothing reads it as a gradient."""
    if not slopes:
        return None
    gradients, last = {slope.node for slope in slopes}, max(slope.forward.serial for slope in slopes)
    others = [user for user in users if user not in gradients and user.serial > last]
    if others or is_kept:
        reason, reader = Reason.RETURNED, "the result needs"
        if others:
            reason, reader = Reason.READ_LATER, f"{called(others[0])} reads"
        sentence = f"{reader} {called(argument)} in any case"
        return Refusal(reason, (slopes[0].node, argument), sentence)
    return None


def _spares_work(slope: _Slope) -> bool:
    """Whether the slope by the value has fewer expensive atoms than the slope by the argument."""
    form, op = saved_form(slope.function), slope.node.op
    assert isinstance(form, SavedForm)
    assert isinstance(op, MapReduce)
    return _expensive(form.derivative) < _expensive(op.formula)


def _expensive(formula: Formula) -> int:
    return sum(line.atom in EXPENSIVE for line in formula.lines)


def _rewritten(graph: Graph, chosen: Mapping[Node, tuple[_Slope, SavedForm]]) -> Graph:
    forwards = {slope.forward: slope.forward for slope, _ in chosen.values()}

    def visit(old: Node, node: Node) -> Node:
        if old in forwards:
            forwards[old] = node
        if old not in chosen or not isinstance(node.op, MapReduce):
            return node
        slope, form = chosen[old]
        operands = (*node.operands[:-1], forwards[slope.forward])
        op = replace(node.op, formula=_weighted(node.op.formula, slope.function, form.derivative))
        origin = replace(node.origin, rule=f"{node.origin.rule}, from the value")
        return Node(op, operands, node.type, node.name, origin)

    return sweep(graph, visit)


@cache
def _weighted(adjoint: Formula, function: Formula, slope: Formula) -> Formula:
    """The cotangent times the slope by the value, guarded where the adjoint is."""
    cotangent, is_guarded = adjoint.parameters[0], _guard(adjoint, function)
    assert is_guarded is not None
    names = [cotangent, "y" if cotangent != "y" else "y1"]
    return replace(weighted(slope, [0], names, is_guarded), name=adjoint.name)
