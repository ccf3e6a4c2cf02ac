"""Kernels by what they do: each is compiled once per process, and object code is kept on disk.

A key names a kernel's code: the text of its form says everything that the emitters look at. New kernels of a
program are emitted into one module. The disk cache is asked by the keys and a digest of the emitters
themselves, so a warm start emits no IR.
"""

from __future__ import annotations

import functools
import hashlib
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from compiler.backends.llvm import emit
from compiler.backends.llvm.jit.cache import ObjectCache, default_cache, object_key
from compiler.backends.llvm.jit.engine import Library, Target, compile_object
from compiler.backends.llvm.jit.untyped import Builder, Module, Value, ir

Emit: TypeAlias = Callable[[Builder, Target, Value, Value], None]
"""Emits a kernel's body, given the address of its numbers and the chunk."""

_KERNEL = ir.FunctionType(emit.void, [emit.pointer, emit.i64])
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
    key = object_key("\n".join([emitters_digest(), *kernels]), target)
    code = cache.get(key)
    if code is None:
        code = compile_object(kernel_module(kernels, target), target)
        cache.put(key, code)
    return code


@functools.cache
def emitters_digest() -> str:
    """A digest of the source of everything that emits code here."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
