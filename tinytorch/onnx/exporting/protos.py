"""Arrays, dtypes and metadata as messages of ONNX."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from compiler.ir.types import dtype_of
from tinytorch.onnx.reading.library import onnx


def note(proto: Any, notes: Mapping[str, str]) -> None:
    """Writes metadata to a message."""
    for name, text in notes.items():
        entry = proto.metadata_props.add()
        entry.key, entry.value = name, text


def tensor_of(array: np.ndarray[Any, Any], name: str) -> Any:
    """An array as a TensorProto, its elements as bytes."""
    return onnx.numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name)


def element_type(kind: np.dtype[Any]) -> int:
    """The number by which ONNX knows a dtype."""
    return int(onnx.helper.np_dtype_to_tensor_dtype(np.dtype(kind)))


def dtype_name(kind: np.dtype[Any]) -> str:
    """A dtype in names, short."""
    return kind.name if kind.kind == "u" else dtype_of(kind).short


def attribute_of(item: Any) -> Any:
    """The value of an attribute; of a dtype the number by which ONNX knows it."""
    return element_type(cast("np.dtype[Any]", item)) if isinstance(item, np.dtype) else item
