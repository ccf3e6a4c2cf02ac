"""Leaves: inputs, parameters and constants, which compute nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from compiler.errors import ArgumentError
from compiler.ir.aligned import aligned_copy
from compiler.ir.buffer import Buffer
from compiler.ir.content import Content
from compiler.ir.hashing import hash_once
from compiler.ir.trait import Op, Trait
from compiler.ir.types import DType, TensorType


@hash_once
@dataclass(frozen=True, slots=True)
class Input(Op):
    """A value given to each call, under its node's name.

    `low` and `high` are what its caller promises of its elements; nothing that is computed depends on them.
    Raises ArgumentError for what is no interval.
    """

    type: TensorType
    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ArgumentError(
                f"an input lies between low and high, and {self.low!r} <= {self.high!r} is not so"
            )

    @property
    def has_range(self) -> bool:
        """Whether its caller promises anything."""
        return (self.low, self.high) != (-math.inf, math.inf)

    @property
    def name(self) -> str:
        return "input"

    @property
    def traits(self) -> Trait:
        return Trait.LEAF

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        return self.type


@dataclass(frozen=True, slots=True)
class Parameter(Op):
    """A value that lasts between calls, read when a call begins and written by its updates."""

    type: TensorType
    buffer: Buffer

    @property
    def name(self) -> str:
        return "parameter"

    @property
    def traits(self) -> Trait:
        return Trait.LEAF

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        return self.type


FEW_BYTES: Final = 4096
"""Bytes of a constant up to which they are copied to be compared; more are compared where they lie."""


@hash_once
@dataclass(frozen=True, slots=True)
class Constant(Op):
    """An immutable array. Equal to a constant of the same type and bits."""

    type: TensorType
    buffer: Buffer = field(compare=False)
    bits: bytes | Content
    """What is compared: the array's bytes, or a unique token for a constant whose array is not known."""

    @property
    def name(self) -> str:
        return "constant"

    @property
    def traits(self) -> Trait:
        return Trait.LEAF

    def infer(self, operands: Sequence[TensorType]) -> TensorType:
        return self.type


def constant_of(array: np.ndarray[Any, Any], dtype: DType) -> Constant:
    """A constant op that holds a read-only copy of an array."""
    copy = aligned_copy(array, dtype.numpy)
    copy.setflags(write=False)
    bits = copy.tobytes() if copy.nbytes <= FEW_BYTES else Content(copy)
    return Constant(TensorType(dtype, copy.shape), Buffer(copy), bits)
