"""From a graph to the nodes of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath

from compiler.errors import UnsupportedOperatorError
from compiler.ir.graph import Graph
from compiler.ir.node import Node, written_for
from compiler.ir.op import Constant, Input, Locks, MapReduce, Parameter, Reducer
from tinytorch.onnx.exporting.choosing import plan_of
from tinytorch.onnx.exporting.context import Context
from tinytorch.onnx.exporting.extents import Extents
from tinytorch.onnx.exporting.forms import FORMS
from tinytorch.onnx.exporting.known import Array, known_arrays
from tinytorch.onnx.exporting.naming import node_paths
from tinytorch.onnx.exporting.plans import Plan, Uses
from tinytorch.onnx.exporting.protos import tensor_of
from tinytorch.onnx.exporting.shapes import Moves
from tinytorch.onnx.exporting.values import Unsayable, Value
from tinytorch.onnx.exporting.writer import Library, Place, Writer


@dataclass(slots=True)
class Written:
    """The nodes of a graph, and which value of the model each of its values is."""

    writer: Writer
    values: dict[Node, Value] = field(default_factory=dict[Node, Value])
    failures: list[str] = field(default_factory=list[str])


def write_graph(
    graph: Graph, opset: int, titles: Mapping[Node, str], *, has_functions: bool = True
) -> Written:
    """The nodes of a graph whose values have these names.

    Raises UnsupportedOperatorError that names every node that ONNX cannot say, and why.
    """
    known = known_arrays(graph)
    plans, paths = _plans(graph, known, opset), node_paths(graph)
    said = [titles[node] for node in graph.nodes if node in plans or node in known or _is_leaf(node)]
    writer = Writer(Library(FORMS, opset, has_functions), names=list(dict.fromkeys(said)))
    written = Written(writer)
    with Locks(node.op.buffer for node in graph.nodes if isinstance(node.op, Parameter)):
        for node in graph.nodes:
            if _is_leaf(node) or node in known:
                _write_leaf(written, node, titles[node], known.get(node))
    leaves = [(written.values[node], node.type) for node in (*graph.inputs, *graph.parameters)]
    extents = Extents(writer, leaves[: len(graph.inputs)])
    context = Context(writer, extents, Moves(extents), graph.names)
    for node in graph.nodes:
        if node in plans:
            writer.place = _place(node, titles[node], paths[node])
            _write_node(written, context, node, plans[node], titles[node])
    _raise_failures(written)
    return written


def _plans(graph: Graph, known: Mapping[Node, Array], opset: int) -> dict[Node, Plan]:
    """How each node is written that is needed: what a plan goes around is not, unless others need it."""
    uses = Uses(graph, opset)
    needed = set(graph.results)
    plans: dict[Node, Plan] = {}
    for node in reversed(graph.nodes):
        if node in needed and node not in known and not _is_leaf(node):
            plans[node] = plan_of(node, uses)
            needed.update(plans[node].reads)
    return plans


def _is_leaf(node: Node) -> bool:
    return isinstance(node.op, Input | Parameter | Constant)


def _write_leaf(written: Written, node: Node, name: str, array: Array | None) -> None:
    """An initialiser: the array of a constant or a parameter, or one that is known. Inputs have none."""
    if isinstance(node.op, Parameter | Constant):
        array = node.op.buffer.array
    if array is not None:
        written.writer.initializers.append(tensor_of(array, name))
    written.values[node] = Value(written.writer, name, node.type.dtype.numpy)


def _write_node(written: Written, context: Context, node: Node, plan: Plan, name: str) -> None:
    writer = written.writer
    first = len(writer.nodes)
    operands = [written.values[item] for item in plan.reads]
    try:
        found = plan.write(context, operands)
    except Unsayable as error:
        written.failures.append(f"{context.names.describe(node)}: {error}")
        found = Value(writer, name, node.type.dtype.numpy)
    written.values[node] = writer.renamed(found, name, first)


def _place(node: Node, name: str, path: str) -> Place:
    op, source = node.op, written_for(node).origin.source
    is_formula = isinstance(op, MapReduce) and op.reducer is Reducer.NONE and op.formula.lines
    document = str(op.formula) if isinstance(op, MapReduce) and is_formula else ""
    notes = {"source": f"{PurePath(source.file).name}:{source.line}: {source.text}"} if source else {}
    return Place(name, path, document, notes)


def _raise_failures(written: Written) -> None:
    if written.failures:
        count = len(written.failures)
        raise UnsupportedOperatorError(
            f"ONNX cannot say {count} node{'s' * (count > 1)} of the graph\n"
            + "\n".join(f"  {item}" for item in written.failures)
        )
