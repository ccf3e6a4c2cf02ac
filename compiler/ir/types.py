"""dtypes and tensor types.

    dtype       ::= bool | int32 | int64 | float32 | float64        (in text: bool i32 i64 f32 f64)
                  | uint8 | int8 | int16 | float16 | bfloat16       (in text: u8 i8 i16 f16 bf16)
    TensorType  ::= dtype [ extent, ... ]                           (in text: f32[batch,64])

Promotion is PyTorch's, with weak Python numbers: the greater of bool, uint8, int8, int16, int32, int64,
float16, bfloat16, float32, float64 in this order, but int16 of uint8 and int8, and float32 of float16 and
bfloat16. A floating function of integers is float32, the default dtype, and so is a Python float beside them.
So float64 comes from float64 alone, and nothing that is written widens a float32 network in silence.

The five of the second line are for storage: nothing computes in them. What is computed of them is computed in
their `compute` dtype and rounded (or wrapped around) once, as PyTorch does it on a CPU.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any, Final, TypeAlias

import numpy as np

from compiler.errors import DTypeError, ParseError
from compiler.ir.bfloat16 import bfloat16, is_bfloat16
from compiler.ir.dims import Extent, Shape, parse_extent, product, shape_of
from compiler.ir.hashing import Hashed, hash_once
from compiler.ir.numbers import Scalar


class DType(Enum):
    """An element type. The value is NumPy's name.

    `short` is the name in text and `size` the bytes of an element. `compute` is the dtype in which formulas
    compute with such elements: itself, but float32 for float16 and bfloat16, and int32 for int8, int16 and
    uint8, which hold the same numbers and more.
    """

    BOOL = "bool", "bool", 1, "b", ""
    UINT8 = "uint8", "u8", 1, "i", "int32"
    INT8 = "int8", "i8", 1, "i", "int32"
    INT16 = "int16", "i16", 2, "i", "int32"
    INT32 = "int32", "i32", 4, "i", ""
    INT64 = "int64", "i64", 8, "i", ""
    FLOAT16 = "float16", "f16", 2, "f", "float32"
    BFLOAT16 = "bfloat16", "bf16", 2, "f", "float32"
    FLOAT32 = "float32", "f32", 4, "f", ""
    FLOAT64 = "float64", "f64", 8, "f", ""

    short: str
    size: int
    is_float: bool
    is_integer: bool
    is_storage: bool
    """Whether elements are kept in it and computed in another."""
    _compute: str

    def __new__(cls, value: str, short: str, size: int, kind: str, compute: str) -> DType:
        self = object.__new__(cls)
        self._value_ = value
        self.short, self.size = short, size
        self.is_float, self.is_integer = kind == "f", kind == "i"
        self.is_storage, self._compute = bool(compute), compute
        return self

    @cached_property
    def compute(self) -> DType:
        """The dtype in which formulas compute with such elements."""
        return DType(self._compute) if self._compute else self

    @cached_property
    def numpy(self) -> np.dtype[Any]:
        """The native-endian NumPy dtype. Raises MissingLibraryError for bfloat16 without ml_dtypes."""
        return bfloat16() if self is DType.BFLOAT16 else np.dtype(self._value_)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype, under the name by which NumPy asks for it: `np.zeros(3, tensor.dtype)`."""
        return self.numpy

    def __eq__(self, other: object) -> bool:
        """Also equal to what NumPy takes for the same dtype: `tensor.dtype == np.float32`."""
        if self is other or isinstance(other, DType):
            return self is other
        if isinstance(other, str) and other in _BY_NAME:
            return _BY_NAME[other] is self
        return isinstance(other, np.dtype | type | str) and _of_numpy(_numpy_dtype(other)) is self

    def __hash__(self) -> int:
        return hash(self._value_)

    def __repr__(self) -> str:
        return self._value_

    __str__ = __repr__


def _numpy_dtype(value: Any) -> np.dtype[Any] | None:
    try:
        return np.dtype(value)
    except TypeError:
        return None


_BY_SHORT = {dtype.short: dtype for dtype in DType}
_BY_NAME = {dtype.value: dtype for dtype in DType}
_BY_NUMPY: dict[np.dtype[Any], DType] = {dtype.numpy: dtype for dtype in DType if dtype is not DType.BFLOAT16}


def _of_numpy(kind: np.dtype[Any] | None) -> DType | None:
    """The DType of a native NumPy dtype."""
    if kind is None:
        return None
    return _BY_NUMPY.get(kind) or (DType.BFLOAT16 if is_bfloat16(kind) else None)


