"""Writes the nodes of a model's graph, and those of its functions.

What is said in more than a few nodes, such as the formula of an activation, becomes a function of the model:
one node to whoever looks at the graph, and ONNX Runtime inlines it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from tinytorch.onnx.exporting.protos import attribute_of, dtype_name, note, tensor_of
from tinytorch.onnx.exporting.values import Value
from tinytorch.onnx.reading.library import onnx

DOMAIN: Final = "tinytorch"
"""Of the functions that a model brings along."""

INLINE: Final = 3
"""Nodes up to which a formula is written where it is used."""

NAMED: Final = 8
"""Elements up to which a row of numbers is named after them."""

Forms = Mapping[Any, Callable[..., Value]]
"""For each of NumPy's functions the one that writes its nodes."""

_CARRIERS: Final = {
    "bool": "int32", "uint8": "int32", "int8": "int32", "int16": "int32", "bfloat16": "float32",
}  # fmt: skip
"""In what others elements can be moved and compared, with nothing lost on the way there and back."""

LACKING: Final[Mapping[str, tuple[str, ...]]] = {
    "Where": ("bool", "int16", "bfloat16"),
    "Expand": ("bfloat16",),
    "Pad": ("int16",),
    "Less": ("bool",),
    "LessOrEqual": ("bool",),
    "Greater": ("bool",),
    "GreaterOrEqual": ("bool",),
    "ArgMax": ("bool",),
    "ArgMin": ("bool",),
    "Einsum": ("bool", "uint8", "int8", "int16"),
}
"""The dtypes of which ONNX Runtime has no kernel of an operator that only moves or compares."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the model, and the dtype of what it returns."""

    proto: Any
    kind: np.dtype[Any]


@dataclass(slots=True)
class Library:
    """The functions of a model, in the order in which they were first needed."""

    forms: Forms
    opset: int
    has_functions: bool = True
    """Whether long formulas are functions; else all is written where it is used."""
    functions: dict[object, Function | None] = field(default_factory=dict[object, "Function | None"])
    """By what they were made of; None where that has few nodes, and is written where it is used."""

    @property
    def protos(self) -> list[Any]:
        """The functions."""
        return [item.proto for item in self.functions.values() if item is not None]

    def untaken(self, name: str, kinds: Sequence[np.dtype[Any]]) -> str:
        """A name for a function: the one that is wanted, with its dtype or a number where others have it."""
        taken = {proto.name for proto in self.protos}
        wanted = _identifier(name)
        if wanted in taken and kinds:
            wanted = f"{wanted}_{dtype_name(kinds[0])}"
        return _unique(wanted, dict.fromkeys(taken, 1))


@dataclass(slots=True)
class Place:
    """For what nodes are written: its name, and what they are called."""

    name: str = ""
    path: str = ""
    document: str = ""
    notes: Mapping[str, str] = field(default_factory=dict[str, str])


