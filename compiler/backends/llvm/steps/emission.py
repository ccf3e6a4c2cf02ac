"""From lowered kernels to a module for LLVM. Loaded where there is code to make, not where it is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from compiler.backends.llvm.emit.kernel import emit_kernel
from compiler.backends.llvm.jit.building import Builder
from compiler.backends.llvm.jit.engine import Target
from compiler.backends.llvm.jit.kinds import i64, pointer, void
from compiler.backends.llvm.jit.modules import Module
from compiler.ir.types import FLOAT64
from compiler.loops.language import Kernel, Let, Literal, Load, Value, walk
from compiler.loops.walking import definitions

_WHOLE: Final = frozenset({"scalef", "getmant", "getexp", "evens", "odds", "zip_low", "zip_high"})
"""Atoms that are instructions of whole vectors, and take several on halves."""

_HALVES: Final = '"prefer-vector-width"="256" "min-legal-vector-width"="256"'
"""Vectors of 64 bytes as two halves: a half that is widened is one instruction, a whole one three."""


def kernel_module(kernels: Mapping[str, Kernel], target: Target) -> Module:
    """A module with a function for each kernel, by its name."""
    module = Module("tinytorch")
    for name, kernel in kernels.items():
        function = module.function(name, void, [pointer, i64])
        if target.machine.adds_where_it_converts and _adds_widened(kernel):
            function.attributes = f"{_HALVES} "
        builder = Builder(function)
        emit_kernel(builder, kernel, target.machine, *function.args)
        builder.ret_void()
    return module


def _adds_widened(kernel: Kernel) -> bool:
    """Whether a kernel adds up floats that it loads and widens, and does little else."""
    known = definitions(kernel.body)
    lets = [stmt for stmt in walk(kernel.body) if isinstance(stmt, Let)]
    casts = [
        stmt for stmt in lets if stmt.atom == "cast" and stmt.value.lanes and stmt.value.dtype is FLOAT64
    ]
    widened = [stmt.operands[0] for stmt in casts]
    is_loaded = all(isinstance(item, Value) and isinstance(known.get(item), Load) for item in widened)
    adds = any(stmt.atom == "fma" and stmt.operands[1] == Literal("1.0", FLOAT64) for stmt in lets)
    return adds and is_loaded and _WHOLE.isdisjoint(stmt.atom for stmt in lets)
