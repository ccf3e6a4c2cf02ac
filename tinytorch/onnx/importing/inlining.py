"""The standard's own bodies of operators that are functions of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from compiler.ir.dims import Dim
from tinytorch.onnx.calling.values import Value, Weight, dtype_name, has_extents
from tinytorch.onnx.reading.library import onnx
from tinytorch.tensor import Tensor


def body_of(schema: Any, node: Any, inputs: Sequence[Value], opset: int) -> Any | None:
    """The body (FunctionProto) that the standard has for a node of these inputs; None if it has none."""
    if schema.has_function:
        version = _version(schema.function_opset_versions, opset)
        made = schema.get_function_with_opset_version(version)
    elif schema.has_context_dependent_function:
        types = [type_of(item).SerializeToString() for item in inputs]
        version = _version(schema.context_dependent_function_opset_versions, opset)
        made = schema.get_context_dependent_function_with_opset_version(
            version, node.SerializeToString(), types
        )
    else:
        return None
    if isinstance(made, onnx.FunctionProto):  # bytes since onnx 1.23, and of functions of a context always
        return made
    body = onnx.FunctionProto()
    body.ParseFromString(made)
    return body if body.node else None  # an empty one where it makes none of these types


def _version(versions: Sequence[int], opset: int) -> int:
    return max((item for item in versions if item <= opset), default=min(versions))


def type_of(value: Value) -> Any:
    """The type (TypeProto) of a value."""
    if isinstance(value, Weight):
        value = value.array
    if isinstance(value, np.ndarray):
        kind = np.dtype(np.int64) if has_extents(value) else value.dtype
        return onnx.helper.make_tensor_type_proto(onnx.helper.np_dtype_to_tensor_dtype(kind), value.shape)
    if isinstance(value, Tensor):
        element = onnx.TensorProto.DataType.Value(
            _PROTO_NAMES.get(dtype_name(value), dtype_name(value).upper())
        )
        shape = [str(item) if isinstance(item, Dim) else item for item in value.shape]
        return onnx.helper.make_tensor_type_proto(element, shape)
    if isinstance(value, list):
        return onnx.helper.make_sequence_type_proto(type_of(value[0]) if value else onnx.TypeProto())
    return onnx.TypeProto()


def with_attributes(node: Any, given: Mapping[str, Any]) -> Any:
    """A node whose references to the function's attributes are their values, in subgraphs too."""
    if not any(item.ref_attr_name or item.HasField("g") for item in node.attribute):
        return node
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    del copy.attribute[:]
    for item in node.attribute:
        if not item.ref_attr_name:
            copy.attribute.append(item)
        elif item.ref_attr_name in given:
            value = copy.attribute.add()
            value.CopyFrom(given[item.ref_attr_name])
            value.name = item.name
    for item in copy.attribute:
        if item.HasField("g"):
            inner = [with_attributes(each, given) for each in item.g.node]
            del item.g.node[:]
            item.g.node.extend(inner)
    return copy


NEWEST: Final[Mapping[str, int]] = {"": onnx.defs.onnx_opset_version()}
"""What a body of the standard is in that says no opset, in a model that has none of the main domain."""

_PROTO_NAMES = {"float32": "FLOAT", "float64": "DOUBLE"}
