"""Kernels by what they do: each is compiled once per process, and object code is kept on disk.

A key names a kernel's code: the text of its form says everything that the emitters look at. New kernels of a
program are emitted into one module. The disk cache is asked by the keys and a digest of the emitters
themselves, so a warm start emits no IR.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from typing import TypeAlias

from compiler.backends.llvm.emit.words import i64, pointer, void
from compiler.backends.llvm.jit.cache import ObjectCache, default_cache, sources_digest
from compiler.backends.llvm.jit.engine import Library, Target
from compiler.backends.llvm.jit.untyped import Builder, Module, Value, ir

Emit: TypeAlias = Callable[[Builder, Target, Value, Value], None]
"""Emits a kernel's body, given the address of its numbers and the chunk."""

_KERNEL = ir.FunctionType(void, [pointer, i64])
_lock = threading.RLock()
_loaded: dict[tuple[Target, str], int] = {}
_libraries: list[Library] = []


def kernel_module(kernels: Mapping[str, Emit], target: Target) -> Module:
    """A module with a function for each kernel, named by its key."""
    module = ir.Module("tinytorch")
    for key, emit_body in kernels.items():
        function = ir.Function(module, _KERNEL, symbol_of(key))
        function.attributes.add("nounwind")
        builder = ir.IRBuilder(function.append_basic_block("entry"))
        emit_body(builder, target, *function.args)
        builder.ret_void()
    return module


def symbol_of(key: str) -> str:
    """The name of a kernel's function."""
    return "kernel_" + hashlib.sha256(key.encode()).hexdigest()[:24]


def load_kernels(
    kernels: Mapping[str, Emit], target: Target, cache: ObjectCache | None = None
) -> dict[str, int]:
    """The address of each kernel's function. Code stays loaded until the process ends."""
    with _lock:
        missing = {key: body for key, body in sorted(kernels.items()) if (target, key) not in _loaded}
        if missing:
            library = Library(_object(missing, target, cache or default_cache()), map(symbol_of, missing))
            _libraries.append(library)
            _loaded.update({(target, key): library[symbol_of(key)] for key in missing})
        return {key: _loaded[target, key] for key in kernels}


def _object(kernels: Mapping[str, Emit], target: Target, cache: ObjectCache) -> bytes:
    name = "\n".join([sources_digest(), *kernels])
    return cache.compiled(name, lambda: kernel_module(kernels, target), target)
