"""Prefix reductions on NumPy arrays, with fresh results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np

from compiler.ir.op import Prefix, Scan
from compiler.ir.types import DType

Array: TypeAlias = np.ndarray[Any, Any]

UFUNCS: Final[Mapping[Scan, Any]] = {
    Scan.SUM: np.add,
    Scan.PRODUCT: np.multiply,
    Scan.MAX: np.maximum,
    Scan.MIN: np.minimum,
}
"""What makes the next value of the one before it and an element."""


def in_order(op: Prefix, array: Array) -> Array:
    """A view with the axis of a prefix reduction last, in the direction in which it is walked."""
    moved = np.moveaxis(array, op.axis, -1)
    return moved[..., ::-1] if op.reverse else moved


def carried(dtype: DType) -> np.dtype[Any]:
    """The dtype in which values are carried on."""
    return DType.FLOAT64.numpy if dtype.is_float else dtype.numpy


def prefix(op: Prefix, operands: Sequence[Array], dtype: DType) -> Array:
    """The result of a prefix reduction in a fresh dense array of a dtype."""
    rows = [in_order(op, array).astype(carried(dtype)) for array in operands]
    result = np.empty(operands[0].shape, dtype.numpy)
    walked = in_order(op, result)
    if op.scan is not Scan.RECURRENCE:
        walked[...] = UFUNCS[op.scan].accumulate(rows[0], axis=-1)
        return result
    factors, value = rows[0], rows[1]
    for place in range(1, walked.shape[-1]):
        value[..., place] += factors[..., place] * value[..., place - 1]
    walked[...] = value
    return result
