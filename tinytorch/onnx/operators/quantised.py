"""Quantised numbers: q = round(x / scale) + zero_point, and products of them, exactly.

Products of bytes are summed as floating numbers that hold every such sum: exact, and by the fast kernels.
Rounding is half to even, and what is outside of a dtype becomes its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from compiler.ir.dims import Extent
from compiler.ir.dims import product as volume
from tinytorch.axes import normalised_axis
from tinytorch.onnx.calling.operator import operator
from tinytorch.onnx.calling.values import Array, Unsupported, Value, Weight, known_of, tensor_of
from tinytorch.onnx.operators.convolution import conv, kernel_of
from tinytorch.onnx.operators.windows import Ints
from tinytorch.onnx.reading.library import onnx
from tinytorch.ops.elementwise import clip, maximum, minimum, round, where
from tinytorch.tensor import Tensor

_DTYPES: Final[Mapping[int, str]] = {
    1: "float32", 2: "uint8", 3: "int8", 5: "int16", 6: "int32", 10: "float16", 11: "float64", 16: "bfloat16",
}  # fmt: skip
_WHOLE: Final = {"uint8": (0, 255), "int8": (-128, 127), "int16": (-(2**15), 2**15 - 1)}
_SMALL: Final = {
    "uint2": (0, 3), "int2": (-2, 1), "uint4": (0, 15), "int4": (-8, 7), "uint16": (0, 2**16 - 1),
}  # fmt: skip
"""The ends of whole dtypes, of which graphs have the first."""
_FLOATS: Final = {
    "float8_e4m3fn": 448.0, "float8_e4m3fnuz": 240.0, "float8_e5m2": 57344.0, "float8_e5m2fnuz": 57344.0,
    "float4_e2m1fn": 6.0,
}  # fmt: skip
"""The largest numbers of floating dtypes that only constants have."""
_BYTE: Final = 255
"""The largest magnitude of a byte less its zero point, whatever that is."""
_EXACT: Final = 2**24
"""The magnitude up to which every whole number is a float32."""


@operator("QuantizeLinear", since=10, limits="To dtypes other than uint8, int8 and int16 only of known x.")
def quantize_linear(
    x: Value, y_scale: Tensor, y_zero_point: Value = None, *, axis: int = 1, block_size: int = 0,
    output_dtype: int = 0, saturate: int = 1, precision: int = 0,
) -> Value:  # fmt: skip
    """round(x / y_scale) + y_zero_point, of one scale, or one for each place or block of an axis.

    Of floats of 8 or 4 bits the quotient itself, rounded to them; with `saturate` what is outside becomes
    their largest number.
    """
    given = tensor_of(x)
    dtype = _numpy(output_dtype) if output_dtype else np.dtype(np.uint8)
    if y_zero_point is not None:
        array = y_zero_point.array if isinstance(y_zero_point, Weight) else y_zero_point
        dtype = array.dtype if isinstance(array, np.ndarray) else tensor_of(array).dtype.numpy
    wide = _dtype(precision) if precision else "float64" if str(given.dtype) == "float64" else "float32"
    quotient = given.astype(wide) / _along(y_scale, given, axis, block_size).astype(wide)
    zero = None
    if y_zero_point is not None:
        zero = _along(_numbers(y_zero_point), given, axis, block_size).astype(wide)
    if dtype.name in _FLOATS:
        return _rounded(quotient, dtype, _FLOATS[dtype.name] if saturate else None)
    found = _saturated(quotient, zero, dtype.name)
    return found if dtype.name in _WHOLE else known_of(found).astype(dtype)


def _rounded(quotient: Tensor, dtype: Any, limit: float | None) -> Array:
    found = known_of(quotient if limit is None else clip(quotient, -limit, limit))
    return found.astype(dtype)


def _dtype(number: int) -> str:
    if number not in _DTYPES:
        raise Unsupported(f"the dtype {number} is none of ours")
    return _DTYPES[number]


def _numpy(number: int) -> np.dtype[Any]:
    return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(number))


def _saturated(quotient: Tensor, zero: Tensor | None, dtype: str) -> Tensor:
    """Whole numbers, of a dtype of ours or else as they are."""
    limits = _WHOLE.get(dtype) or _SMALL.get(dtype)
    if limits is None:
        raise Unsupported(f"it quantises to {dtype}")
    rounded = round(quotient)
    shifted = rounded if zero is None else rounded + zero
    held = clip(shifted, *map(float, limits))
    return held.astype(dtype) if dtype in _WHOLE else held


def _along(item: Tensor, x: Tensor, axis: int, block_size: int) -> Tensor:
    """Scales or zero points so that they broadcast against `x`."""
    if item.ndim == 0 or (item.shape == (1,) and not block_size):
        return item.reshape([])
    place = normalised_axis(axis, x.ndim, x.node)
    if not block_size:
        if item.ndim != 1:
            raise Unsupported(f"{item.ndim} axes of scales, and no block_size")
        return item.reshape([-1, *[1] * (x.ndim - place - 1)])
    shape = item.shape
    wide = item.unsqueeze(place + 1).broadcast_to([*shape[: place + 1], block_size, *shape[place + 1 :]])
    every = wide.reshape([*shape[:place], shape[place] * block_size, *shape[place + 1 :]])
    extent = x.shape[place]
    return every if every.shape[place] == extent else every[(slice(None),) * place + (slice(0, extent),)]


@operator("DequantizeLinear", since=10)
def dequantize_linear(
    x: Value, x_scale: Tensor, x_zero_point: Value = None, *, axis: int = 1, block_size: int = 0,
    output_dtype: int = 0,
) -> Tensor:  # fmt: skip
    """(x - x_zero_point) * x_scale, rounded once."""
    given = _numbers(x)
    found = given if given.dtype.is_float else given.astype("int32")
    if x_zero_point is not None:
        zero = _along(_numbers(x_zero_point), given, axis, block_size)
        found = found - zero.astype(found.dtype)
    scale = _along(x_scale, given, axis, block_size)
    wide = scale.dtype.compute
    return (found.astype(wide) * scale.astype(wide)).astype(
        _dtype(output_dtype) if output_dtype else x_scale.dtype
    )


def _numbers(value: Value) -> Tensor:
    """A tensor, also of an array whose dtype is too small to be one of ours."""
    array = value.array if isinstance(value, Weight) else value
    if isinstance(array, np.ndarray) and array.dtype.name in (*_SMALL, *_FLOATS):
        return tensor_of(array.astype(np.float32 if array.dtype.name in _FLOATS else np.int32))
    return tensor_of(value)


@operator("DynamicQuantizeLinear", since=11)
def dynamic_quantize_linear(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Bytes, with the scale and the zero point that all of x and 0 fit into."""
    high, low = maximum(x.max(), 0.0), minimum(x.min(), 0.0)
    width = high - low
    scale = where(width == 0, 1.0, width / _BYTE)
    zero = clip(round(-low / scale), 0.0, float(_BYTE))
    return _saturated(x / scale, zero, "uint8"), scale, zero.astype("uint8")


