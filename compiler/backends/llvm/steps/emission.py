"""From lowered kernels to a module for LLVM. Loaded where there is code to make, not where it is there."""

from __future__ import annotations

from collections.abc import Mapping

from compiler.backends.llvm.emit.kernel import emit_kernel
from compiler.backends.llvm.emit.words import i64, pointer, void
from compiler.backends.llvm.jit.engine import Target
from compiler.backends.llvm.jit.untyped import Module, ir
from compiler.loops.language import Kernel


def kernel_module(kernels: Mapping[str, Kernel], target: Target) -> Module:
    """A module with a function for each kernel, by its name."""
    module = ir.Module("tinytorch")
    for name, kernel in kernels.items():
        function = ir.Function(module, ir.FunctionType(void, [pointer, i64]), name)
        function.attributes.add("nounwind")
        builder = ir.IRBuilder(function.append_basic_block("entry"))
        emit_kernel(builder, kernel, target.machine, *function.args)
        builder.ret_void()
    return module
