"""Types and constants in registers and in memory. A bool is an i1 in a register and a byte in memory."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Final

from compiler.backends.llvm.emit import words
from compiler.backends.llvm.jit.untyped import Type, Value, binding, ir
from compiler.ir.types import BOOL, FLOAT32, FLOAT64, INT32, INT64, DType
from compiler.loops.language import Literal

SPLAT_SINCE: Final = 19
"""The LLVM release whose text form knows `splat (float 1.0)`, many times shorter to parse."""

_SCALARS: Final[Mapping[DType, Type]] = {
    BOOL: words.i1,
    INT32: words.i32,
    INT64: words.i64,
    FLOAT32: words.f32,
    FLOAT64: words.f64,
}


@cache
def register(dtype: DType, lanes: int = 0) -> Type:
    """The type of a value in a register."""
    return ir.VectorType(_SCALARS[dtype], lanes) if lanes else _SCALARS[dtype]


@cache
def memory(dtype: DType, lanes: int = 0) -> Type:
    """The type of a value in memory."""
    if dtype is not BOOL:
        return register(dtype, lanes)
    return ir.VectorType(words.i8, lanes) if lanes else words.i8


@lru_cache(4096)
def constant(text: str, dtype: DType, lanes: int = 0) -> Value:
    """A literal in every lane."""
    one = ir.Constant(_SCALARS[dtype], Literal(text, dtype).value)
    return splatted(one, lanes) if lanes else one


def splatted(one: Value, lanes: int) -> Value:
    """A constant in every lane, in the short form where LLVM's text has it."""
    kind = ir.VectorType(one.type, lanes)
    if binding.llvm_version_info[0] < SPLAT_SINCE:
        return ir.Constant(kind, [one] * lanes)
    found = ir.FormattedConstant(one.type, f"splat ({one})")
    found.type = kind  # at construction llvmlite would take the text for a sequence of lanes
    return found
