"""The standard's own interface of what runs models, `onnx.backend.base.Backend`.

    import tinytorch.onnx.backend as backend

    backend.run_model(model, [x])                  # the outputs
    onnx.backend.test.BackendTest(backend)         # the standard's conformance suite

A model is built for the shapes of what it is given, and once more for other values of what an operator has to
know before a call: a shape, an axis, the sizes of a split. What is no tensor of ours is known as well:
sequences, texts, and dtypes that no graph of ours has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

import numpy as np
from onnx.backend.base import Backend, BackendRep

from compiler.errors import ArgumentError, UnsupportedOperatorError
from tinytorch.api import compile as compiled
from tinytorch.api import input as tensor_input
from tinytorch.onnx.calling.values import Value, Weight, is_held
from tinytorch.onnx.importing.inlining import type_of
from tinytorch.onnx.importing.walk import Walk
from tinytorch.onnx.reading.files import Read, read_model
from tinytorch.onnx.reading.library import onnx
from tinytorch.state import state_updates
from tinytorch.tensor import Tensor


@dataclass(slots=True)
class Build:
    """A model's graph for some shapes and known values."""

    inputs: dict[str, Tensor]
    """The tensors that a call gives, under the names that they have in the file."""
    outputs: list[Value]
    """What the model makes of them: tensors, arrays that are known already, lists of these, or None."""
    tensors: list[Tensor] = field(default_factory=list[Tensor])
    program: Any = None

    def compile(self, **options: Any) -> None:
        """Compiles what is not known already."""
        self.tensors = _tensors_in(self.outputs)
        if self.tensors:
            counters = state_updates(*self.tensors)  # of dropout in training
            named: dict[str, Any] = {"updates": counters, "freeze": not counters, **options}
            self.program = compiled(list(self.inputs.values()), self.tensors, **named)

    def run(self, given: Mapping[str, Any]) -> list[Any]:
        """The outputs as arrays, and lists of arrays."""
        called = bool(self.tensors)
        results: Iterator[Any] = iter(self.program(*(given[i] for i in self.inputs)) if called else ())
        return [_with_results(value, results) for value in self.outputs]


class Prepared(BackendRep):
    """A model that is ready to run: `run(inputs)`."""

    def __init__(self, model: Any, options: Mapping[str, Any]) -> None:
        self._read: Read = read_model(model)
        self._options = dict(options)
        weights = {item.name for item in self._read.proto.graph.initializer}
        self._names = [i.name for i in self._read.proto.graph.input if i.name not in weights]
        self._weights: dict[str, Weight] = {}
        self._wanted: set[str] = set()
        self._builds: dict[object, Build] = {}

    def run(self, inputs: Any, **kwargs: Any) -> tuple[Any, ...]:
        """The outputs for inputs by position, or under their names: arrays, lists of arrays, or None.

        Raises UnsupportedOperatorError with every node that is not to be had here.
        """
        if kwargs:
            raise ArgumentError(f"run has no keyword {min(kwargs)!r}")
        given = self.named(inputs)
        build = self.built(given)
        if build.program is None:
            build.compile(**self._options)
        return tuple(build.run(given))

    def built(self, given: Mapping[str, Any]) -> Build:
        """The graph for what is given, which is built unless it is there already."""
        self._wanted |= {name for name, value in given.items() if not _is_tensor(value)}
        while True:
            key = tuple((name, _key(given[name], name in self._wanted)) for name in given)
            try:
                if key not in self._builds:
                    self._builds[key] = self._build(given)
                return self._builds[key]
            except UnsupportedOperatorError as error:
                missing = set(error.wanted) - self._wanted
                if not missing:
                    raise
                self._wanted |= missing

    def _build(self, given: Mapping[str, Any]) -> Build:
        tensors = {
            name: tensor_input(name, np.shape(value), np.asarray(value).dtype)
            for name, value in given.items()
            if name not in self._wanted
        }
        known = {name: _known(given[name]) for name in given if name in self._wanted}
        walk = Walk(self._read.proto, self._read.folder, self._weights)
        return Build(tensors, walk.outputs({**known, **tensors}))

    def named(self, inputs: Any) -> dict[str, Any]:
        """What is given by position, under the names of the inputs; None for what is not given."""
        if isinstance(inputs, Mapping):
            return dict(cast("Mapping[str, Any]", inputs))
        listed: list[Any] = [inputs] if isinstance(inputs, np.ndarray) else list(inputs)
        every = [item.name for item in self._read.proto.graph.input]
        names = every if len(listed) == len(every) else self._names
        if len(listed) > len(names):
            raise ArgumentError(f"{self._read.name} takes {len(names)} inputs, not {len(listed)}")
        return {**dict.fromkeys(self._names), **dict(zip(names, listed, strict=False))}


