"""Kernels by what they do: each is compiled once per process, and object code is kept on disk.

A key names a kernel's code: the text of its form says everything that the emitters look at. New kernels of a
program are made into one object by a `Maker`. The disk cache is asked by the keys and a digest of the
sources, so a warm start writes no kernel. Only a kernel with a stranger's atoms is written all the same: what
these become is in no source of ours, and is part of its key.
"""

from __future__ import annotations

import hashlib
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from compiler.backends.llvm.jit.cache import ObjectCache, default_cache, object_key, sources_digest
from compiler.backends.llvm.jit.engine import Library, Target, assembly, compile_object, complete
from compiler.backends.llvm.jit.modules import Module

if TYPE_CHECKING:
    from compiler.loops.language import Kernel

_TABLE: Final = "compiler.loops.mathematics.table"
_lock = threading.RLock()
_loaded: dict[tuple[str, Target, str], int] = {}
_objects: dict[tuple[str, Target, str], str] = {}
"""The key of the object code that a kernel was loaded from."""
_libraries: list[Library] = []
_read: dict[tuple[bytes, tuple[str, ...]], Library] = {}
"""Object code that came without its kernels, by its digest."""


class Maker(Protocol):
    """How machine code is made of kernels that are written and lowered for a target."""

    @property
    def key(self) -> str:
        """What its code depends on beside the kernels and the target."""
        ...

    def object_code(self, kernels: Mapping[str, Kernel], target: Target) -> bytes:
        """An object with a function for each kernel, by its name: of the kernel's numbers and a chunk."""
        ...

    def llvm_ir(self, kernels: Mapping[str, Kernel], target: Target) -> str:
        """The IR that becomes the object. Raises BackendError where there is none."""
        ...

    def assembly(self, kernels: Mapping[str, Kernel], target: Target) -> str:
        """The object's code, to read."""
        ...


class Emitting:
    """Machine code by LLVM."""

    @property
    def key(self) -> str:
        """The sources of everything that emits."""
        return sources_digest()

    def object_code(self, kernels: Mapping[str, Kernel], target: Target) -> bytes:
        """As `Maker` says."""
        return compile_object(self._module(kernels, target), target)

    def llvm_ir(self, kernels: Mapping[str, Kernel], target: Target) -> str:
        """The IR as it was compiled."""
        return complete(self._module(kernels, target), target)

    def assembly(self, kernels: Mapping[str, Kernel], target: Target) -> str:
        """LLVM's assembly."""
        return assembly(self.llvm_ir(kernels, target), target)

    @staticmethod
    def _module(kernels: Mapping[str, Kernel], target: Target) -> Module:
        from compiler.backends.llvm.steps.emission import kernel_module  # what a warm start does without

        return kernel_module(kernels, target)


BY_LLVM: Final[Maker] = Emitting()


def symbol_of(key: str) -> str:
    """The name of a kernel's function."""
    return "kernel_" + hashlib.sha256(key.encode()).hexdigest()[:24]


def ready(kernels: Mapping[str, Kernel], target: Target) -> dict[str, Kernel]:
    """The kernels after all tricks, in the target's atoms, by the names of their functions."""
    from compiler.loops.lowering import lower  # what a warm start does without
    from compiler.loops.pipeline import write  # likewise

    machine = target.machine
    return {symbol_of(key): lower(write(kernel, machine), machine) for key, kernel in kernels.items()}


def load_kernels(
    kernels: Mapping[str, Kernel], target: Target, maker: Maker = BY_LLVM, cache: ObjectCache | None = None
) -> dict[str, int]:
    """The address of each kernel's function. Code stays loaded until the process ends."""
    with _lock:
        known = maker.key
        strange = _lowered_by_strangers(kernels, target)
        places = {key: (known + strange.get(key, ""), target, key) for key in kernels}
        missing = {key: body for key, body in sorted(kernels.items()) if places[key] not in _loaded}
        if missing:
            name = "\n".join([known, *missing, *(strange[key] for key in missing if key in strange)])
            code = _object(name, missing, target, maker, cache or default_cache())
            library = Library(code, map(symbol_of, missing))
            _libraries.append(library)
            _loaded.update({places[key]: library[symbol_of(key)] for key in missing})
            _objects.update(dict.fromkeys((places[key] for key in missing), object_key(name, target)))
        return {key: _loaded[place] for key, place in places.items()}


class Object(NamedTuple):
    """Object code, and the names of functions in it."""

    code: bytes
    symbols: list[str]


def objects_of(
    kernels: Mapping[str, Kernel], target: Target, maker: Maker, cache: ObjectCache | None
) -> list[Object] | None:
    """The object code of kernels that are loaded; None where the cache has it not, or strangers wrote it."""
    with _lock:
        if _lowered_by_strangers(kernels, target):
            return None
        symbols: dict[str, list[str]] = {}
        for key in sorted(kernels):
            symbols.setdefault(_objects[maker.key, target, key], []).append(symbol_of(key))
    found: list[Object] = []
    for key, names in symbols.items():
        code = (cache or default_cache()).get(key)
        if code is None:
            return None
        found.append(Object(code, names))
    return found


def load_objects(objects: Sequence[Object]) -> dict[str, int]:
    """The addresses of functions, by their names. Raises BackendError for what does not load."""
    addresses: dict[str, int] = {}
    with _lock:
        for code, symbols in objects:
            place = hashlib.sha256(code).digest(), tuple(symbols)
            if place not in _read:
                _read[place] = Library(code, symbols)
            addresses.update({symbol: _read[place][symbol] for symbol in symbols})
    return addresses


def _lowered_by_strangers(kernels: Mapping[str, Kernel], target: Target) -> dict[str, str]:
    """The texts after lowering of kernels in which atoms are that somebody else has a rule for."""
    if _TABLE not in sys.modules:  # whoever has a rule of his own has put it there; a warm start does without
        return {}
    from compiler.loops.language import Let, walk  # what a warm start does without
    from compiler.loops.mathematics.table import strange_atoms
    from compiler.loops.printing import canonical

    strange = strange_atoms()
    if not strange:
        return {}
    chosen = {
        key: kernel
        for key, kernel in kernels.items()
        if any(isinstance(stmt, Let) and stmt.atom in strange for stmt in walk(kernel.body))
    }
    lowered = ready(chosen, target)
    return {key: canonical(lowered[symbol_of(key)]) for key in chosen}


def _object(
    name: str, kernels: Mapping[str, Kernel], target: Target, maker: Maker, cache: ObjectCache
) -> bytes:
    return cache.made(name, lambda: maker.object_code(ready(kernels, target), target), target)