class Writer:
    """The nodes of a graph (or of a function's body, whose constants are nodes)."""

    def __init__(self, library: Library, *, is_body: bool = False, names: Sequence[str] = ()) -> None:
        self.library = library
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.place = Place()
        self.kept: set[str] = set()
        """Values that others will ask for again, under the names that they have."""
        self._is_body = is_body
        self._names = dict.fromkeys(names, 0)
        self._titles: dict[str, int] = {}
        self._constants: dict[object, Value] = {}

    @property
    def opset(self) -> int:
        """The version of the standard's operators that is written."""
        return self.library.opset

    def fresh(self, wanted: str) -> str:
        """A name that nothing has: the one that is wanted, or that and a number."""
        return _unique(wanted, self._names)

    def constant(self, value: Any, kind: np.dtype[Any]) -> Value:
        """An array, or a number, in a dtype."""
        array = np.asarray(value).astype(kind)
        key = kind, array.shape, array.tobytes()
        if key not in self._constants:
            self._constants[key] = self._constant(array, kind)
        return self._constants[key]

    def _constant(self, array: np.ndarray[Any, Any], kind: np.dtype[Any]) -> Value:
        name = self.fresh(f"{dtype_name(kind)}{_title_of(array)}")
        proto = tensor_of(array, name)
        if not self._is_body:
            self.initializers.append(proto)
            return Value(self, name, kind)
        self.nodes.append(onnx.helper.make_node("Constant", [], [name], value=proto))
        return Value(self, name, kind)

    def integers(self, *values: int) -> Value:
        """A row of int64."""
        return self.constant(np.array(values, np.int64), np.dtype(np.int64))

    def node(
        self, operator: str, *inputs: Value | None, kind: Any = None, domain: str = "", **attributes: Any
    ) -> Value:
        """The one result of an operator, of `kind` or of the dtype of the first input."""
        carrier = self._carrier(operator, inputs)
        if carrier is not None:
            return self._carried(operator, inputs, kind, carrier, attributes)
        (found,) = self.results(operator, inputs, [kind], domain=domain, **attributes)
        return found

    def _carrier(self, operator: str, inputs: Sequence[Value | None]) -> str | None:
        data = inputs[-1] if operator == "Where" else inputs[0] if inputs else None
        is_lacking = data is not None and data.dtype.name in LACKING.get(operator, ())
        return _CARRIERS[data.dtype.name] if is_lacking and data is not None else None

    def _carried(
        self, operator: str, inputs: Sequence[Value | None], kind: Any, carrier: str, attributes: Any
    ) -> Value:
        """An operator in another dtype than its own, with casts around it."""
        given = inputs[-1] if operator == "Where" else inputs[0]
        assert given is not None
        moved = [
            item.astype(carrier) if item is not None and item.dtype == given.dtype else item
            for item in (inputs[1:] if operator == "Where" else inputs)
        ]
        moved = [inputs[0], *moved] if operator == "Where" else moved
        found = self.node(operator, *moved, kind=kind, **attributes)
        return found if kind is not None else found.astype(given.dtype)

    def results(
        self, operator: str, inputs: Sequence[Value | None], kinds: Sequence[Any], *, domain: str = "",
        **attributes: Any,
    ) -> list[Value]:  # fmt: skip
        """The results of an operator, one for each dtype; None stands for that of the first input."""
        present = [item for item in inputs if item is not None]
        while inputs and inputs[-1] is None:
            inputs = inputs[:-1]
        first = present[-1 if operator == "Where" else 0] if present else None
        outputs = [
            Value(self, self.fresh(f"{self.place.name}.{operator}"), _kind(kind, first)) for kind in kinds
        ]
        proto = onnx.helper.make_node(
            operator,
            [item.name if item is not None else "" for item in inputs],
            [item.name for item in outputs],
            self._title(operator),
            self.place.document or None,
            domain or None,
            **{name: attribute_of(item) for name, item in attributes.items() if item is not None},
        )
        note(proto, self.place.notes)
        self.nodes.append(proto)
        return outputs

    def _title(self, operator: str) -> str:
        if self._is_body:
            return ""
        path = self.place.path
        is_said = re.fullmatch(rf"{operator}(_\d+)?", path.rpartition("/")[2])
        return _unique(path if is_said else f"{path}/{operator}", self._titles)

    def renamed(self, value: Value, name: str, first: int) -> Value:
        """A result of the nodes from `first` on under another name; what was made before keeps its own."""
        if value.name == name or value.name in self.kept:
            return value
        makers = [proto for proto in self.nodes[first:] if value.name in proto.output]
        if not makers:
            return value
        for proto in self.nodes[first:]:
            for names in (proto.input, proto.output):
                for k, item in enumerate(names):
                    if item == value.name:
                        names[k] = name
        found = Value(self, name, value.dtype)
        found.flat = value.flat
        return found

    def keep_needed(self, outputs: Sequence[str]) -> None:
        """Drops nodes and initialisers on which no output depends."""
        needed = set(outputs)
        kept: list[Any] = []
        for proto in reversed(self.nodes):
            if needed.intersection(proto.output):
                needed.update(proto.input)
                kept.append(proto)
        self.nodes = kept[::-1]
        self.initializers = [item for item in self.initializers if item.name in needed]

    def copy(self, value: Value, name: str) -> Value:
        """A copy of a value under another name."""
        self.place = Place(name, "/outputs")
        first = len(self.nodes)
        return self.renamed(self.node("Identity", value), name, first)

    def apply(self, function: Any, inputs: Sequence[Any]) -> Value:
        """One of NumPy's functions of values and numbers, which take the dtype of the values."""
        is_choice = function is np.where
        rest = inputs[1:] if is_choice else inputs
        kinds = [item.dtype for item in rest if isinstance(item, Value)]
        weak = [item for item in rest if not isinstance(item, Value)]
        common = np.result_type(*kinds, *weak)
        given = [self.operand(item, common) for item in rest]
        return self.library.forms[function](*([inputs[0]] if is_choice else []), *given)

    def operand(self, item: Any, kind: np.dtype[Any]) -> Value:
        """A value or a number in a dtype."""
        return item.astype(kind) if isinstance(item, Value) else self.constant(item, kind)

    def call(
        self, name: str, body: Callable[..., Value], inputs: Sequence[Value], *, document: str = "",
        notes: Mapping[str, str] | None = None,
    ) -> Value:  # fmt: skip
        """What a body makes of values: a node that calls a function of the model, or the body's few nodes.

        Equal bodies of inputs of equal dtypes are one function. In a function everything is written out.
        """
        if self._is_body or not self.library.has_functions:
            return body(*inputs)
        key = body, tuple(item.dtype for item in inputs)
        if key not in self.library.functions:
            self.library.functions[key] = self._function(name, body_of(self.library, *key), document, notes)
        function = self.library.functions[key]
        if function is None:
            return body(*inputs)
        return self.node(function.proto.name, *inputs, kind=function.kind, domain=DOMAIN)

    def _function(
        self, name: str, body: Body, document: str, notes: Mapping[str, str] | None
    ) -> Function | None:
        if sum(node.op_type != "Constant" for node in body.nodes) <= INLINE:
            return None
        proto = onnx.helper.make_function(
            DOMAIN, self.library.untaken(name, body.kinds), body.inputs, [body.result.name], body.nodes,
            [onnx.helper.make_opsetid("", self.opset)],
        )  # fmt: skip
        proto.doc_string = document
        note(proto, notes or {})
        return Function(proto, body.result.dtype)


