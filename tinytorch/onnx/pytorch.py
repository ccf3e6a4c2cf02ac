"""Modules of PyTorch as modules here, by way of its own exporter to ONNX."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import numpy as np

from compiler.errors import ArgumentError, MissingLibraryError, ModelError
from compiler.ir.build import parameter_node
from compiler.ir.op import Role
from tinytorch.api import constant
from tinytorch.onnx.calling.values import Weight
from tinytorch.onnx.importing.model import Model
from tinytorch.onnx.importing.network import Network
from tinytorch.onnx.reading.arrays import array_of
from tinytorch.onnx.reading.files import read_model
from tinytorch.tensor import Tensor
from tinytorch.torch_files import array_of_torch, torch_library


def from_torch(module: Any, example: Any, *, dynamic_shapes: Any = None) -> Model:
    """A `torch.nn.Module` as a module here, with copies of its weights under PyTorch's own names.

    `example` is the input that `module` is traced with, or a tuple of them: tensors or arrays. Its extents
    are the model's, but those that `dynamic_shapes` names stay symbolic: for each input, a dict from axis to
    name (or whatever `torch.export` takes there); an example's extent on such an axis is 2 or more.

        model = tt.from_torch(net, torch.zeros(2, 3), dynamic_shapes=({0: "batch"},))
        model.load_state_dict(net.state_dict())
        net.load_state_dict({key: torch.from_numpy(array) for key, array in model.state_dict().items()})

    The module is traced as in evaluation, without dropout and with running statistics, and left in its mode.
    Parameters that do not require a gradient stay frozen, and buffers are buffers.

    Raises ArgumentError for what is no module or input of one, ModelError where PyTorch cannot export it,
    UnsupportedOperatorError where it can and the result is not to be had here, and MissingLibraryError
    without torch, onnx or onnxscript, which PyTorch's exporter (`torch.onnx.export(dynamo=True)`) needs.
    """
    torch = torch_library("tt.from_torch")
    if not isinstance(module, torch.nn.Module):
        raise ArgumentError(f"tt.from_torch takes a torch.nn.Module, not {type(module).__name__}")
    _check_exporter()
    inputs = cast("tuple[Any, ...]", example) if isinstance(example, tuple) else (example,)
    given = tuple(_input_of(torch, item) for item in inputs)
    with _evaluating(module), _quiet():
        proto = _exported(torch, module, given, dynamic_shapes)
    read = read_model(proto)
    named = read._replace(name=type(module).__name__)
    return Model(Network(named, {}, {}, _weights(torch, module, read.proto)))


def _check_exporter() -> None:
    try:
        import_module("onnxscript")
    except ModuleNotFoundError:
        raise MissingLibraryError(
            "PyTorch's exporter to ONNX needs the library onnxscript\n  fix: pip install onnxscript"
        ) from None


def _input_of(torch: Any, item: Any) -> Any:
    if isinstance(item, torch.Tensor):
        return item
    if isinstance(item, np.ndarray):
        return torch.from_numpy(item)
    raise ArgumentError(
        f"an example is a torch.Tensor or an array, or a tuple of them, not {type(item).__name__}"
    )


@contextmanager
def _evaluating(module: Any) -> Generator[None]:
    """A module in evaluation, and afterwards every part of it in its own mode again."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


@contextmanager
def _quiet() -> Generator[None]:
    """Without what the exporter says of other libraries that are not there, and of itself."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _exported(torch: Any, module: Any, given: tuple[Any, ...], dynamic_shapes: Any) -> Any:
    """The ModelProto, in which every weight is as PyTorch has it: its optimisations would transpose some."""
    try:
        program = torch.onnx.export(
            module, given, dynamo=True, optimize=False, verbose=False, dynamic_shapes=dynamic_shapes
        )
    except Exception as error:  # whatever the module itself raises for such an example, and the exporter
        said = str(error.__cause__ or error).strip().partition("\n")[0]
        raise ModelError(f"PyTorch cannot export {type(module).__name__}: {said}") from error
    return program.model_proto


def _weights(torch: Any, module: Any, proto: Any) -> dict[str, Weight]:
    """The weights and persistent buffers under PyTorch's names; whatever else the export made is constant."""
    made: dict[int, Weight] = {}
    found: dict[str, Weight] = {}
    trained = {id(item): item.requires_grad for item in module.parameters()}
    state: Mapping[str, Any] = module.state_dict(keep_vars=True)
    for name, tensor in state.items():
        if id(tensor) not in made:  # a tied weight has several names, and is one tensor
            array = array_of_torch(torch, tensor)
            role = Role.TRAINED if id(tensor) in trained else Role.STATE
            held = Tensor(parameter_node(array, name, role=role))
            if id(tensor) in trained:
                held.requires_grad = trained[id(tensor)]
            made[id(tensor)] = Weight(name, array, held)
        found[name] = made[id(tensor)]
    nowhere: Path | None = None
    for item in proto.graph.initializer:
        if item.name not in found:
            array = array_of(item, nowhere)
            found[item.name] = Weight(item.name, array, constant(array, item.name))
    return found