@operator("MatMulInteger", since=10)
def matmul_integer(a: Tensor, b: Value, a_zero_point: Value = None, b_zero_point: Value = None) -> Tensor:
    """The product of matrices of bytes less their zero points, in int32."""
    return _whole(_product(a, b, a_zero_point, b_zero_point))


def _product(a: Tensor, b: Value, a_zero: Value, b_zero: Value) -> Tensor:
    wide = _exact(_largest(a, a_zero), _summed(b, b_zero, a.shape[-1], -2))
    rows = None if a_zero is None else _of_rows(tensor_of(a_zero))
    columns = None if b_zero is None else tensor_of(b_zero)
    return _shifted(a, rows, wide) @ _shifted(tensor_of(b), columns, wide)


def _array(value: Value) -> Array | None:
    """Whole numbers that are known; None for another value."""
    found = value.array if isinstance(value, Weight) else value
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "iu":
        return None
    return found.astype(np.int64)


def _largest(x: Tensor, zero: Value) -> int:
    """What bytes less their zero point are at most, in magnitude."""
    known = np.zeros(1, np.int64) if zero is None else _array(zero)
    if known is None or not known.size:
        return _BYTE
    low, high = _WHOLE.get(str(x.dtype), (-_BYTE, _BYTE))
    return int(max(high - known.min(), known.max() - low))


def _summed(w: Value, zero: Value, terms: Extent, axes: int | tuple[int, ...]) -> Extent:
    """What the magnitudes of so many weights, less zero points that broadcast to them, add up to at most."""
    known, point = _array(w), np.zeros((), np.int64) if zero is None else _array(zero)
    if known is None or point is None or not known.size:
        return terms * _BYTE
    return int(np.abs(known - point).sum(axis=axes).max())