@dataclass(frozen=True, slots=True)
class Body:
    """The nodes of a function, the names and dtypes of its inputs, and its result."""

    nodes: list[Any]
    inputs: list[str]
    kinds: Sequence[np.dtype[Any]]
    result: Value


def body_of(library: Library, body: Callable[..., Value], kinds: Sequence[np.dtype[Any]]) -> Body:
    """What a body writes for inputs of dtypes."""
    inner = Writer(library, is_body=True)
    given = [Value(inner, inner.fresh(f"x{k}" if k else "x"), kind) for k, kind in enumerate(kinds)]
    result = body(*given)
    return Body(inner.nodes, [item.name for item in given], kinds, result)


def _title_of(array: np.ndarray[Any, Any]) -> str:
    """A number, the numbers of a short row, or a shape."""
    if array.ndim > 1 or array.size > NAMED:
        return f"[{'x'.join(map(str, array.shape))}]"
    numbers = ",".join(f"{item:.6g}" for item in array.flat)
    return f"[{numbers}]" if array.ndim else f".{numbers}"


def _kind(kind: Any, first: Value | None) -> np.dtype[Any]:
    """The dtype of a result: that which is said, or that of an operator's first input."""
    if kind is None:
        assert first is not None
        return first.dtype
    return np.dtype(kind)


def _unique(wanted: str, taken: dict[str, int]) -> str:
    if wanted not in taken:
        taken[wanted] = 0
        return wanted
    while True:
        taken[wanted] += 1
        found = f"{wanted}_{taken[wanted]}"
        if found not in taken:
            taken[found] = 0
            return found


def _identifier(name: str) -> str:
    """A name as a function may have it: letters, digits and underscores."""
    return re.sub(r"\W+", "_", name.replace("'", "_slope_")).strip("_") or "formula"
