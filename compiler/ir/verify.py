"""The laws of graphs, as data: a sentence and a check each.

They are verified after every rewrite, at every size. A broken law is an error that prints its sentence.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from compiler.errors import DTypeError
from compiler.ir.build import IDENTITY_OF, product_formula
from compiler.ir.formula.tape import LONGEST
from compiler.ir.graph import Graph
from compiler.ir.law import Law, enforce
from compiler.ir.node import Node, describe
from compiler.ir.op import Access, Index, MapReduce, Op, Parameter, Reducer, Trait


def verify(graph: Graph, maker: str = "") -> None:
    """Raises LawError with the sentence of the first broken law, the place, and who made the graph."""
    enforce(LAWS, graph, maker)


def _operands_first(graph: Graph) -> Iterator[str]:
    known: set[Node] = set()
    for node in graph.nodes:
        if not known.issuperset(node.operands):
            yield describe(node)
        known.add(node)


def _reachable(graph: Graph) -> Iterator[str]:
    known = set(graph.nodes)
    ends = [*graph.results, *graph.inputs, *(parameter for parameter, _ in graph.updates)]
    yield from (describe(node) for node in ends if node not in known)


def _types_follow(graph: Graph) -> Iterator[str]:
    for node in graph.kinds:
        try:
            found = node.op.infer([operand.type for operand in node.operands])
        except (DTypeError, ValueError) as error:  # a wrong number of operands does not unpack
            yield f"{describe(node)}: {error}"
        else:
            if found != node.type:
                yield f"{describe(node)} is inferred to be {found}"


def _map_reduces(graph: Graph) -> Iterator[tuple[Node, MapReduce]]:
    for node in graph.kinds:
        if isinstance(node.op, MapReduce):
            yield node, node.op


def _indices_in_range(graph: Graph) -> Iterator[str]:
    for node, op in _map_reduces(graph):
        loops = [axis for access in op.accesses for axis in access.axes if axis is not None]
        loops += [item.loop for item in op.arguments if isinstance(item, Index)]
        if any(not 0 <= loop < len(op.extents) for loop in loops):
            yield describe(node)


def _no_index_twice(graph: Graph) -> Iterator[str]:
    for node, op in _map_reduces(graph):
        for axes in [*(access.axes for access in op.accesses), op.output]:
            named = [axis for axis in axes if axis is not None]
            if len(named) != len(set(named)):
                yield describe(node)


def _output_in_order(graph: Graph) -> Iterator[str]:
    for node, op in _map_reduces(graph):
        if [axis for axis in op.output if axis is not None] != list(range(op.kept)):
            yield describe(node)


def _arguments_match(graph: Graph) -> Iterator[str]:
    for node, op in _map_reduces(graph):
        accesses = [item for item in op.arguments if isinstance(item, Access)]
        if len(op.arguments) != len(op.formula.parameters) or len(accesses) != len(node.operands):
            yield describe(node)


def _reductions_are_bare(graph: Graph) -> Iterator[str]:
    for node, op in _map_reduces(graph):
        if op.reducer is Reducer.NONE:
            continue
        count = len(op.arguments)
        is_bare = count == 1 and op.formula == IDENTITY_OF[op.reducer]
        is_product = count > 1 and op.reducer is Reducer.SUM and op.formula == product_formula(count)
        if count != len(op.accesses) or not (is_bare or is_product):
            yield describe(node)


def _maps_reduce_nothing(graph: Graph) -> Iterator[str]:
    for node, op in _map_reduces(graph):
        if (op.reducer is Reducer.NONE) != (not op.reduced):
            yield describe(node)


def _no_bare_rename(graph: Graph) -> Iterator[str]:
    for node, op in _map_reduces(graph):
        is_rename = op.reducer is Reducer.NONE and op.formula.is_identity and op.accesses
        if is_rename and node.operands[0].type.dtype is op.dtype:
            yield f"{describe(node)}; a layout op moves elements"


def _nothing_computes_in_storage(graph: Graph) -> Iterator[str]:
    for node in graph.kinds:
        reads = any(
            node.op.computes(k) and operand.type.dtype.is_storage for k, operand in enumerate(node.operands)
        )
        if reads or (node.type.dtype.is_storage and node.op.computed() is not node.op):
            yield describe(node)


def _formulas_are_short(graph: Graph) -> Iterator[str]:
    for node, op in _map_reduces(graph):
        if len(op.formula.lines) > LONGEST:
            yield f"{describe(node)} has {len(op.formula.lines)} lines"


def _leaves_have_no_operands(graph: Graph) -> Iterator[str]:
    yield from (describe(node) for node in graph.nodes if node.op.has(Trait.LEAF) and node.operands)


def _updates_fit(graph: Graph) -> Iterator[str]:
    for parameter, value in graph.updates:
        if not isinstance(parameter.op, Parameter) or parameter.type != value.type:
            yield f"{describe(parameter)} <- {describe(value)}"


def _updates_once(graph: Graph) -> Iterator[str]:
    seen: set[Op] = set()
    for parameter, _ in graph.updates:
        if parameter.op in seen:
            yield describe(parameter)
        seen.add(parameter.op)


LAWS: Final[tuple[Law[Graph], ...]] = (
    Law("An operand is created before the node that reads it.", _operands_first),
    Law("Every input, output and update is a node of the graph.", _reachable),
    Law("A MapReduce has an argument for each parameter and an access for each operand.", _arguments_match),
    Law("Every index of a MapReduce is one of its loops.", _indices_in_range),
    Law("A node's type is what its op infers from its operands' types.", _types_follow),
    Law("No index stands twice in one operand or in the output.", _no_index_twice),
    Law("The output's loops are the first ones, in the order of its axes.", _output_in_order),
    Law(
        "A MapReduce has a reducer if and only if it has loops that its output has not.", _maps_reduce_nothing
    ),
    Law(
        "A MapReduce that reduces is of one bare operand, or sums the product of its operands in order.",
        _reductions_are_bare,
    ),
    Law("A map is never a bare rename.", _no_bare_rename),
    Law(
        "No formula, and nothing else that computes, reads or gives a storage dtype; conversions do.",
        _nothing_computes_in_storage,
    ),
    Law(f"A formula has at most {LONGEST} lines.", _formulas_are_short),
    Law("A leaf has no operands.", _leaves_have_no_operands),
    Law("An update gives a parameter a value of its own type.", _updates_fit),
    Law("A parameter is updated at most once.", _updates_once),
)