class TinytorchBackend(Backend):
    """Runs models here. `options` of a subclass are those of `tt.compile`."""

    options: ClassVar[Mapping[str, Any]] = {}

    @classmethod
    def is_compatible(cls, model: Any, device: str = "CPU", **kwargs: Any) -> bool:
        """Whether it may be tried, which needs the device alone: what is not supported is said by a run."""
        return cls.supports_device(device)

    @classmethod
    def prepare(cls, model: Any, device: str = "CPU", **kwargs: Any) -> Prepared:
        """A model that is ready to run. Further keywords are options of `tt.compile`.

        Raises ModelError for what is no valid model, ArgumentError for a device other than the CPU.
        """
        if not cls.supports_device(device):
            raise ArgumentError(f"models run on the CPU here, not on {device!r}")
        return Prepared(model, {**cls.options, **kwargs})

    @classmethod
    def run_node(
        cls, node: Any, inputs: Any, device: str = "CPU", outputs_info: Any = None, **kwargs: Any
    ) -> tuple[Any, ...]:
        """The outputs of one node. `opset_version` is the newest unless it is given."""
        super().run_node(node, inputs, device, outputs_info, **kwargs)
        opset = kwargs.pop("opset_version", None) or onnx.defs.onnx_opset_version()
        helper = onnx.helper
        names = [name for name in node.input if name]
        values = zip(names, [_known(item) for item in inputs if item is not None], strict=True)
        given = [helper.make_value_info(name, type_of(value)) for name, value in values]
        made = [helper.make_empty_tensor_value_info(name) for name in node.output if name]
        graph = helper.make_graph([node], "node", given, made)
        imports = [helper.make_opsetid("", opset)]
        if node.domain:
            imports.append(helper.make_opsetid(node.domain, onnx.defs.onnx_ml_opset_version()))
        model = helper.make_model(graph, opset_imports=imports)
        return Prepared(model, {**cls.options, **kwargs}).run([item for item in inputs if item is not None])

    @classmethod
    def supports_device(cls, device: str) -> bool:
        """Whether models run on a device: on the CPU."""
        return device.split(":")[0] == "CPU"


is_compatible = TinytorchBackend.is_compatible
prepare = TinytorchBackend.prepare
run_model = TinytorchBackend.run_model
run_node = TinytorchBackend.run_node
supports_device = TinytorchBackend.supports_device


def _is_tensor(value: Any) -> bool:
    """Whether a graph of ours can take a value as an input."""
    return isinstance(value, np.ndarray | np.generic) and is_held(cast("Any", value).dtype)


def _known(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_known(item) for item in value]  # pyright: ignore[reportUnknownVariableType]  # any list
    return None if value is None else np.asarray(value)


def _key(value: Any, by_value: bool) -> object:
    """What tells one build's input from another's: its bytes if it is known, else its type."""
    if value is None:
        return None
    if isinstance(value, list | tuple):
        return tuple(_key(item, by_value) for item in value)  # pyright: ignore[reportUnknownVariableType]
    array = np.asarray(value)
    content = (tuple(array.flat) if array.dtype == object else array.tobytes()) if by_value else None
    return array.shape, str(array.dtype), content


def _tensors_in(values: Sequence[Value]) -> list[Tensor]:
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, list):
            found += _tensors_in(value)
    return found


def _with_results(value: Value, results: Iterator[Any]) -> Any:
    """An output with arrays for its tensors, which are the next results."""
    if isinstance(value, Tensor):
        return np.asarray(next(results))
    if isinstance(value, list):
        return [_with_results(item, results) for item in value]
    if isinstance(value, Weight):
        return value.array
    return value
