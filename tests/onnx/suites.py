"""The tests of the standard's suites, as its own runner makes them for a backend."""

from __future__ import annotations

import io
import pickle
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import onnx
from onnx.backend.base import Backend
from onnx.backend.test import loader
from onnx.backend.test.case import node as node_cases
from onnx.backend.test.runner import Runner

_MADE = Path.home() / ".cache" / "tinytorch-tests" / f"onnx-{onnx.__version__}.pickle"
"""The node tests as they were made once: to make them takes longer than to run a few."""

KINDS = {
    "node": "NodeModel",
    "simple": "SimpleModel",
    "light": "RealModel",
    "pytorch-operator": "PyTorchOperatorModel",
    "pytorch-converted": "PyTorchConvertedModel",
}
"""Suites, and what the runner calls them. `light` has networks whose weights are made by nodes."""

HELD = ("BOOL", "UINT8", "INT8", "INT16", "INT32", "INT64", "FLOAT16", "FLOAT", "DOUBLE")
"""The types of tensors that we have; bfloat16 is the tenth, and counted by itself."""

_CLASSES = {
    "BFLOAT16": "bfloat16", "STRING": "string", "UINT16": "unsigned", "UINT32": "unsigned",
    "UINT64": "unsigned", "COMPLEX64": "complex", "COMPLEX128": "complex", "FLOAT4E2M1": "4 bits and fewer",
    "UINT4": "4 bits and fewer", "INT4": "4 bits and fewer", "UINT2": "4 bits and fewer",
    "INT2": "4 bits and fewer",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """A test of a suite."""

    name: str
    kind: str
    operators: tuple[str, ...]
    """Of its graph, each once."""
    held: str
    """The class of its types: `ours`, or what is there besides them."""


def load_cases(kinds: list[str]) -> list[Case]:
    """The tests of some suites, in the order of their names."""
    found: list[Case] = []
    for kind in kinds:
        tests = _node_tests() if kind == "node" else loader.load_model_tests(kind=_FOLDERS.get(kind, kind))
        for test in tests:
            model = test.model or onnx.load(_place(test))
            operators = dict.fromkeys(_title(node) for node in model.graph.node)
            found.append(Case(test.name, kind, tuple(operators), _class_of(model)))
    return sorted(found, key=lambda item: (list(KINDS).index(item.kind), item.name))


_FOLDERS = {"light": "real"}


def _node_tests() -> list[Any]:
    """The node tests, which the loader has then too."""
    known: list[Any] = node_cases._NodeTestCases  # the list that the loader returns
    if not known and _MADE.exists():
        known += pickle.loads(_MADE.read_bytes())  # noqa: S301  # written below, in the home of who runs this
    if not known:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the suite's own data overflow
            loader.load_node_model_tests()
        _MADE.parent.mkdir(parents=True, exist_ok=True)
        _MADE.write_bytes(pickle.dumps(known))
    return known


_SLOW = ("averagepool", "lppool", "maxpool")
"""Modules whose data take longest to make."""


def load_most() -> None:
    """Makes the node tests but for those whose data take longest, for a run of a sample."""
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        for module in iter_modules(node_cases.__path__):
            if module.name not in _SLOW:
                import_module(f"{node_cases.__name__}.{module.name}")


def load_rest() -> None:
    """Makes what `load_most` left out, if it was called in this process, for a run of all after it."""
    if f"{node_cases.__name__}.abs" not in sys.modules:
        return  # then all of them are made, or read, when they are wanted
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        loader.load_node_model_tests()  # which imports the modules that were not imported


def _place(test: Any) -> Path:
    """Where the model of a test lies. `url` is a path in the package."""
    if test.model_dir is not None:
        return Path(test.model_dir) / "model.onnx"
    return Path(onnx.__file__).parent / Path(test.url).relative_to("onnx")


def _title(node: Any) -> str:
    return f"{node.domain}.{node.op_type}" if node.domain else node.op_type


def _class_of(model: Any) -> str:
    names = {name for item in (*model.graph.input, *model.graph.output) for name in _types_in(item.type)}
    other = sorted(names - set(HELD), key=lambda name: name == "BFLOAT16")
    return _CLASSES.get(other[0], other[0].split("E")[0].lower()) if other else "ours"


def _types_in(kind: Any) -> Iterator[str]:
    which = kind.WhichOneof("value")
    if which in ("tensor_type", "sparse_tensor_type"):
        yield onnx.TensorProto.DataType.Name(getattr(kind, which).elem_type)
    elif which in ("sequence_type", "optional_type"):
        yield from _types_in(getattr(kind, which).elem_type)
    else:
        yield str(which)


def tests_of(backend: type[Backend]) -> dict[tuple[str, str], Callable[[], None]]:
    """The runner's test functions for a backend, by suite and name. They raise, as tests do."""
    _node_tests()
    loaded, loader.import_recursive = loader.import_recursive, lambda package: None
    try:
        items = Runner(backend)._test_items  # its public names only make unittest classes
    finally:
        loader.import_recursive = loaded
    return {
        (kind, name.removesuffix("_cpu")): _quiet(item.func)
        for kind, category in KINDS.items()
        for name, item in items[category].items()
        if name.endswith("_cpu")
    }


def _quiet(test: Callable[..., Any]) -> Callable[[], None]:
    def run() -> None:
        with redirect_stdout(io.StringIO()):
            test(None)

    return run
