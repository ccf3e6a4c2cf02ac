"""Known arrays of dtypes that no graph of ours has, in operators that are exact on integers of ours.

uint16, uint32 and uint64 are computed as wider integers, or as int64 of the same bits, and wrapped around;
what only moves elements moves the bits of small floats and small integers, and the numbers of texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from tinytorch.onnx.calling.values import Array, Unsupported, Value, Weight, has_text, is_foreign, known_of

_MOVING: Final = frozenset((
    "CenterCropPad", "Compress", "Concat", "DepthToSpace", "Expand", "Flatten", "Gather", "GatherElements",
    "GatherND", "OneHot", "Pad", "Reshape", "ReverseSequence", "ScatterElements", "ScatterND", "Slice",
    "SpaceToDepth", "Split", "Squeeze", "Tile", "Transpose", "Trilu", "Unsqueeze", "Where",
))  # fmt: skip
"""Operators that only move elements, or fill with zeros."""

_MODULAR: Final = frozenset((
    "Add", "BitwiseAnd", "BitwiseNot", "BitwiseOr", "BitwiseXor", "Equal", "Mul", "Sub",
))  # fmt: skip
"""Operators that are the same on signed and on unsigned integers of one size."""

_ORDERED: Final = frozenset((
    "ArgMax", "ArgMin", "BitShift", "Clip", "Div", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Max",
    "Min", "Mod", "NonZero", "Pow", "ReduceMax", "ReduceMin", "ReduceSum", "Sign", "TopK",
))  # fmt: skip
"""Operators that are right where a signed integer holds the same number."""

_WIDER: Final = {"uint16": np.int32, "uint32": np.int64, "uint64": np.int64}


@dataclass(slots=True)
class Encoding:
    """Known arrays of one call as arrays of ours, and back."""

    operator: str
    texts: dict[str, int] = field(default_factory=lambda: {"": 0})
    """The number of each text; the empty one is what zeros fill with."""

    def encoded(self, value: Value) -> Value:
        """A value that the operator can be called with. Raises Unsupported where it would not be exact."""
        array = value.array if isinstance(value, Weight) else value
        if not isinstance(array, np.ndarray) or not is_foreign(array):
            return value
        if has_text(array):
            if self.operator not in _MOVING and self.operator != "Equal":
                raise Unsupported("texts are no tensors of ours")
            numbers = [self.texts.setdefault(str(item), len(self.texts)) for item in array.flat]
            return np.array(numbers, np.int64).reshape(array.shape)
        wider = _WIDER.get(str(array.dtype))
        if wider is not None:
            return self._widened(array, wider)
        if self.operator not in _MOVING or array.dtype.itemsize != 1:
            raise Unsupported(f"{array.dtype} is no dtype of ours")
        return array.view(np.uint8).astype(np.int32)

    def decoded(self, value: Value, dtype: np.dtype[Any]) -> Array:
        """What came out, in the dtype that went in. Raises NotKnown if it depends on what is no constant."""
        array = known_of(value)
        if dtype.kind in "OUS":
            table = np.array(list(self.texts), dtype=object)
            return np.asarray(table[array])
        if str(dtype) in _WIDER:
            return array.astype(dtype)
        return array.astype(np.uint8).view(dtype)

    def _widened(self, array: Array, wider: Any) -> Array:
        is_held = array.dtype.itemsize < 8 or not array.size or int(array.max()) < 2**63
        if self.operator in _MOVING | _MODULAR or (self.operator in _ORDERED and is_held):
            return array.astype(wider)
        why = "" if is_held else " of 2 to the 63 and more"
        raise Unsupported(f"{array.dtype}{why} is no dtype of ours")


def foreign_dtypes(schema: Any, inputs: Sequence[Value]) -> dict[str, np.dtype[Any]]:
    """The dtypes of known inputs that no tensor has, by the name that the schema has for the type."""
    found: dict[str, np.dtype[Any]] = {}
    for position, value in enumerate(inputs):
        array = value.array if isinstance(value, Weight) else value
        if isinstance(array, np.ndarray) and is_foreign(array):
            parameter = schema.inputs[min(position, len(schema.inputs) - 1)]
            found[parameter.type_str] = array.dtype
    return found


def outputs_of(schema: Any, count: int) -> list[Any]:
    """The schema of each output; the last one may stand for many."""
    return [schema.outputs[min(position, len(schema.outputs) - 1)] for position in range(count)]


def is_exact(operator: str) -> bool:
    """Whether an operator may be called with arrays that stand for others."""
    return operator in _MOVING | _MODULAR | _ORDERED
