"""Models: graphs of ours with what is around the nodes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast, runtime_checkable

import numpy as np

from compiler.errors import ArgumentError
from compiler.ir.dims import Dim
from compiler.ir.graph import Graph
from compiler.ir.node import Node, describe
from compiler.ir.op import Constant, Input, Parameter, Role
from compiler.ir.types import TensorType
from compiler.program import Program
from compiler.structure import flatten
from tinytorch.api import input as tensor_input
from tinytorch.nn.module import Module
from tinytorch.onnx.exporting.graphs import Written, write_graph
from tinytorch.onnx.exporting.naming import PARAMETERS, PRODUCER, STATES, value_names
from tinytorch.onnx.exporting.protos import element_type, note
from tinytorch.onnx.exporting.writer import DOMAIN
from tinytorch.onnx.reading.library import onnx
from tinytorch.state import check_updates
from tinytorch.tensor import Tensor, as_tensor

NEWEST: Final = 28
"""The newest version of the standard's operators that ONNX Runtime of today (1.32) runs."""

OLDEST: Final = 18
"""The oldest that is written: since then axes of reductions are inputs, and integers have bits."""

_IR_OF_NOTES: Final = 10
"""Since which version of the format nodes have metadata."""


@runtime_checkable
class Whole(Protocol):
    """A module that was read from a file: it has inputs and outputs of its own."""

    inputs: list[Tensor]
    outputs: list[Tensor]
    updates: Mapping[Tensor, Tensor]
    document: str
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is exported, and what its outputs are to be called; None where their own names say it."""

    graph: Graph
    titles: Sequence[str | None]


def to_model(
    what: Any = None,
    *,
    inputs: Any = None,
    outputs: Any = None,
    updates: Mapping[Tensor, Tensor] | None = None,
    opset: int | None = None,
    functions: bool = True,
    name: str = "",
    doc: str = "",
    metadata: Mapping[str, str] | None = None,
) -> Any:
    """The ModelProto of a graph: of tensors, a `Graph`, a `Program`, or a module with its inputs.

    A module that was read from a file is exported as it was, without inputs.
    `inputs` and `outputs` are tensors (`outputs` also a dict, whose keys are then their names); a module's
    inputs are tensors, or example arrays whose shapes they get. Parameters are initialisers. One that is
    updated is an input, whose default is its present value, and its next value is an output, `name.next`;
    the metadata `tinytorch.states` maps the ones to the others, and `tinytorch.parameters` says which
    initialisers are weights and buffers, and not constants.

    `opset` is the version of the standard's operators, 18 to 28; without it the newest that ONNX Runtime
    runs and the library `onnx` knows. Formulas that the standard has no operator for are functions of the
    model, and written out node by node without `functions`, for tools that know none (OpenVINO). `name` and
    `doc` are the graph's, `metadata` is written as it is. Raises UnsupportedOperatorError with every node
    that ONNX cannot say, and why. What Clip, maxima, orders and pools make of NaN is up to the runtime.
    """
    if isinstance(what, Whole) and inputs is None and outputs is None and updates is None:
        inputs, outputs, updates = what.inputs, what.outputs, what.updates
        doc, metadata = doc or what.document, what.metadata if metadata is None else metadata
    asked = _asked(what, inputs, outputs, updates)
    version = _checked_opset(opset)
    every = value_names(asked.graph)
    titles = _titles(asked, every)
    names = _names(asked.graph, titles, every)
    written = write_graph(asked.graph, version, names, has_functions=functions)
    graph = _graph(asked.graph, titles, names, written, name, doc)
    library = written.writer.library
    imports = [onnx.helper.make_opsetid("", version)]
    imports += [onnx.helper.make_opsetid(DOMAIN, 1)] * bool(library.protos)
    model = onnx.helper.make_model(
        graph, opset_imports=imports, functions=library.protos, producer_name=PRODUCER, doc_string=doc
    )
    model.ir_version = max(_IR_OF_NOTES, onnx.helper.find_min_ir_version_for(imports, ignore_unknown=True))
    states = {names[parameter]: _next(names[parameter]) for parameter, _ in asked.graph.updates}
    kept = {key: text for key, text in (metadata or {}).items() if key not in (STATES, PARAMETERS)}
    said = {} if not states else {STATES: json.dumps(states)}
    note(model, kept | said | _roles(asked.graph, names, written))
    return model


def _roles(graph: Graph, names: Mapping[Node, str], written: Written) -> dict[str, str]:
    """The metadata of initialisers that are not all what a reader takes them for: those with axes weights."""
    found: dict[str, Role] = {}
    for node in graph.parameters:
        assert isinstance(node.op, Parameter)
        found[names[node]] = node.op.buffer.role
    kind_of = onnx.helper.tensor_dtype_to_np_dtype
    every = written.writer.initializers
    floats = {item.name for item in every if item.dims and kind_of(item.data_type).kind == "f"}
    is_plain = floats == {name for name, role in found.items() if role is Role.TRAINED}
    return {} if is_plain else {PARAMETERS: json.dumps(found)}


def _next(name: str) -> str:
    return f"{name}.next"


def _checked_opset(opset: int | None) -> int:
    newest = min(NEWEST, onnx.defs.onnx_opset_version())
    if opset is None:
        return newest
    if not isinstance(cast(Any, opset), int) or not OLDEST <= opset <= newest:
        raise ArgumentError(f"opset is {OLDEST} to {newest}, not {opset!r}")
    return opset


def _asked(what: Any, inputs: Any, outputs: Any, updates: Mapping[Tensor, Tensor] | None) -> Asked:
    if isinstance(what, Program | Graph):
        if inputs is not None or outputs is not None or updates is not None:
            raise ArgumentError("a graph or a program has inputs, outputs and updates of its own")
        graph = what if isinstance(what, Graph) else what.source_graph
        keys = what.structure.keys if isinstance(what, Program) else ()
        return Asked(graph, keys or [None] * len(graph.outputs))
    if isinstance(what, Module):
        inputs, outputs = _called(what, inputs, outputs)
    elif what is not None:
        outputs = _either(what, outputs)
    if outputs is None:
        raise ArgumentError(
            "nothing to export\n  fix: inputs=[x], outputs=[y], a program, or a module with inputs=[x]"
        )
    results, structure = flatten(outputs)
    declared = [] if inputs is None else flatten(inputs)[0]
    for item in (*declared, *results):
        if not isinstance(item, Tensor):
            raise ArgumentError(f"what is exported are tensors, not {item!r}")
    for item in declared:
        if not isinstance(item.node.op, Input):
            raise ArgumentError(f"an input is made by tt.input, and not computed: {describe(item.node)}")
    changes = [_change(target, value) for target, value in (updates or {}).items()]
    graph = Graph.of([item.node for item in results], changes, [item.node for item in declared])
    check_updates(graph.nodes, {target.op for target, _ in changes})
    return Asked(graph, structure.keys or [None] * len(results))


def _change(target: Any, value: Any) -> tuple[Node, Node]:
    """A parameter and its next value, which has its type."""
    if not isinstance(target, Tensor) or not isinstance(target.node.op, Parameter):
        raise ArgumentError(f"only parameters are updated, not {target!r}")
    following = as_tensor(value).node
    if following.type != target.node.type:
        raise ArgumentError(f"an update keeps the type: {describe(target.node)}, not {describe(following)}")
    return target.node, following


def _either(what: Any, outputs: Any) -> Any:
    if outputs is not None:
        raise ArgumentError(f"outputs are given twice: as {what!r}, and as outputs=")
    return what


def _called(module: Module, inputs: Any, outputs: Any) -> tuple[list[Tensor], Any]:
    """The tensors that a module is called with, and what it makes of them."""
    if inputs is None:
        raise ArgumentError(
            f"a module is exported for inputs\n  fix: inputs=[x], of tensors or example arrays: {module!r}"
        )
    given: list[Any] = list(cast("Sequence[Any]", inputs)) if isinstance(inputs, list | tuple) else [inputs]
    tensors = [
        item if isinstance(item, Tensor) else _like(item, "input" if len(given) == 1 else f"input_{k}")
        for k, item in enumerate(given)
    ]
    return tensors, module(*tensors) if outputs is None else outputs


def _like(example: Any, name: str) -> Tensor:
    array = np.asarray(example)
    return tensor_input(name, array.shape, array.dtype)


def _is_leaf(node: Node) -> bool:
    return isinstance(node.op, Input | Parameter | Constant)


def _titles(asked: Asked, every: Mapping[Node, str]) -> list[str]:
    """What outputs are to be called: as a dict says, as they are called themselves, or `output`."""
    graph = asked.graph
    taken = {every[node] for node in graph.nodes if node.name is not None}
    count = len(graph.outputs)
    found: list[str] = []
    for k, (node, title) in enumerate(zip(graph.outputs, asked.titles, strict=True)):
        plain = "output" if count == 1 else f"output_{k}"
        if title is None and (_is_leaf(node) or node.name is None):
            title = plain if plain not in taken else f"{plain}.{k}"
        found.append(title or every[node])
    return found


def _names(graph: Graph, titles: Sequence[str], every: Mapping[Node, str]) -> dict[Node, str]:
    """What all values are called in the model, where results have the names of outputs."""
    names = dict(every)
    leaves = {every[node] for node in graph.nodes if _is_leaf(node)}
    states = [(node, _next(every[parameter])) for parameter, node in graph.updates]
    given: dict[Node, str] = {}
    for node, title in (*zip(graph.outputs, titles, strict=True), *states):
        if not _is_leaf(node) and title not in leaves and title not in given.values():
            given.setdefault(node, title)
    taken = set(given.values())
    names.update(
        {node: f"{name}.inner" for node, name in every.items() if name in taken and node not in given}
    )
    return names | given


def _graph(
    graph: Graph, titles: Sequence[str], names: Mapping[Node, str], written: Written, name: str, doc: str
) -> Any:
    writer = written.writer
    states = [parameter for parameter, _ in graph.updates]
    inputs = [_info(names[node], node.type) for node in (*graph.inputs, *states)]
    outputs = _outputs(graph, titles, names, written)
    writer.keep_needed([*(item.name for item in outputs), *(names[state] for state in states)])
    said = {item.name for item in outputs}
    made = {item for proto in writer.nodes for item in proto.output} - said
    values = {value.name: node.type for node, value in written.values.items() if value.name in made}
    infos = [_info(item, type) for item, type in values.items()]
    return onnx.helper.make_graph(
        writer.nodes, name or "tinytorch", inputs, outputs, writer.initializers, doc or None, infos
    )


def _outputs(graph: Graph, titles: Sequence[str], names: Mapping[Node, str], written: Written) -> list[Any]:
    """The outputs; of a leaf, and of a value that has another name, a copy is one."""
    writer = written.writer
    wanted = list(zip(graph.outputs, titles, strict=True))
    wanted += [(node, _next(names[parameter])) for parameter, node in graph.updates]
    leaves = {item.name for item in writer.initializers} | {names[node] for node in graph.inputs}
    used = leaves | {item for proto in writer.nodes for item in proto.output}
    outputs: list[Any] = []
    for node, title in wanted:
        value = written.values[node]
        if value.name != title or value.name in leaves:
            value = writer.copy(value, writer.fresh(title) if title in used else title)
        outputs.append(_info(value.name, node.type))
        leaves.add(value.name)
        used.add(value.name)
    return outputs


def _info(name: str, type: TensorType) -> Any:
    shape = [str(extent) if isinstance(extent, Dim) else extent for extent in type.shape]
    return onnx.helper.make_tensor_value_info(name, element_type(type.dtype.numpy), shape)
