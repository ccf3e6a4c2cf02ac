"""The laws of a graph, a subgraph, or what a function computes.

every name is defined once: by an input, an initialiser or an output of a node
a node takes what is defined before it, here or around the subgraph that it is in
its domain has an opset, and its attributes are of one type each
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from compiler.errors import ModelError
from tinytorch.onnx.reading.attributes import check_attribute
from tinytorch.onnx.reading.limits import LONGEST_NAME, MOST_NODES
from tinytorch.onnx.reading.naming import Label, named_label, node_label, quoted
from tinytorch.onnx.reading.storage import check_sparse, check_tensor

Key: TypeAlias = tuple[str, str, str]
"""A function's domain, name and overload."""

_BEFORE: Final = -1
"""The position of what is there before the first node."""


@dataclass(slots=True)
class Body:
    """Nodes and their surroundings, as graphs and functions both have them."""

    where: object
    """What follows the name of a node in an error: nothing in the model's own graph."""
    inputs: Sequence[str]
    tensors: Sequence[str]
    """The names of initialisers."""
    nodes: Sequence[Any]
    outputs: Sequence[str]
    opsets: Mapping[str, int]
    attributes: frozenset[str] | None = None
    """Of the function that this is in, which its nodes' attributes may refer to; None outside of any."""
    around: tuple[Body, int] | None = None
    """The body that this is a subgraph of, and the position of its node there."""
    made: dict[str, int] = field(default_factory=dict[str, int])
    """At which node each name is defined."""

    @classmethod
    def of_graph(
        cls,
        graph: Any,
        where: object,
        opsets: Mapping[str, int],
        attributes: frozenset[str] | None = None,
        around: tuple[Body, int] | None = None,
    ) -> Body:
        """That of a graph, whose initialisers are checked. Raises ModelError."""
        return cls(
            where=where,
            inputs=[value.name for value in graph.input],
            tensors=_tensors(graph.initializer, graph.sparse_initializer, where),
            nodes=graph.node,
            outputs=[value.name for value in graph.output],
            opsets=opsets,
            attributes=attributes,
            around=around,
        )


def checked_calls(first: Body, functions: Mapping[Key, Any]) -> tuple[int, Counter[Key]]:
    """How many nodes a body and its subgraphs have, and how often they call each function.

    Raises ModelError for whatever breaks a law.
    """
    waiting = [first]
    size, calls = 0, Counter[Key]()
    while waiting:
        body = waiting.pop()
        _define(body)
        size += len(body.nodes)
        if size > MOST_NODES:
            raise ModelError(f"the model has more than {MOST_NODES} nodes{body.where}")
        for position, node in enumerate(body.nodes):
            label = node_label(node, position, body.where)
            _check_inputs(node, body, position, label)
            key = node.domain, node.op_type, node.overload
            if key in functions:
                calls[key] += 1
            waiting += _subgraphs(node, body, position, label)
        for name in body.outputs:
            if not name or not _is_defined(name, body, len(body.nodes)):
                raise ModelError(f"the output {quoted(name)}{body.where} is made by no node")
    return size, calls


def _tensors(dense: Iterable[Any], sparse: Iterable[Any], where: object) -> list[str]:
    names: list[str] = []
    for tensor in dense:
        check_tensor(tensor, named_label("the initialiser", tensor.name, where))
        names.append(tensor.name)
    for item in sparse:
        check_sparse(item, named_label("the sparse initialiser", item.values.name, where))
        names.append(item.values.name)
    return names


def _define(body: Body) -> None:
    """Finds where each name is defined. Raises ModelError for a second definition."""
    for kind, names in (("input", body.inputs), ("initialiser", body.tensors)):
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise ModelError(f"there are two of the {kind} {quoted(twice[0])}{body.where}")
    for name in (*body.inputs, *body.tensors):
        _check_name(name, Label("an input or initialiser{}".format, (body.where,)))
        body.made[name] = _BEFORE
    for position, node in enumerate(body.nodes):
        for name in node.output:
            if not name:  # an optional output that nobody wants
                continue
            label = node_label(node, position, body.where)
            if name in body.made:
                raise ModelError(f"{label} makes {quoted(name)}, which is defined already")
            _check_name(name, label)
            body.made[name] = position


def _check_name(name: str, of: object) -> None:
    if not name or len(name) > LONGEST_NAME:
        raise ModelError(f"{of} has a name of {len(name)} characters; 1 to {LONGEST_NAME} are allowed")


def _check_inputs(node: Any, body: Body, position: int, label: object) -> None:
    if not node.op_type:
        raise ModelError(f"{label} says no operator")
    if len(node.name) > LONGEST_NAME:
        raise ModelError(f"{label} has a name of more than {LONGEST_NAME} characters")
    domain = "" if node.domain == "ai.onnx" else node.domain
    if domain not in body.opsets:
        raise ModelError(
            f"{label} is of the domain {quoted(domain)}, whose opset the model does not name\n"
            "  fix: add the domain and its version to opset_import"
        )
    for name in node.input:
        if name and not _is_defined(name, body, position):
            raise ModelError(f"{label} takes {quoted(name)}, {_why_absent(name, body)}")


def _is_defined(name: str, body: Body, position: int) -> bool:
    """Whether a node at a position may take a value."""
    here: Body | None = body
    while here is not None:
        if here.made.get(name, position) < position:
            return True
        here, position = here.around or (None, 0)
    return False


def _why_absent(name: str, body: Body) -> str:
    later = body.made.get(name)
    if later is None:
        return (
            "which no input, initialiser or node defines\n"
            "  fix: export the model again with its weights; a part of a model needs them as inputs"
        )
    maker = node_label(body.nodes[later], later)
    return f"which {maker} makes only later: there is a cycle, or the nodes are in no order"


def _subgraphs(node: Any, body: Body, position: int, label: object) -> list[Body]:
    """The bodies inside a node's attributes, which are checked."""
    found: list[Body] = []
    seen: set[str] = set()
    for attribute in node.attribute:
        if attribute.name in seen:
            raise ModelError(f"{label} has the attribute {quoted(attribute.name)} twice")
        seen.add(attribute.name)
        of = named_label("the attribute", attribute.name, label, " of ")
        for graph in check_attribute(attribute, of, body.attributes):
            inside = Label(" in {}".format, (of,))
            found.append(Body.of_graph(graph, inside, body.opsets, body.attributes, (body, position)))
    return found
