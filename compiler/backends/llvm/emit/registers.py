"""Types and constants in registers and in memory.

A bool is an i1 in a register and a byte in memory, and what is narrower than 32 bits an i32 in a register.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Final

from compiler.backends.llvm.jit.kinds import (
    Constant,
    Type,
    Value,
    f32,
    f64,
    i1,
    i32,
    i64,
    integer,
    splatted,
    vector_of,
)
from compiler.ir.types import BOOL, COMPUTE, FLOAT32, FLOAT64, INT32, INT64, DType
from compiler.loops.language import Literal

_SCALARS: Final[Mapping[DType, Type]] = {
    BOOL: i1,
    INT32: i32,
    INT64: i64,
    FLOAT32: f32,
    FLOAT64: f64,
}


@cache
def register(dtype: DType, lanes: int = 0) -> Type:
    """The type of a value in a register."""
    return vector_of(_SCALARS[dtype], lanes) if lanes else _SCALARS[dtype]


@cache
def memory(dtype: DType, lanes: int = 0) -> Type:
    """The type of a value in memory."""
    if dtype in COMPUTE and dtype is not BOOL:
        return register(dtype, lanes)
    element = integer(8 * dtype.size)
    return vector_of(element, lanes) if lanes else element


@lru_cache(4096)
def constant(text: str, dtype: DType, lanes: int = 0) -> Value:
    """A literal in every lane."""
    one = Constant(_SCALARS[dtype], Literal(text, dtype).value)
    return splatted(one, lanes) if lanes else one
