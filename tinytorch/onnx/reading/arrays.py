"""Arrays of TensorProtos, and back. Bytes are not copied where an array can have them as they are."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any, Final, cast

import numpy as np

from compiler.errors import DTypeError, ModelError
from tinytorch.onnx.reading.external import external_bytes
from tinytorch.onnx.reading.library import onnx
from tinytorch.onnx.reading.naming import type_name
from tinytorch.onnx.reading.storage import (
    bits_of,
    bytes_of,
    check_sparse,
    check_tensor,
    is_external,
    numpy_dtype,
    tensor_label,
)

_WHOLE: Final = 8
"""Elements of so many bits or more are bytes of their own."""


def array_of(tensor: Any, folder: Path | None = None, label: object | None = None) -> np.ndarray[Any, Any]:
    """The array of a TensorProto in NumPy's own byte order; strings are an array of objects, each a str.

    That of a SparseTensorProto is written out. `folder` is where external data lies, and `label` what errors
    call the tensor. The result may share the tensor's bytes, and then cannot be written to. Raises ModelError
    for data that is not what type and extents say.
    """
    if isinstance(tensor, onnx.SparseTensorProto):
        return _dense(tensor, folder, label or f"the sparse {tensor_label(tensor.values)}")
    label = label or tensor_label(tensor)
    check_tensor(tensor, label)
    if tensor.data_type == onnx.TensorProto.STRING:
        return _strings(tensor, label)
    if not is_external(tensor) and not tensor.HasField("raw_data"):
        return _of_field(tensor)
    content = (
        external_bytes(tensor, folder, label)
        if is_external(tensor)
        else np.frombuffer(tensor.raw_data, np.uint8)
    )
    if content.size != bytes_of(tensor):
        raise ModelError(
            f"{label} claims {type_name(tensor.data_type)}[{','.join(map(str, tensor.dims))}], which is "
            f"{bytes_of(tensor)} bytes, and has {content.size}"
        )
    if bits_of(tensor.data_type) < _WHOLE:
        return _packed(tensor, content)
    return _of_bytes(content, numpy_dtype(tensor.data_type)).reshape(tuple(tensor.dims))


def proto_of(array: np.ndarray[Any, Any], name: str = "") -> Any:
    """A tensor that holds an array as bytes, little-endian; strings as they are.

    Raises DTypeError for an array of what the standard has no type for.
    """
    if array.dtype.kind == "U":
        array = array.astype(object)
    try:
        onnx.helper.np_dtype_to_tensor_dtype(array.dtype)
    except (KeyError, ValueError):
        raise DTypeError(f"ONNX has no type for arrays of {array.dtype}") from None
    return onnx.numpy_helper.from_array(array, name)


def _dense(item: Any, folder: Path | None, label: object) -> np.ndarray[Any, Any]:
    """Zeros, and the values of a sparse tensor at its indices, which are flat or a row each."""
    check_sparse(item, label)
    values = array_of(item.values, folder, f"the values of {label}")
    indices = array_of(item.indices, folder, f"the indices of {label}")
    shape = tuple(item.dims)
    limits = np.array(shape if indices.ndim > 1 else prod(shape), np.int64)
    if bool(np.any((indices < 0) | (indices >= limits))):
        raise ModelError(f"{label} has an index outside its extents {list(shape)}")
    dense = np.zeros(shape, values.dtype)
    if indices.ndim > 1:
        dense[tuple(indices.T)] = values
    else:
        dense.reshape(-1)[indices] = values
    return dense


def _strings(tensor: Any, label: object) -> np.ndarray[Any, Any]:
    found = np.empty(len(tensor.string_data), object)
    for position, item in enumerate(tensor.string_data):
        try:
            found[position] = item.decode()
        except UnicodeDecodeError:
            raise ModelError(f"{label} holds a string that is no UTF-8, at position {position}") from None
    return found.reshape(tuple(tensor.dims))


def _of_field(tensor: Any) -> np.ndarray[Any, Any]:
    """Of float_data, int32_data, ..., whose entries hold an element each, the pattern of one, or several."""
    if tensor.data_type == onnx.TensorProto.BOOL:
        return (np.array(tensor.int32_data, np.int32) != 0).reshape(tuple(tensor.dims))
    return cast("np.ndarray[Any, Any]", onnx.numpy_helper.to_array(tensor))


def _packed(tensor: Any, content: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Of bytes that hold several elements each."""
    copy = onnx.TensorProto(data_type=tensor.data_type, dims=tensor.dims, raw_data=content.tobytes())
    return cast("np.ndarray[Any, Any]", onnx.numpy_helper.to_array(copy))


def _of_bytes(content: np.ndarray[Any, Any], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    if dtype == np.bool_:
        return content != 0  # another pattern than 0 and 1 would be neither True nor False to NumPy
    size = dtype.itemsize // (2 if dtype.kind == "c" else 1)
    words = content.view(f"<u{size}")
    return words.astype(f"=u{size}", copy=False).view(dtype)
