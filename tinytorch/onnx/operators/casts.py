"""Conversions to another dtype."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from compiler.errors import DTypeError
from compiler.ir.node import make_node
from compiler.ir.op import ArrayFunction, Call
from compiler.ir.types import DType, TensorType, dtype_of
from tinytorch.onnx.calling.operator import operator
from tinytorch.onnx.calling.values import (
    Array,
    Unsupported,
    Value,
    Weight,
    dtype_name,
    has_extents,
    has_text,
    is_foreign,
    known_of,
    tensor_of,
)
from tinytorch.onnx.reading.library import onnx
from tinytorch.ops.elementwise import where
from tinytorch.tensor import Tensor


@operator("Cast", since=6)
def converted(x: Value, *, to: int, saturate: int = 1, round_mode: str = "up") -> Value:
    """The values in another dtype: floats towards 0 as integers, bools as 0 and 1.

    What is known may be of any dtype of the standard, and may be texts; a tensor is of ours.
    """
    known = x.array if isinstance(x, Weight) else x
    dtype = dtype_in(to)
    if dtype is None or (isinstance(known, np.ndarray) and not has_extents(known) and is_foreign(known)):
        return _known(known_of(x), to, bool(saturate), round_mode)
    return tensor_cast(tensor_of(x), dtype)


@operator("CastLike", since=15)
def converted_like(x: Value, like: Value, *, saturate: int = 1, round_mode: str = "up") -> Value:
    """The values in the dtype of another one."""
    name = dtype_name(like)
    if name == "object":
        return converted(x, to=onnx.TensorProto.STRING)
    to = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(name) if name != "bfloat16" else _numpy(16))
    return converted(x, to=to, saturate=saturate, round_mode=round_mode)


def tensor_cast(x: Tensor, dtype: DType) -> Tensor:
    """A tensor in another dtype; floats that are not 0, NaN among them, are true."""
    if dtype is DType.BOOL:
        return x != 0 if x.dtype is not DType.BOOL else x
    if x.dtype is DType.FLOAT64 and dtype is DType.FLOAT16:
        return _halved(x)
    return x.astype(dtype)


def _halved(x: Tensor) -> Tensor:
    """float64 as float16, rounded once. Conversions of ours go by way of float32, and round twice.

    That differs where the first rounding meets the middle of two numbers: what it has lost decides then.
    """
    near = x.astype("float32")
    found = near.astype("float16")
    gap = near - found.astype("float32")
    other = found.astype("float32") + 2 * gap
    is_middle = other.astype("float16").astype("float32") == other
    lost = x - near.astype("float64")
    return where(is_middle & (lost * gap.astype("float64") > 0), other.astype("float16"), found)


def dtype_in(number: int) -> DType | None:
    """Our dtype for a TensorProto's; None where there is none."""
    try:
        return dtype_of(_numpy(number))
    except (DTypeError, KeyError, TypeError):
        return None


def _numpy(number: int) -> np.dtype[Any]:
    if number not in onnx.TensorProto.DataType.values() or number == onnx.TensorProto.UNDEFINED:
        raise Unsupported(f"{number} is the number of no dtype")
    return cast("np.dtype[Any]", onnx.helper.tensor_dtype_to_np_dtype(number))


def _name(number: int) -> str:
    return str(onnx.TensorProto.DataType.Name(number)).lower()


def _known(x: Array, to: int, saturate: bool, round_mode: str) -> Array:
    if has_text(x):
        if to == onnx.TensorProto.STRING:
            return x
        numbers = np.array([float(item) for item in x.flat], np.float64).reshape(x.shape)
        return numbers.astype(_numpy(to))
    if to == onnx.TensorProto.STRING:
        return np.array([_text(item) for item in x.flat], dtype=object).reshape(x.shape)
    if to == onnx.TensorProto.FLOAT8E8M0:
        return np.asarray(onnx.numpy_helper.to_float8e8m0(x.astype(np.float32), saturate, round_mode))
    kind = _numpy(to)
    if saturate and _name(to).startswith("float8"):
        return np.asarray(onnx.numpy_helper.saturate_cast(x, kind))
    return x.astype(kind)


def _text(item: Any) -> str:
    """The shortest digits that read the same; NaN and INF in capitals."""
    if isinstance(item, float | np.floating) and not math.isfinite(float(cast(Any, item))):
        return "NaN" if math.isnan(float(cast(Any, item))) else "INF" if item > 0 else "-INF"
    return str(cast(Any, item))


@dataclass(frozen=True)
class _Bits(ArrayFunction):
    """The same bits, read as another dtype of that size."""

    dtype: DType

    @property
    def label(self) -> str:
        return "onnx.bit_cast"

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        return TensorType(self.dtype, operands[0].shape)

    def write(self, out: Any, *operands: Any) -> None:
        out[...] = np.ascontiguousarray(operands[0]).view(out.dtype).reshape(out.shape)


@operator("BitCast", since=26)
def same_bits(x: Value, *, to: int) -> Value:
    """The bits of the values, read as another dtype of their size."""
    known = x.array if isinstance(x, Weight) else x
    if isinstance(known, np.ndarray) and not has_extents(known) and not has_text(known):
        kind = _numpy(to)
        if kind.itemsize != known.dtype.itemsize:
            raise Unsupported(f"{known.dtype} and {kind} are not of one size")
        return np.ascontiguousarray(known).view(kind).reshape(known.shape)
    tensor, dtype = tensor_of(x), dtype_in(to)
    if dtype is None or dtype.size != tensor.dtype.size:
        raise Unsupported(f"{tensor.dtype} and {_name(to)} are not two dtypes of ours of one size")
    type = TensorType(dtype, tensor.shape)
    return Tensor(make_node(Call("onnx.bit_cast", _Bits(dtype), type), [tensor.node]))
