"""From IR to running code: the host's target, object code, and libraries loaded into this process.

Three steps that know nothing of graphs:

1. `host_target()` describes this machine; a `Target` is a plain value, and part of the key of the object
   cache.
2. `compile_object(ir, target)` turns IR into object code. Only code generation runs, at its highest level
   unless told otherwise, and without any fast-math option: the pass pipeline costs as much again and gains
   nothing on IR that is already in final form.
3. `Library(object, exports)` maps object code into this process and gives the address of each exported
   function.

Object code holds no address of this process, so it may be kept on disk and loaded by another one. External
symbols are either passed by address (`imports`) or found among those of the process (the C library, libm).
"""

from __future__ import annotations

import functools
import itertools
import os
import platform
import struct
import threading
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from compiler.backends.llvm.jit.modules import Module
from compiler.backends.llvm.jit.once import once
from compiler.backends.llvm.jit.untyped import Machine as TargetMachine
from compiler.backends.llvm.jit.untyped import Parsed, binding
from compiler.errors import BackendError
from compiler.loops.machine import Machine

_library_numbers = itertools.count()
_jit_lock = threading.Lock()
_options_lock = threading.Lock()
_LAST_KNOWN_LLVM = 22

BEST: Final = 3
"""The level of code generation for what runs often."""

QUICKEST: Final = 0
"""The level for what waits more than it runs: a fifth of the time to compile, and half as fast."""


@dataclass(frozen=True)
class Target:
    """What code is generated for: a machine by its LLVM names, and what the emitters need to know of it.

    `features` is LLVM's list of signed feature names ("+avx2,-avx512f,..."), sorted, so that equal machines
    have equal text.
    """

    triple: str
    cpu: str
    features: str

    @functools.cached_property
    def _enabled(self) -> frozenset[str]:
        return frozenset(name[1:] for name in self.features.split(",") if name.startswith("+"))

    @property
    def is_arm(self) -> bool:
        """Whether this is 64-bit ARM."""
        return self.triple.startswith(("aarch64", "arm64"))

    @property
    def vector_bytes(self) -> int:
        """Bytes of the widest vector register worth using: 64, 32 or 16."""
        if "avx512f" in self._enabled and "avx512vl" in self._enabled:
            return 64
        return 32 if "avx2" in self._enabled else 16

    @property
    def vector_registers(self) -> int:
        """How many vector registers code may use at once."""
        return 32 if self.is_arm or self.vector_bytes == 64 else 16

    @property
    def has_fma(self) -> bool:
        """Whether a fused multiply-add is one instruction (if not, `llvm.fma` calls libm, lane by lane)."""
        return self.is_arm or "fma" in self._enabled

    @property
    def has_mask_registers(self) -> bool:
        """Whether masks of lanes have registers of their own, a bit a lane."""
        return self.vector_bytes == 64

    @property
    def has_masked_memory(self) -> bool:
        """Whether masked vector loads and stores are instructions (if not, each lane becomes a branch)."""
        return self.vector_bytes >= 32

    @functools.cached_property
    def machine(self) -> Machine:
        """What kernels need to know of it."""
        return Machine(
            vector_bytes=self.vector_bytes,
            vector_registers=self.vector_registers,
            has_fma=self.has_fma,
            has_mask_registers=self.has_mask_registers,
            has_masked_memory=self.has_masked_memory,
            scales=self.vector_bytes == 64,
            saturates=self.is_arm,
            converts_halves=self.is_arm or "f16c" in self._enabled,
            adds_where_it_converts=self.cpu == "znver4",
        )


@functools.cache
def host_target() -> Target:
    """The machine this process runs on.

    Raises `BackendError` where LLVM does not know the CPU, where it is not a 64-bit x86 or ARM, or where the
    system forbids executable memory.
    """
    machine = platform.machine().lower()
    if machine not in ("x86_64", "amd64", "arm64", "aarch64") or struct.calcsize("P") != 8:
        raise BackendError(f"the llvm backend knows 64-bit x86 and ARM, not {machine or 'this processor'!r}")
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    try:
        binding.check_jit_execution()
        cpu = binding.get_host_cpu_name()
        enabled = dict(binding.get_host_cpu_features())
    except (OSError, RuntimeError) as error:
        raise BackendError(f"the llvm backend cannot run on this machine: {error}") from error
    signed = sorted(("+" if on else "-") + name for name, on in enabled.items())
    return Target(binding.get_process_triple(), cpu, ",".join(signed))


