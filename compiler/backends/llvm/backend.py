"""The `llvm` backend."""

from __future__ import annotations

from functools import cached_property

from compiler.backends.llvm.engine import Target as Machine
from compiler.backends.llvm.engine import host_target
from compiler.backends.llvm.program import NativeProgram
from compiler.schedule.plan import Plan
from compiler.schedule.target import Target


class Llvm:
    """Native code through llvmlite. `machine` is what code is made for: this machine unless a test says otherwise."""

    name = "llvm"
    target = Target(fuses=True, writes_in_place=True)

    def __init__(self, machine: Machine | None = None) -> None:
        self._machine = machine

    @cached_property
    def machine(self) -> Machine:
        """Raises BackendError where there is no native code."""
        return self._machine or host_target()

    def build(self, plan: Plan) -> NativeProgram:
        """Compiles the kernels that this process does not have yet."""
        return NativeProgram(plan, self.machine)
