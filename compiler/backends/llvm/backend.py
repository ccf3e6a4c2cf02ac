"""The `llvm` backend. Loads llvmlite when a program is first built, not when it is imported."""

from __future__ import annotations

import importlib.util
from functools import cached_property
from typing import TYPE_CHECKING

from compiler.errors import BackendError
from compiler.schedule.plan import Plan
from compiler.schedule.target import Target

if TYPE_CHECKING:
    from compiler.backends.llvm.jit.engine import Target as Machine
    from compiler.backends.llvm.run.kept import Kept
    from compiler.backends.llvm.run.program import NativeProgram
    from compiler.speed.machine import MeasuredMachine


class Llvm:
    """Native code through llvmlite, for `machine`: this one unless a test says otherwise."""

    name = "llvm"
    target = Target(
        fuses=True, fuses_contractions=True, fuses_gathers=True, reads_windows=True, copies_panels=True,
        writes_in_place=True,
    )  # fmt: skip

    def __init__(self, machine: Machine | None = None) -> None:
        self._machine = machine

    @cached_property
    def is_available(self) -> bool:
        """Whether llvmlite is installed and knows this machine."""
        if importlib.util.find_spec("llvmlite") is None:
            return False
        try:
            return bool(self.machine)
        except BackendError:
            return False

    @cached_property
    def machine(self) -> Machine:
        """What code is made for. Raises BackendError where there is no native code."""
        return native_machine(self._machine, "the llvm backend needs llvmlite")

    def build(self, plan: Plan) -> NativeProgram:
        """Compiles the kernels that this process does not have yet."""
        machine = self.machine
        from compiler.backends.llvm.run.program import NativeProgram

        return NativeProgram(plan, machine)

    def kept_key(self, name: str) -> str | None:
        """The key under which a program is kept on this machine; None where there is no native code."""
        if not self.is_available:
            return None
        from compiler.backends.llvm.run.kept import kept_key

        return kept_key(name, self.machine)

    def prepare(self) -> None:
        """Loads the code that `kept` and its programs need."""
        importlib.import_module("compiler.backends.llvm.run.kept")

    def kept(self, key: str) -> Kept | None:
        """What an earlier process has kept under a key of a program; None where none has."""
        from compiler.backends.llvm.jit.cache import default_cache
        from compiler.backends.llvm.run.kept import find_program

        return find_program(key, default_cache())

    def measured(self, *, again: bool = False) -> MeasuredMachine:
        """How fast this machine is: measured where nobody knows yet, or `again`. Raises as `machine`."""
        target = self.machine
        from compiler.backends.llvm.measure.known import known_machine

        return known_machine(target, again=again)


def native_machine(given: Machine | None, needs: str) -> Machine:
    """A machine, or this one. Raises BackendError where there is no native code: `needs` says for what."""
    if importlib.util.find_spec("llvmlite") is None:
        raise BackendError(f"{needs}\n  fix: pip install 'tinytorch-compiler[jit]'")
    from compiler.backends.llvm.jit.engine import host_target

    return given or host_target()


def set_num_threads(count: int) -> None:
    """Let native programs use `count` threads, the caller among them. Results do not depend on it.

    Raises ArgumentError unless `count` is a positive integer; without llvmlite it raises BackendError.
    """
    if not Llvm().is_available:
        raise BackendError("only the llvm backend uses threads, and it does not run here")
    from compiler.backends.llvm.threads import pool

    pool.set_num_threads(count)


def get_num_threads() -> int:
    """How many threads native programs may use; at first as many as there are processors."""
    if not Llvm().is_available:
        return 1
    from compiler.backends.llvm.threads import pool

    return pool.get_num_threads()
