"""Network: what was read of a model, as tensors."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from compiler.errors import ArgumentError, ModelError, UnsupportedOperatorError, UserError
from compiler.ir.build import parameter_node
from compiler.ir.dims import Extent, extent, parse_extent, symbol
from compiler.ir.op import Parameter, Role
from tinytorch.api import input as tensor_input
from tinytorch.onnx.calling.values import Unsupported, Value, Weight, is_held, tensor_of
from tinytorch.onnx.exporting.naming import PRODUCER
from tinytorch.onnx.importing.roles import roles_of
from tinytorch.onnx.importing.states import states_of
from tinytorch.onnx.importing.walk import Walk
from tinytorch.onnx.reading.arrays import array_of
from tinytorch.onnx.reading.files import Read
from tinytorch.onnx.reading.naming import quoted, type_name
from tinytorch.onnx.reading.storage import numpy_dtype
from tinytorch.tensor import Tensor


class Network:
    """The tensors of a model that was read: its inputs, its outputs, its weights."""

    def __init__(
        self,
        read: Read,
        known: Mapping[str, Any],
        dims: Mapping[str, int | str],
        weights: Mapping[str, Weight] | None = None,
    ) -> None:
        self._read = read
        self.document: str = read.proto.doc_string
        self.metadata = {item.key: item.value for item in read.proto.metadata_props}
        self._next = states_of(read.proto)
        self._states = {
            item.name: Tensor(parameter_node(array_of(item, read.folder), item.name, role=Role.STATE))
            for item in read.proto.graph.initializer
            if item.name in self._next
        }
        self._weights: dict[str, Weight] = dict(weights or {})
        self._roles = roles_of(read.proto)
        kinds = {item.name: item.type for item in read.proto.graph.input}
        self._known = {
            name: _known(value, kinds[name]) if name in kinds else value for name, value in known.items()
        }
        self._dims = dict(dims)
        graph = read.proto.graph
        names = {item.name for item in graph.initializer}
        given = [item for item in graph.input if item.name not in names]
        if unknown := sorted(set(self._known) - {item.name for item in graph.input}):
            raise ArgumentError(f"{read.name} has no input {unknown[0]!r}; it has {[i.name for i in given]}")
        self._given = [item for item in given if item.name not in self._known]
        _check_dims(self._dims, self._given, read.name)
        self.inputs = [self._input(item) for item in self._given]
        made = self._built(self.inputs)
        self.outputs: list[Tensor] = self._without_states(made)
        values = dict(zip((item.name for item in graph.output), made, strict=True))
        self.updates = {tensor: values[self._next[name]] for name, tensor in self._states.items()}

    @property
    def name(self) -> str:
        """What the model is called in messages."""
        return self._read.name

    def initialisers(self) -> set[str]:
        """The names of all initialisers, of which some are constants."""
        return set(self._weights)

    def leaves(self) -> dict[str, Tensor]:
        """The initialisers that are parameters or buffers, under their names in the file."""
        weights = {name: weight.tensor for name, weight in self._weights.items() if weight.tensor is not None}
        kept = {name: item for name, item in weights.items() if isinstance(item.node.op, Parameter)}
        return {**self._states, **kept}

    def built(self, inputs: Sequence[Any]) -> list[Tensor]:
        """The outputs for other inputs."""
        return self._without_states(self._built(inputs))

    def _without_states(self, made: Sequence[Tensor]) -> list[Tensor]:
        following = set(self._next.values())
        pairs = zip(self._read.proto.graph.output, made, strict=True)
        return [tensor for item, tensor in pairs if item.name not in following]

    def _built(self, inputs: Sequence[Any]) -> list[Tensor]:
        if len(inputs) != len(self._given):
            raise ArgumentError(f"{self._read.name} takes {len(self._given)} inputs, not {len(inputs)}")
        values: dict[str, Value] = {**self._states, **self._known}
        values.update(zip((item.name for item in self._given), inputs, strict=True))
        walk = Walk(self._read.proto, self._read.folder, self._weights, self._roles)
        outputs = zip(walk.outputs(values), self._read.proto.graph.output, strict=True)
        return [_output(value, item.name) for value, item in outputs]

    def _input(self, info: Any) -> Tensor:
        kind = info.type.tensor_type
        if not info.type.HasField("tensor_type"):
            raise ModelError(
                f"input {info.name!r} is no tensor\n  fix: load(..., known={{{info.name!r}: ...}})"
            )
        if not kind.HasField("shape"):
            raise ModelError(
                f"input {info.name!r} says nothing of its shape, and a graph needs to know its axes"
            )
        if not is_held(numpy_dtype(kind.elem_type)):
            raise ModelError(
                f"input {info.name!r} is of {type_name(kind.elem_type)}, which no tensor of ours is\n"
                f"  fix: load(..., known={{{info.name!r}: array}})"
            )
        try:
            shape = [self._extent(dim, otherwise) for dim, otherwise in _axes(info)]
            return tensor_input(info.name, shape, numpy_dtype(kind.elem_type))
        except UserError as error:
            raise ModelError(f"input {quoted(info.name)}: {error}") from error

    def _extent(self, dim: Any, otherwise: str) -> Extent:
        if _is_number(dim):
            return int(dim.dim_value)
        name = _dimension(dim) or otherwise
        if name in self._dims:
            return extent(self._dims[name])
        is_ours = self._read.proto.producer_name == PRODUCER
        return parse_extent(name) if is_ours else symbol(_identifier(name))


def _axes(info: Any) -> list[tuple[Any, str]]:
    """The dimensions of an input, each with the name that it has here where the file gives it none."""
    return [(dim, f"{info.name}_{axis}") for axis, dim in enumerate(info.type.tensor_type.shape.dim)]


def _is_number(dim: Any) -> bool:
    return bool(dim.HasField("dim_value") and dim.dim_value >= 0)  # some say -1 of what they do not know


def _dimension(dim: Any) -> str:
    """A dimension's name in the file. One without a letter or digit, as the "?" that some write, is none."""
    return dim.dim_param if re.search(r"[^\W_]", dim.dim_param) else ""


def _check_dims(dims: Mapping[str, int | str], inputs: Sequence[Any], title: str) -> None:
    """Raises ArgumentError for the name of a dimension that no input has."""
    open_ones = [pair for info in inputs for pair in _axes(info) if not _is_number(pair[0])]
    names = list(dict.fromkeys(_dimension(dim) or otherwise for dim, otherwise in open_ones))
    for name in dims:
        if name not in names:
            has = ", ".join(map(quoted, names)) or "numbers alone"
            raise ArgumentError(f"dims= names {name!r}, and the dimensions of {title}'s inputs are {has}")


def _output(value: Value, name: str) -> Tensor:
    """The tensor that an output is. Raises UnsupportedOperatorError for one that is none."""
    try:
        return tensor_of(value)
    except Unsupported as error:
        raise UnsupportedOperatorError(f"output {quoted(name)} is no tensor of ours: {error}") from error


def _identifier(name: str) -> str:
    """A dimension's name as symbols have them."""
    plain = re.sub(r"\W", "_", name, flags=re.ASCII)
    return f"_{plain}" if plain[:1].isdigit() else plain


def _known(value: Any, kind: Any) -> Any:
    """What is known of an input: an array, a list of them for a sequence, None for an optional one."""
    which = kind.WhichOneof("value")
    if which == "optional_type":
        return None if value is None else _known(value, kind.optional_type.elem_type)
    if which == "sequence_type":
        return [_known(item, kind.sequence_type.elem_type) for item in value]
    return np.asarray(value)
