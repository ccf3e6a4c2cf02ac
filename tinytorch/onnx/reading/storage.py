"""What a TensorProto says of itself, checked before an array is made: type, extents, where its data is.

bytes of n elements  =  ceil(n * bits / 8)          bits of a type: 1 byte for bool, 2 to 128 bits else
entries in its field =  n                           float_data, int32_data, ...
                     =  2 n                         of complex numbers
                     =  ceil(n * bits / 8)          of integers and floats of four and two bits
"""

from __future__ import annotations

import re
from functools import cache
from math import prod
from typing import Any, Final

import numpy as np

from compiler.errors import ModelError
from tinytorch.onnx.reading.library import onnx
from tinytorch.onnx.reading.limits import LARGEST_DENSE, LARGEST_EXTENT, MOST_DIMS
from tinytorch.onnx.reading.naming import quoted, type_name

_NARROW: Final = re.compile(r"(?:U?INT|FLOAT)([246])(?!\d)")
"""The types of which bytes hold several; the rest of their name says no more digits."""

_FIELDS: Final = ("float_data", "int32_data", "string_data", "int64_data", "double_data", "uint64_data")
_BITS_OF_BYTE: Final = 8


@cache
def numpy_dtype(data_type: int) -> np.dtype[Any]:
    """The NumPy dtype of a type of the standard, `object` for strings; some are ml_dtypes' own.

    Raises KeyError for a type that onnx does not know.
    """
    return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(data_type))


@cache
def bits_of(data_type: int) -> int:
    """How many bits an element takes in `raw_data`."""
    narrow = _NARROW.match(onnx.TensorProto.DataType.Name(data_type))
    return int(narrow[1]) if narrow else numpy_dtype(data_type).itemsize * _BITS_OF_BYTE


def bytes_of(tensor: Any) -> int:
    """How long `raw_data` or external data of a tensor has to be."""
    return -(-prod(tensor.dims) * bits_of(tensor.data_type) // _BITS_OF_BYTE)


def is_external(tensor: Any) -> bool:
    """Whether a tensor's data is in a file of its own."""
    return tensor.data_location == onnx.TensorProto.EXTERNAL


def check_tensor(tensor: Any, label: object) -> None:
    """Raises ModelError for a tensor whose type, extents and data do not fit each other.

    The length of `raw_data` is left for `array_of`: to look at it is to copy it.
    """
    check_type(tensor.data_type, label)
    if tensor.HasField("segment"):
        raise ModelError(f"{label} is a segment of a tensor, which nobody reads\n  fix: write it whole")
    _check_extents(tensor.dims, label)
    if is_external(tensor) or tensor.HasField("raw_data"):
        held = [name for name in _FIELDS if len(getattr(tensor, name))]
        if (
            held
            or tensor.data_type == onnx.TensorProto.STRING
            or (is_external(tensor) and tensor.HasField("raw_data"))
        ):
            raise ModelError(f"{label} has its data in two places, or as bytes and is of strings")
        return
    _check_field(tensor, label)


def check_type(data_type: int, label: object) -> None:
    """Raises ModelError for a type that the standard has not."""
    try:
        numpy_dtype(data_type)
    except (KeyError, TypeError, ValueError):
        raise ModelError(f"{label} is of {type_name(data_type)}, which no tensor can be") from None


def _check_extents(dims: Any, label: object) -> None:
    if len(dims) > MOST_DIMS or any(extent < 0 for extent in dims):
        raise ModelError(
            f"{label} has the extents {_shown(dims)}; at most {MOST_DIMS}, none of them negative"
        )
    if prod(extent for extent in dims if extent) > LARGEST_EXTENT:
        raise ModelError(f"{label} claims the extents {_shown(dims)}, which no memory holds")


def _check_field(tensor: Any, label: object) -> None:
    """Checks that the one field that belongs to a type holds as many entries as the extents say."""
    place = str(onnx.helper.tensor_dtype_to_field(tensor.data_type))
    strange = [name for name in _FIELDS if name != place and len(getattr(tensor, name))]
    if strange:
        raise ModelError(
            f"{label} is of {type_name(tensor.data_type)} and has data in {strange[0]}, not in {place}"
        )
    found, wanted = len(getattr(tensor, place)), _entries(tensor)
    if found != wanted:
        raise ModelError(
            f"{label} claims {type_name(tensor.data_type)}{_shown(tensor.dims)}, which is {wanted} entries "
            f"of {place}, and has {found}"
        )


def _entries(tensor: Any) -> int:
    count = prod(tensor.dims)
    if numpy_dtype(tensor.data_type).kind == "c":
        return 2 * count
    bits = bits_of(tensor.data_type)
    # Those of six bits are one to an entry, as all whose bits make no whole byte of several.
    return -(-count * bits // _BITS_OF_BYTE) if bits in (2, 4) else count


def check_sparse(item: Any, label: object) -> None:
    """Raises ModelError for a sparse tensor that is too large written out, or whose parts do not fit."""
    check_tensor(item.values, f"the values of {label}")
    check_tensor(item.indices, f"the indices of {label}")
    _check_extents(item.dims, label)
    if prod(item.dims) > LARGEST_DENSE:
        raise ModelError(f"{label} would be {prod(item.dims)} elements, over {LARGEST_DENSE}")
    count, rank = list(item.values.dims), len(item.dims)
    if len(count) != 1 or list(item.indices.dims) not in (count, [*count, rank]):
        raise ModelError(
            f"{label} has values of {_shown(count)} and indices of {_shown(item.indices.dims)}; "
            f"for n values the indices are [n] or [n, {rank}]"
        )
    if item.indices.data_type != onnx.TensorProto.INT64:
        raise ModelError(f"{label} has indices of {type_name(item.indices.data_type)}, not int64")


def _shown(dims: Any) -> str:
    few = [str(extent) for extent in list(dims)[:8]]
    return f"[{','.join(few)}{', ...' if len(dims) > len(few) else ''}]"


def tensor_label(tensor: Any) -> str:
    """What errors call a tensor that is read."""
    return f"tensor {quoted(tensor.name)}" if tensor.name else "tensor without a name"
