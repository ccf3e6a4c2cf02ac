"""From lowered kernels to a module for LLVM. Loaded where there is code to make, not where it is there."""

from __future__ import annotations

from collections.abc import Mapping

from compiler.backends.llvm.emit.kernel import emit_kernel
from compiler.backends.llvm.jit.building import Builder
from compiler.backends.llvm.jit.engine import Target
from compiler.backends.llvm.jit.kinds import i64, pointer, void
from compiler.backends.llvm.jit.modules import Module
from compiler.loops.language import Kernel


def kernel_module(kernels: Mapping[str, Kernel], target: Target) -> Module:
    """A module with a function for each kernel, by its name."""
    module = Module("tinytorch")
    for name, kernel in kernels.items():
        function = module.function(name, void, [pointer, i64])
        builder = Builder(function)
        emit_kernel(builder, kernel, target.machine, *function.args)
        builder.ret_void()
    return module