BOOL, INT32, INT64 = DType.BOOL, DType.INT32, DType.INT64
UINT8, INT8, INT16 = DType.UINT8, DType.INT8, DType.INT16
FLOAT32, FLOAT64 = DType.FLOAT32, DType.FLOAT64
FLOAT16, BFLOAT16 = DType.FLOAT16, DType.BFLOAT16

COMPUTE: Final = tuple(dtype for dtype in DType if not dtype.is_storage)
"""The dtypes in which formulas compute."""


def dtype_of(value: Any) -> DType:
    """The DType for a DType, a name (`"float32"`, `"f32"`), a NumPy dtype or scalar type, or a Python type.

    Raises DTypeError for every other element type, naming those there are.
    """
    if isinstance(value, DType):
        return value
    if isinstance(value, str) and value in _BY_NAME:
        return _BY_NAME[value]
    if isinstance(value, str) and value in _BY_SHORT:
        return _BY_SHORT[value]
    try:
        kind = np.dtype(value)
        found = _of_numpy(kind) or _BY_NUMPY.get(kind.newbyteorder("="))
    except TypeError:
        found = None
    if found is None or value is None:
        is_array = isinstance(value, np.dtype)
        name, fix = (repr(value.name), "\n  fix: array.astype(np.float32)") if is_array else (repr(value), "")
        raise DTypeError(f"dtype {name} is none of {', '.join(d.value for d in DType)}{fix}")
    return found


@dataclass(frozen=True, slots=True)
class Weak:
    """The type of a Python number: it takes the dtype of what it meets, if that is of its kind (NEP 50)."""

    kind: type[bool] | type[int] | type[float]


Operand: TypeAlias = DType | Weak

_LADDER: Final = {dtype: step for step, dtype in enumerate(DType)}
_DEFAULT: Final[dict[type[Scalar], DType]] = {bool: BOOL, int: INT64, float: FLOAT32}


def promote(operands: Iterable[Operand]) -> DType:
    """The common dtype of dtypes and weak Python numbers.

    Integers and bools beside a floating dtype take that. A weak number has no say beside a dtype of its kind
    or a greater one; otherwise, and alone, it is bool, int64 or float32 (the default dtype).
    """
    found = list(operands)
    if not found:
        raise DTypeError("promotion needs at least one operand")
    strong = [item for item in found if isinstance(item, DType)]
    top = max(strong, key=_LADDER.__getitem__, default=BOOL)
    if top.is_storage:
        top = _join_apart(top, strong)
    for item in found:
        if isinstance(item, Weak):
            top = _join_weak(top, item.kind)
    return top


def _join_apart(top: DType, others: Sequence[DType]) -> DType:
    """The dtype that holds what two hold of which neither holds the other's: more digits or a wider range."""
    for one, two, both in ((UINT8, INT8, INT16), (FLOAT16, BFLOAT16, FLOAT32)):
        if top is two and one in others:
            return both
    return top


def _join_weak(dtype: DType, kind: type[Scalar]) -> DType:
    is_held = kind is bool or dtype.is_float or (kind is int and dtype.is_integer)
    return dtype if is_held else _DEFAULT[kind]


def floating(dtype: DType) -> DType:
    """The dtype of exp, mean or / of `dtype`: float32, the default dtype, for bools and integers."""
    return dtype if dtype.is_float else FLOAT32


@hash_once
@dataclass(frozen=True, slots=True)
class TensorType(Hashed):
    """dtype and shape of a value. `str` gives its text form, `f32[batch,64]`."""

    dtype: DType
    shape: Shape

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> Extent:
        """The number of elements."""
        return product(self.shape)

    @property
    def bytes(self) -> Extent:
        return self.size * self.dtype.size

    def __str__(self) -> str:
        return f"{self.dtype.short}[{','.join(map(str, self.shape))}]"

    __repr__ = __str__


def tensor_type(dtype: Any, shape: Any) -> TensorType:
    """A TensorType from what a user wrote, checked. Raises ShapeError or DTypeError."""
    return TensorType(dtype_of(dtype), shape_of(shape))


_TYPE = re.compile(r"(\w+)\[([^\]]*)\]\Z")


def parse_type(text: str) -> TensorType:
    """Read the text form of a TensorType. Raises ParseError."""
    match = _TYPE.match(text.strip())
    if match is None or match[1] not in _BY_SHORT:
        raise ParseError(f"not a tensor type: {text!r} (an example of one is f32[batch,64])")
    shape = [parse_extent(item) for item in match[2].split(",")] if match[2].strip() else []
    return TensorType(_BY_SHORT[match[1]], tuple(shape))
