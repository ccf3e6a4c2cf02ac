"""The `c` backend: the native backend, whose kernels gcc or clang compiles.

The entry, the driver and the threads stay those of `llvm`; object code is kept in the same cache.
"""

from __future__ import annotations

import functools
import hashlib
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from compiler.backends.llvm.backend import Llvm, native_machine
from compiler.errors import BackendError
from compiler.schedule.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from compiler.backends.c.compiling import Compiler
    from compiler.backends.llvm.jit.engine import Target as Machine
    from compiler.backends.llvm.run.program import NativeProgram
    from compiler.loops.language import Kernel


class C:
    """Native code by a C compiler, for `machine`: this one unless a test says otherwise."""

    name = "c"
    target = Llvm.target
    """What the native programs can do."""

    def __init__(self, machine: Machine | None = None) -> None:
        self._machine = machine

    @cached_property
    def is_available(self) -> bool:
        """Whether there is a C compiler, and llvmlite knows this machine."""
        try:
            return bool(self.machine) and bool(self.compiler)
        except BackendError:
            return False

    @cached_property
    def machine(self) -> Machine:
        """What code is made for. Raises BackendError where there is no native code."""
        return native_machine(self._machine, "the c backend needs llvmlite, for all that is no kernel")

    @property
    def compiler(self) -> Compiler:
        """What compiles kernels. Raises BackendError where there is no C compiler."""
        from compiler.backends.c.compiling import find_compiler

        return find_compiler()

    def build(self, plan: Plan) -> NativeProgram:
        """Compiles the kernels that this process does not have yet.

        Raises BackendError where llvmlite or a C compiler is missing, and says which.
        """
        machine, compiler = self.machine, self.compiler
        from compiler.backends.llvm.run.program import NativeProgram

        return NativeProgram(plan, machine, maker=ByC(compiler))


class ByC:
    """Machine code of kernels by a C compiler: a `Maker`."""

    def __init__(self, compiler: Compiler) -> None:
        self.compiler = compiler

    @property
    def key(self) -> str:
        """The sources of everything that writes kernels, and the compiler."""
        from compiler.backends.llvm.jit.cache import sources_digest

        return f"{sources_digest()}\n{_room_digest()}\n{self.compiler.key}"

    def object_code(self, kernels: Mapping[str, Kernel], target: Machine) -> bytes:
        """An object with a function for each kernel."""
        from compiler.backends.c.emit import program_text

        return self.compiler.compile(program_text(kernels, target.machine), target.features)

    def llvm_ir(self, kernels: Mapping[str, Kernel], target: Machine) -> str:
        """Raises BackendError: there is no such thing."""
        raise BackendError("backend c makes no LLVM IR\n  fix: ask for source(kernel, language='c')")

    def assembly(self, kernels: Mapping[str, Kernel], target: Machine) -> str:
        """The compiler's assembly."""
        from compiler.backends.c.emit import program_text

        return self.compiler.assembly(program_text(kernels, target.machine), target.features)


@functools.cache
def _room_digest() -> str:
    """A digest of the sources of this room; the header's is the compiler's."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
