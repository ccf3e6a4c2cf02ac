"""The gradient of a model against central differences, in float64, at the data of its test.

The model is made one of float64 throughout: inputs, weights, constants, casts. What is differentiated is the
sum of its floating outputs, each element weighted at random, by all floating inputs together along random
directions. Where slopes from the left and from the right differ the point is a kink, and data beside it are
taken; where they differ there too, it is no differentiable function.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import onnx

import tinytorch as tt
from tinytorch.onnx.backend import Prepared
from tinytorch.onnx.calling.operator import find_operator
from tinytorch.onnx.importing import walk
from tinytorch.onnx.importing.inlining import body_of
from tinytorch.state import state_updates
from tinytorch.tensor import Tensor

_NARROW = {onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16}
_STASHING = ("LayerNormalization", "GroupNormalization", "RMSNormalization")
"""Operators that compute in float32 unless they say otherwise; bodies of the standard have casts for that."""

_NEWEST = onnx.defs.onnx_opset_version()

_TYPES = ("to", "stash_type", "dtype", "softmax_precision", "output_datatype")
_STEP = 1e-6
_TOLERANCE = 1e-5
_KINK = 1e-3
_DIRECTIONS = 3
_ELEMENTS = 20_000
"""More elements of inputs are not tried: the large networks would take minutes."""


class Verdict(NamedTuple):
    """`agrees`, `differs`, `none` (nothing to differentiate), `kink`, or `refused`; and why."""

    result: str
    reason: str = ""


def gradient_verdict(model: Any, inputs: Any) -> Verdict:
    """What comes of the check for a model that has passed with some inputs."""
    arrays = [_widened_array(item) for item in inputs]
    prepared = Prepared(_widened_model(model), {})
    given = prepared.named(arrays)
    try:
        with np.errstate(all="ignore"), patch.object(walk, "body_of", _widened_body):
            build = prepared.built(given)
            return _checked(build, given)
    except tt.UnsupportedOperatorError as error:
        return Verdict("none", f"it is no model of float64: {str(error).splitlines()[-1].strip()}")
    except (
        tt.GradientError,
        tt.DTypeError,
        tt.ShapeError,
        tt.ModelError,
    ) as error:
        return Verdict("refused", f"{type(error).__name__}: {str(error).splitlines()[-1].strip()}")


def _checked(build: Any, given: dict[str, Any]) -> Verdict:
    outputs = [item for item in _tensors(build.outputs) if item.dtype.is_float]
    wrt = {name: item for name, item in build.inputs.items() if item.dtype.is_float}
    size = sum(np.size(given[name]) for name in wrt)
    if not outputs or not size:
        return Verdict("none", "no output" if not outputs else "no input" + " of floats that is a tensor")
    if state_updates(*outputs):
        return Verdict("none", "each call draws other masks")
    if size > _ELEMENTS:
        return Verdict("none", f"more than {_ELEMENTS} elements")
    generator = np.random.default_rng(0)
    inputs = list(build.inputs.values())
    plain = tt.compile(inputs, outputs, backend="numpy", passes=())
    at = [given[name] for name in build.inputs]
    weights = [_weights(item, generator) for item in plain(*at)]
    loss = sum(
        ((item * tt.constant(w)).sum() for item, w in zip(outputs, weights, strict=True)),
        tt.constant(0.0, dtype="float64"),
    )
    slopes = tt.grad(loss, list(wrt.values()), allow_unused=True)
    program = tt.compile(inputs, slopes, backend="numpy", passes=())

    def value(moved: dict[str, Any]) -> float:
        found = plain(*({**given, **moved}[name] for name in build.inputs))
        return float(sum(np.sum(a * w) for a, w in zip(found, weights, strict=True)))

    verdict = Verdict("none")
    for nudge in (0.0, 1e-2, 1e-2):
        start = {name: _finite(given[name], nudge, generator) for name in wrt}
        derived = program(*({**given, **start}[name] for name in build.inputs))
        for _ in range(_DIRECTIONS):
            ways = {name: generator.standard_normal(np.shape(given[name])) for name in wrt}
            verdict = _along(value, start, ways, dict(zip(wrt, derived, strict=True)))
            if verdict.result != "agrees":
                break
        if verdict.result != "kink":
            return verdict
    return verdict


def _along(value: Any, start: dict[str, Any], ways: dict[str, Any], slopes: dict[str, Any]) -> Verdict:
    def at(distance: float) -> float:
        return value({name: start[name] + distance * ways[name] for name in start})

    here, right, left = at(0.0), at(_STEP), at(-_STEP)
    measured = (right - left) / (2 * _STEP)
    nearer = (at(_STEP / 2) - at(-_STEP / 2)) / _STEP
    derived = float(sum(np.sum(slopes[name] * ways[name]) for name in start))
    scale = max(1.0, abs(measured), 1e-5 * abs(here))
    if not np.isfinite(measured):
        return Verdict("kink", "infinite at the test's data")
    if abs(measured - derived) <= _TOLERANCE * scale:
        return Verdict("agrees")
    if abs((right - here) - (here - left)) > _KINK * scale * _STEP or abs(nearer - measured) > _KINK * scale:
        return Verdict("kink", "slopes from the left and the right differ, or it jumps")
    return Verdict("differs", f"derived {derived:.9g}, measured {measured:.9g}")


def _finite(array: Any, nudge: float, generator: Any) -> Any:
    """An input's data, or data beside them; random ones for what is not finite."""
    noise = generator.standard_normal(np.shape(array))
    return np.where(np.isfinite(array), array + nudge * noise, noise)


