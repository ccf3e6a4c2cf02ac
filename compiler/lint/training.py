"""Rules about updates: parameters that are not trained, and updates that do nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from compiler.analysis.ranges import atom_name
from compiler.ir.buffer import Role
from compiler.ir.formula.tape import Const
from compiler.ir.graph import reachable
from compiler.ir.node import Node, is_gradient
from compiler.ir.op import Input, MapReduce, Parameter, Reducer, Trait
from compiler.lint.facts import Facts
from compiler.lint.finding import Code, Remark


def not_updated(facts: Facts) -> Iterator[Remark]:
    """Weights without an update in a graph that trains some. What is frozen or state is meant to be so."""
    written = {parameter for parameter, _ in facts.graph.updates}
    trains = any(_is_trained(node) for node in written)
    for node in facts.graph.parameters if trains else ():
        if node not in written and _is_trained(node):
            yield Remark(
                Code.NOT_UPDATED,
                node,
                "no update writes this parameter, while others are updated: it is never trained",
                "give it to the optimiser, make it a tt.constant, or set requires_grad = False",
            )


def _is_trained(node: Node) -> bool:
    op = node.op
    return isinstance(op, Parameter) and op.buffer.role is Role.TRAINED and node.type.dtype.is_float


def no_gradient(facts: Facts) -> Iterator[Remark]:
    """Parameters whose update is made of no gradient and no input, and which nothing else reads.

    What something else reads may be a schedule, as of a learning rate or a temperature.
    """
    graph = facts.graph
    news: set[Node] = set()
    for node in graph.nodes:
        if _is_news(node) or not news.isdisjoint(node.operands):
            news.add(node)
    for parameter, value in graph.updates:
        if value in news or not parameter.type.dtype.is_float or parameter not in reachable([value]):
            continue
        others = {*graph.outputs, *(other for owner, other in graph.updates if owner is not parameter)}
        if parameter not in reachable([node for node in others if node is not parameter]):
            yield Remark(
                Code.NO_GRADIENT,
                parameter,
                "its update is made of no gradient, and nothing else reads it: the loss does not reach it",
                "use it in what is trained, or leave it out of the optimiser",
            )


def _is_news(node: Node) -> bool:
    """Whether a node brings something to an update: a gradient, an input, or what nobody knows."""
    return isinstance(node.op, Input) or is_gradient(node) or node.op.has(Trait.OPAQUE)


def idle_update(facts: Facts) -> Iterator[Remark]:
    """Updates that write what is there."""
    for parameter, value in facts.graph.updates:
        if _source(value) is parameter:
            yield Remark(
                Code.IDLE_UPDATE,
                parameter,
                "its update writes the value that it has already",
                "leave the update out, or write the value that was meant",
            )


def _source(node: Node) -> Node:
    """What a value is a copy of: through maps that change nothing, by a neutral literal or none."""
    while isinstance(node.op, MapReduce) and len(node.operands) == 1 and _is_neutral(node):
        node = node.operands[0]
    return node


def _is_neutral(node: Node) -> bool:
    op = node.op
    if not isinstance(op, MapReduce) or op.reducer is not Reducer.NONE or node.type != node.operands[0].type:
        return False
    if any(access.axes != op.output for access in op.accesses):
        return False
    literals = [(k, item.value) for k, item in enumerate(op.arguments) if isinstance(item, Const)]
    neutral = _NEUTRAL.get(atom_name(op))
    is_last = neutral is not None and len(op.arguments) == 2 and literals == [(1, neutral)]
    return op.formula.is_identity or is_last


_NEUTRAL: Final = {"add": 0, "sub": 0, "mul": 1, "div": 1, "pow": 1}