def complete(module: Module | str, target: Target) -> str:
    """IR text of `module` with the triple and data layout of `target`, exactly as it is compiled.

    Without them, accesses that state no alignment would get that of no machine in particular. Text that
    already names a data layout is left alone.
    """
    machine = _target_machine(target)
    layout, triple = str(machine.target_data), machine.triple
    text = str(module)
    if "target datalayout" in text:
        return text
    return f'target triple = "{triple}"\ntarget datalayout = "{layout}"\n{text}'


def compile_object(module: Module | str, target: Target, level: int = BEST) -> bytes:
    """Object code of `module` for `target`, by a level of code generation.

    Raises `BackendError` with LLVM's own words if the IR does not parse or does not hold together.
    """
    parsed, machine = _verified(module, target), _target_machine(target, level)
    with _as_written():
        return bytes(machine.emit_object(parsed))


def assembly(module: Module | str, target: Target) -> str:
    """Assembly text of `module` for `target`, for reading. Errors as `compile_object`."""
    parsed, machine = _verified(module, target), _target_machine(target)
    with _as_written():
        return str(machine.emit_assembly(parsed))


class Library:
    """Object code mapped into this process.

    `exports` names the functions whose addresses are wanted, `imports` gives the addresses of external
    symbols by name; what neither the object nor `imports` defines is looked up in the process. Addresses stay
    valid while the library lives: whoever keeps an address keeps the library. Raises `BackendError` if a
    symbol is missing.
    """

    def __init__(self, code: bytes, exports: Iterable[str], imports: Mapping[str, int] | None = None) -> None:
        builder = binding.JITLibraryBuilder().add_object_img(code).add_current_process()
        for name, address in (imports or {}).items():
            builder.import_symbol(name, address)
        names = tuple(exports)
        for name in names:
            builder.export_symbol(name)
        try:
            with _jit_lock:
                self._tracker = builder.link(_jit(), f"tinytorch_{next(_library_numbers)}")
        except RuntimeError as error:
            raise BackendError(f"object code does not load: {error}") from error
        self._addresses = {name: int(self._tracker[name]) for name in names}

    def __getitem__(self, name: str) -> int:
        return self._addresses[name]


def load(module: Module | str, exports: Iterable[str], imports: Mapping[str, int] | None = None) -> Library:
    """Compile `module` for this machine and load it, past any cache."""
    return Library(compile_object(module, host_target()), exports, imports)


def _verified(module: Module | str, target: Target) -> Parsed:
    try:
        parsed = binding.parse_assembly(complete(module, target))
        parsed.verify()
    except RuntimeError as error:
        raise BackendError(f"LLVM refuses the module: {error}") from error
    return parsed


@contextmanager
def _as_written() -> Generator[None]:
    """Keep LLVM from rewriting the addresses of loops while code is generated.

    Loop strength reduction takes half of the time of code generation and gains nothing where the emitter
    chose the counters with care. The switch is one of the whole process, so it is put back for others who use
    LLVM; an LLVM that might not have it is left alone, as it would end the process over an unknown option.
    """
    if binding.llvm_version_info[0] > _LAST_KNOWN_LLVM:
        yield
        return
    with _options_lock:
        binding.set_option("tinytorch", "-disable-lsr=true")
        try:
            yield
        finally:
            binding.set_option("tinytorch", "-disable-lsr=false")


@functools.lru_cache(maxsize=8)
def _target_machine(target: Target, level: int = BEST) -> TargetMachine:
    """Position-independent code in the small model: constants are one instruction away.

    Windows keeps llvmlite's own choice (ELF objects, large model), which its loader needs.
    """
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    known = binding.Target.from_triple(target.triple)
    made = functools.partial(known.create_target_machine, target.cpu, target.features)
    create = functools.partial(made, opt=level, jit=True)
    return create() if os.name == "nt" else create(reloc="pic", codemodel="small")


@once
def _jit() -> Any:
    """The linker of this process; JITLink keeps an object's sections together, as the small model asks."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    machine = binding.Target.from_triple(binding.get_process_triple()).create_target_machine(jit=True)
    return binding.create_lljit_compiler(machine, use_jit_link=os.name != "nt", suppress_errors=True)
