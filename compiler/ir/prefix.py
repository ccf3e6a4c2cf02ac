"""Prefix: what the elements of an axis are up to each, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from compiler.errors import DTypeError, ShapeError
from compiler.ir.hashing import hash_once
from compiler.ir.trait import Op, Trait
from compiler.ir.types import INT64, TensorType


class Scan(Enum):
    """How the value of one element follows from that of the one before it."""

    SUM = "cumsum"
    PRODUCT = "cumprod"
    MAX = "cummax"
    MIN = "cummin"
    RECURRENCE = "recurrence"
    """Of two operands a and b: a times the value before, plus b; the adjoint of `cumprod`, and its own."""

    @property
    def operands(self) -> int:
        """How many it reads."""
        return 2 if self is Scan.RECURRENCE else 1

    @property
    def picks(self) -> bool:
        """Whether the value is one of the elements."""
        return self in (Scan.MAX, Scan.MIN)


@hash_once
@dataclass(frozen=True, slots=True)
class Prefix(Op):
    """`out[.., i, ..]` = a reduction of `x[.., 0 .. i, ..]`, or with `reverse` of `x[.., i .. n-1, ..]`.

    Each element follows from the one before it and is rounded to the result's dtype; what is carried on is
    float64 for floats and int64 for integers, which are the dtype of their sums and products. A NaN stays.
    """

    scan: Scan
    axis: int
    reverse: bool = False

    @property
    def name(self) -> str:
        return self.scan.value

    @property
    def traits(self) -> Trait:
        return Trait.PREFIX

    def computes(self, position: int) -> bool:
        return True

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        first, *others = operands
        if len(operands) != self.scan.operands or any(other != first for other in others):
            shown = " and ".join(map(str, operands))
            raise ShapeError(f"{self.name} has {self.scan.operands} operands of one type, not {shown}")
        if not 0 <= self.axis < first.rank:
            raise ShapeError(f"{self.name} along axis {self.axis} of {first}: it has no such axis")
        if self.scan is Scan.RECURRENCE and not first.dtype.is_float:
            raise DTypeError(f"{self.name} is of floating values, not {first}")
        is_counted = not (self.scan.picks or first.dtype.is_float)
        return TensorType(INT64 if is_counted else first.dtype, first.shape)