def _weights(array: Any, generator: Any) -> Any:
    """Random weights for an output's elements, none for those that are not finite."""
    return np.where(np.isfinite(array), generator.standard_normal(np.shape(array)), 0.0)


def _tensors(values: Iterable[Any]) -> list[Tensor]:
    return [
        tensor
        for value in values
        for tensor in (_tensors(value) if isinstance(value, list) else [value])
        if isinstance(tensor, Tensor)
    ]


def _widened_array(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_widened_array(item) for item in value]
    array = None if value is None else np.asarray(value)
    is_narrow = array is not None and array.dtype.name in ("float32", "float16", "bfloat16")
    return array.astype(np.float64) if is_narrow else array


def _widened_body(*args: Any) -> Any:
    """What the standard has as a body, with float64 for the narrower floats that it casts to."""
    body = body_of(*args)
    if body is not None:
        _widen_nodes(body.node)
    return body


def _widened_model(model: Any) -> Any:
    """The model with float64 for every narrower float."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    _widen_graph(copy.graph)
    for function in copy.functions:
        _widen_nodes(function.node)
    return copy


def _widen_graph(graph: Any) -> None:
    for item in (*graph.input, *graph.output, *graph.value_info):
        _widen_type(item.type)
    for tensor in graph.initializer:
        _widen_tensor(tensor)
    _widen_nodes(graph.node)


def _widen_nodes(nodes: Any) -> None:
    for node in nodes:
        has_own = any(item.name == "stash_type" for item in node.attribute)
        if node.op_type in _STASHING and not has_own and find_operator(node.op_type, "", _NEWEST):
            node.attribute.append(onnx.helper.make_attribute("stash_type", onnx.TensorProto.DOUBLE))
        for item in node.attribute:
            if item.name in _TYPES and item.i in _NARROW:
                item.i = onnx.TensorProto.DOUBLE
            if item.HasField("t"):
                _widen_tensor(item.t)
            if item.HasField("g"):
                _widen_graph(item.g)


def _widen_tensor(tensor: Any) -> None:
    if tensor.data_type in _NARROW:
        array = onnx.numpy_helper.to_array(tensor).astype(np.float64)
        tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))


def _widen_type(kind: Any) -> None:
    which = kind.WhichOneof("value")
    if which == "tensor_type" and kind.tensor_type.elem_type in _NARROW:
        kind.tensor_type.elem_type = onnx.TensorProto.DOUBLE
    elif which in ("sequence_type", "optional_type"):
        _widen_type(getattr(kind, which).elem_type)