def _of_rows(item: Tensor | None) -> Tensor | None:
    """One number for each row of a matrix, as a column; others broadcast as they are."""
    return item.unsqueeze(-1) if item is not None and item.ndim == 1 and item.shape != (1,) else item


def _shifted(x: Tensor, zero: Tensor | None, dtype: str) -> Tensor:
    wide = x.astype(dtype)
    return wide if zero is None else wide - zero.astype(dtype)


def _exact(largest: int, summed: Extent) -> str:
    """A floating dtype that holds all sums of bytes up to `largest` times weights that add up to `summed`."""
    return "float32" if isinstance(summed, int) and largest * summed <= _EXACT else "float64"


def _whole(total: Tensor) -> Tensor:
    return total.astype("int64").astype("int32")  # in int32 sums go round


@operator("QLinearMatMul", since=10)
def qlinear_matmul(
    a: Tensor, a_scale: Tensor, a_zero_point: Value, b: Value, b_scale: Tensor, b_zero_point: Value,
    y_scale: Tensor, y_zero_point: Tensor,
) -> Tensor:  # fmt: skip
    """The product of quantised matrices, quantised."""
    total = _product(a, b, a_zero_point, b_zero_point)
    rows = _of_rows(a_scale)
    return _requantised(total, a_scale if rows is None else rows, b_scale, y_scale, y_zero_point)


def _requantised(total: Tensor, a: Tensor, b: Tensor, y_scale: Tensor, y_zero: Tensor) -> Tensor:
    first, second, third = (item.astype("float32") for item in (a, b, y_scale))
    scaled = total.astype("float32") * (first * second / third)
    return _saturated(scaled, y_zero.astype("float32"), str(y_zero.dtype))


def _convolved(x: Tensor, given: Value, x_zero: Value, w_zero: Value, settings: Mapping[str, Any]) -> Tensor:
    w, behind = tensor_of(given), tuple(range(1, x.ndim))
    points, array = None if w_zero is None else tensor_of(w_zero), _array(w_zero)
    beside = array if array is None or array.size == 1 else array.reshape([-1, *[1] * len(behind)])
    summed = _summed(
        given, w_zero if beside is None else beside, volume(kernel_of(w, None)) * w.shape[1], behind
    )
    wide = _exact(_largest(x, x_zero), summed)
    per_output = None if points is None else _of_channels(points, len(behind))
    shift = None if x_zero is None else tensor_of(x_zero)
    return conv(_shifted(x, shift, wide), _shifted(w, per_output, wide), None, **settings)


def _of_channels(item: Tensor, behind: int) -> Tensor:
    """One number, or one for each channel, with so many axes behind it."""
    return item.reshape([]) if item.ndim == 0 or item.shape == (1,) else item.reshape([-1, *[1] * behind])


@operator("ConvInteger", since=10, limits="1 to 3 spatial axes.")
def conv_integer(
    x: Tensor, w: Value, x_zero_point: Value = None, w_zero_point: Value = None, *,
    auto_pad: str, group: int, kernel_shape: Ints = None, strides: Ints = None, pads: Ints = None,
    dilations: Ints = None,
) -> Tensor:  # fmt: skip
    """The convolution of bytes less their zero points, in int32."""
    settings = {
        "auto_pad": auto_pad, "group": group, "kernel_shape": kernel_shape, "strides": strides,
        "pads": pads, "dilations": dilations,
    }  # fmt: skip
    return _whole(_convolved(x, w, x_zero_point, w_zero_point, settings))


@operator("QLinearConv", since=10, limits="1 to 3 spatial axes.")
def qlinear_conv(
    x: Tensor, x_scale: Tensor, x_zero_point: Value, w: Value, w_scale: Tensor, w_zero_point: Value,
    y_scale: Tensor, y_zero_point: Tensor, b: Tensor | None = None, *, auto_pad: str, group: int,
    kernel_shape: Ints = None, strides: Ints = None, pads: Ints = None, dilations: Ints = None,
) -> Tensor:  # fmt: skip
    """The convolution of quantised images, quantised; `b` is of int32, of the scale of the products."""
    settings = {
        "auto_pad": auto_pad, "group": group, "kernel_shape": kernel_shape, "strides": strides,
        "pads": pads, "dilations": dilations,
    }  # fmt: skip
    total = _convolved(x, w, x_zero_point, w_zero_point, settings)
    behind = x.ndim - 2
    if b is not None:
        total = total.astype("float64") + _of_channels(b, behind).astype("float64")
    return _requantised(total, x_scale, _of_channels(w_scale, behind), y_scale, y_zero_point)
