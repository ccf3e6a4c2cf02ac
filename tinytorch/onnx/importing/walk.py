"""A graph's nodes in their order, each by the function of its operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compiler.errors import ModelError, UnsupportedOperatorError, UserError
from compiler.ir.op import Role
from tinytorch.onnx import operators
from tinytorch.onnx.calling.operator import Call, Operator, find_operator
from tinytorch.onnx.calling.values import Array, Failed, Unsupported, Value, Weight
from tinytorch.onnx.importing.folding import fold
from tinytorch.onnx.importing.foreign import Encoding, foreign_dtypes, is_exact, outputs_of
from tinytorch.onnx.importing.formulas import formula_applied
from tinytorch.onnx.importing.inlining import NEWEST, body_of, with_attributes
from tinytorch.onnx.importing.parts import Parts
from tinytorch.onnx.importing.roles import Roles, role_of_values
from tinytorch.onnx.importing.schemas import attributes_of, defaults_of, required_inputs, schema_of
from tinytorch.onnx.reading.arrays import array_of
from tinytorch.onnx.reading.limits import MOST_UNROLLED
from tinytorch.onnx.reading.naming import quoted
from tinytorch.tensor import Tensor

Environment = dict[str, Value]

_MISFITS = (ValueError, TypeError, LookupError, ArithmeticError)
"""What Python and NumPy raise where an operator is asked for what its schema does not rule out: four starts
and three ends, an axis that is none. A function need not say again what they say."""


@dataclass(slots=True)
class Problem:
    """A node that is not supported, and why."""

    name: str
    operator: str
    reason: str
    wanted: Sequence[str] = ()
    """The inputs that have to be known for it."""

    def __str__(self) -> str:
        return f"{self.name} ({self.operator}): {self.reason}"


@dataclass(slots=True)
class Walk:
    """One building of a model's graph."""

    model: Any
    folder: Path | None
    weights: dict[str, Weight] = field(default_factory=dict[str, Weight])
    """Initialisers of the outermost graph, by name, kept from one building to the next."""
    roles: Roles = field(default_factory=dict[str, "Role | None"])
    parts: Parts = field(default_factory=Parts)
    problems: list[Problem] = field(default_factory=list[Problem])
    opsets: Mapping[str, int] = field(default_factory=dict[str, int])
    functions: Mapping[tuple[str, str, str], Any] = field(default_factory=dict[tuple[str, str, str], Any])
    """The model's own, by domain, name and overload."""
    visited: int = 0
    """Nodes until now, those of unrolled loops each time."""
    most: int = 0
    """How many may be: those that are written, and some more for loops and functions."""

    def __post_init__(self) -> None:
        self.opsets = _opsets_of(self.model)
        self.functions = {(i.domain, i.name, i.overload): i for i in self.model.functions}
        written = [self.model.graph.node, *(item.node for item in self.model.functions)]
        self.most = MOST_UNROLLED + sum(map(len, written))

    def outputs(self, known: Mapping[str, Value]) -> list[Value]:
        """The values of the model's outputs, for values of its inputs.

        Raises UnsupportedOperatorError, which names every node that is not supported.
        """
        found = self._graph(self.model.graph, dict(known), self.opsets, outermost=True)
        if self.problems:
            raise UnsupportedOperatorError(
                f"{len(self.problems)} nodes of the model are not supported\n"
                + "\n".join(f"  {item}" for item in self.problems),
                tuple(dict.fromkeys(name for item in self.problems for name in item.wanted)),
            )
        return found

    def _graph(
        self, graph: Any, values: Environment, opsets: Mapping[str, int], outermost: bool = False
    ) -> list[Value]:
        dense = [(item.name, item) for item in graph.initializer]
        sparse = [(item.values.name, item) for item in graph.sparse_initializer]
        for name, item in (*dense, *sparse):
            if name not in values:
                weight = self.weights.get(name) if outermost else None
                if weight is None:
                    weight = self._weight(name, array_of(item, self.folder), outermost=outermost)
                if outermost:
                    self.weights[name] = weight
                values[name] = weight
        self._nodes(graph.node, values, opsets)
        return [self._value(item.name, values, graph.name or "the graph") for item in graph.output]

    def _weight(self, name: str, array: Array, *, outermost: bool) -> Weight:
        if outermost and name in self.roles:
            return Weight(name, array, role=self.roles[name], is_said=True)
        return Weight(name, array, role=role_of_values(array))

    def _nodes(self, nodes: Sequence[Any], values: Environment, opsets: Mapping[str, int]) -> None:
        for position, node in enumerate(nodes):
            self.visited += 1
            if self.visited > self.most:
                raise UnsupportedOperatorError(
                    f"the model has more than {self.most} nodes with loops unrolled"
                )
            name = node.name or f"{node.op_type.lower()}_{position}"
            inputs = [self._value(item, values, name) for item in node.input]
            found = self._node(node, name, inputs, values, opsets)
            for item, value in zip(node.output, found, strict=False):
                if item:
                    values[item] = _named(value, item)

    def _value(self, name: str, values: Environment, user: str) -> Value:
        if not name:
            return None
        if name not in values:
            raise ModelError(f"{user} takes {name!r}, which nothing before it makes")
        return values[name]

    def _node(
        self, node: Any, name: str, inputs: list[Value], values: Environment, opsets: Mapping[str, int]
    ) -> list[Value]:
        failed: list[Value] = [Failed() for _ in node.output]
        if any(isinstance(item, Failed) for item in inputs):
            return failed
        try:
            with self.parts.around(node):
                return self._computed(node, name, inputs, values, opsets)
        except Unsupported as error:
            title = f"{node.domain or 'ai.onnx'}.{node.op_type}"
            self.problems.append(Problem(name, title, str(error), error.wanted))
            return failed
        except (ModelError, UnsupportedOperatorError):
            raise
        except UserError as error:
            raise ModelError(f"{_title(node, name)}: {error}") from error
        except _MISFITS as error:
            raise ModelError(
                f"{_title(node, name)} has inputs or attributes that do not fit each other: {error}"
            ) from error

    def _computed(
        self, node: Any, name: str, inputs: list[Value], values: Environment, opsets: Mapping[str, int]
    ) -> list[Value]:
        local = self.functions.get((node.domain, node.op_type, node.overload))
        if local is not None:
            if (applied := formula_applied(local, inputs)) is not None:
                return applied
            return self._function(local, node, inputs, _opsets_of(local))
        domain = "" if node.domain == "ai.onnx" else node.domain
        opset = opsets.get(domain)
        if opset is None:
            raise ModelError(f"node {name!r} is of domain {domain!r}, of which the model imports no opset")
        schema = schema_of(node.op_type, domain, opset)
        for place, wanted in enumerate(required_inputs(node.op_type, domain, opset)):
            if place >= len(inputs) or inputs[place] is None:
                raise ModelError(f"{_title(node, name)}: its input {wanted} is missing")
        attributes = attributes_of(node, schema, self.folder)
        if domain == "" and (folded := fold(node.op_type, inputs, attributes)) is not None:
            return folded
        operators.load(node.op_type)
        function = find_operator(node.op_type, domain, schema.since_version)
        if function is None:
            body = body_of(schema, node, inputs, opset)
            if body is None:
                raise Unsupported("no function for it")
            imports = {**NEWEST, **opsets, **_opsets_of(body)}
            return self._function(body, node, inputs, imports, defaults_of(schema))
        foreign = foreign_dtypes(schema, inputs) if is_exact(node.op_type) else {}
        encoding = Encoding(node.op_type)
        given = [encoding.encoded(item) for item in inputs] if foreign else inputs
        found = self._called(function, node, name, given, values, opsets, attributes)
        if not foreign:
            return found
        kinds = [foreign.get(item.type_str) for item in outputs_of(schema, len(found))]
        return [
            item if kind is None else encoding.decoded(item, kind)
            for item, kind in zip(found, kinds, strict=True)
        ]

    def _called(
        self, function: Operator, node: Any, name: str, inputs: list[Value], values: Environment,
        opsets: Mapping[str, int], attributes: Mapping[str, Any],
    ) -> list[Value]:  # fmt: skip
        def run(graph: Any, given: Sequence[Value]) -> list[Value]:
            names = [item.name for item in graph.input]
            if len(names) != len(given):
                raise ModelError(
                    f"{_title(node, name)} gives its graph {quoted(graph.name)} {len(given)} inputs, "
                    f"which has {len(names)}"
                )
            inner = {**values, **dict(zip(names, given, strict=True))}
            return self._graph(graph, inner, opsets)

        def value_of(item: str) -> Value:
            return self._value(item, values, name)

        opset, outputs = opsets[function.domain], list(node.output)
        call = Call(name, node.op_type, function.domain, opset, outputs, run, value_of)
        return function(call, inputs, attributes)

    def _function(
        self, function: Any, node: Any, inputs: Sequence[Value], opsets: Mapping[str, int],
        defaults: Sequence[Any] = (),
    ) -> list[Value]:  # fmt: skip
        """The outputs of a function's body, in which the node's attributes stand for the function's."""
        given = {item.name: item for item in (*defaults, *function.attribute_proto, *node.attribute)}
        values: Environment = dict.fromkeys(function.input)
        values.update(zip(function.input, inputs, strict=False))
        nodes = [with_attributes(item, given) for item in function.node]
        self._nodes(nodes, values, opsets)
        return [values.get(item) for item in function.output]  # a body leaves out what nobody wants


def _opsets_of(imports: Any) -> dict[str, int]:
    """The opsets that a model or a function imports; the main domain has two names."""
    return {"" if i.domain == "ai.onnx" else i.domain: i.version for i in imports.opset_import}


def _named(value: Value, name: str) -> Value:
    """A tensor under the name that the model has for it, unless it has one or is a leaf."""
    if not isinstance(value, Tensor) or value.name is not None or not value.node.operands:
        return value
    return value.named(name)


def _title(node: Any, name: str) -> str:
    return f"node {quoted(name)} ({quoted(node.op_type)[1:-1]})"
