"""Removes what no element of a result depends on.

    op second(x, y) = y * 2                                 op second(y) = y * 2
    %x = input : f32[n]                                     %x = input : f32[n]
    %y = input : f32[n]                          ->         %y = input : f32[n]
    %0 = exp(%x) : f32[n]                                   %z = second(%y) : f32[n]
    %z = second(%0, %y) : f32[n]                            return %z
    return %z

A node that no result is made from is dropped; an argument that its formula does not use, the operands of a
result without elements, and what is summed over no elements are not needed either. Declared inputs stay. A
check inside dead code (of a gather's indices) goes with it.
"""

from __future__ import annotations

from dataclasses import dataclass

from compiler.ir.formula.tape import drop_unused
from compiler.ir.graph import Graph
from compiler.ir.node import Node, describe, make_node
from compiler.ir.op import Access, MapReduce, Reducer
from compiler.pipeline.contract import Action, ByValue, Report
from compiler.rewrite.accesses import fill, read, zero_of
from compiler.rewrite.sweep import narrowed, origin_of, sweep
from compiler.schedule.target import Target


@dataclass(frozen=True, slots=True, eq=False)
class DeadCode(ByValue):
    """Removes what is not needed for any output or update."""

    @property
    def name(self) -> str:
        return "dead_code"

    def rewrite(self, graph: Graph, target: Target) -> tuple[Graph, Report]:
        """The graph of what is needed."""
        return remove_dead_code(graph)


def remove_dead_code(graph: Graph) -> tuple[Graph, Report]:
    """The graph without unused arguments, operands of empty results, and nodes that no result needs."""
    trimmed: list[Action] = []

    def visit(old: Node, node: Node) -> Node:
        new = _trimmed(old, node)
        if new is not node:
            trimmed.append(Action((old,), _sentence(old)))
        return new

    live = _live(graph)
    dead = [node for node in graph.nodes if node not in live]
    after = sweep(graph, visit)
    if dead and after is graph:
        after = narrowed(graph, live)
    dropped = [Action((node,), f"nothing that is returned needs {describe(node)}") for node in dead]
    return after, Report((*trimmed, *dropped))


def _live(graph: Graph) -> set[Node]:
    """The nodes that the results, and the inputs that a call takes, are made from."""
    ends = [*graph.inputs, *graph.outputs, *(node for pair in graph.updates for node in pair)]
    live, pending = set(ends), ends
    while pending:
        for operand in _needed(pending.pop()):
            if operand not in live:
                live.add(operand)
                pending.append(operand)
    return live


def _needed(node: Node) -> tuple[Node, ...]:
    """The operands on which some element of the value depends."""
    op = node.op
    if _is_trivial(node):
        return ()
    if not isinstance(op, MapReduce) or op.reducer is not Reducer.NONE:
        return node.operands
    positions = [k for k, item in enumerate(op.arguments) if isinstance(item, Access)]
    return tuple(operand for k, operand in zip(positions, node.operands, strict=True) if op.formula.uses(k))


def _is_trivial(node: Node) -> bool:
    """Whether a value has no elements, or is a sum of none."""
    op = node.op
    is_empty_sum = isinstance(op, MapReduce) and op.reducer is Reducer.SUM and 0 in op.extents
    return bool(node.operands) and (0 in node.type.shape or is_empty_sum)


def _trimmed(old: Node, node: Node) -> Node:
    """The node over what it needs."""
    op = node.op
    if _is_trivial(node):
        return fill(zero_of(node.type.dtype), node.type, origin_of(old, "dead_code", "nothing to compute"))
    if not isinstance(op, MapReduce) or op.reducer is not Reducer.NONE:
        return node
    if all(op.formula.uses(k) for k in range(len(op.arguments))):
        return node
    formula, kept = drop_unused(op.formula)
    arguments = tuple(op.arguments[k] for k in kept)
    operands = _needed(node)
    origin = origin_of(old, "dead_code", "unused arguments")
    if formula.is_identity and operands and operands[0].type.dtype is op.dtype:
        (access,) = (item for item in arguments if isinstance(item, Access))
        return read(operands[0], access.axes, op.extents, op.output, origin)
    new = MapReduce(formula, arguments, op.extents, op.output, op.dtype)
    return make_node(new, operands, node.name, origin)


def _sentence(old: Node) -> str:
    why = "has nothing to compute" if _is_trivial(old) else "does not use every argument"
    return f"{describe(old)} {why}"
