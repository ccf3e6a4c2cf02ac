"""How fast this machine is, measured by native code, or by NumPy where there is none."""

from __future__ import annotations

from compiler.backends.llvm.backend import Llvm
from compiler.speed.machine import MeasuredMachine


def machine(*, again: bool = False) -> MeasuredMachine:
    """How fast this machine is: a handful of numbers, which `print` shows as a table.

    It is measured when somebody asks first, in less than a second, and kept beside compiled code; by NumPy
    where there is no native code, for this process alone. `again` measures anew. Neither compiling nor a call
    ever asks: what is computed, and how, does not depend on it. `program.profile` predicts by it.
    """
    native = Llvm()
    if native.is_available:
        return native.measured(again=again)
    from compiler.backends.numpy import measuring  # noqa: PLC0415  # what nobody measures with who has llvm

    return measuring.measure() if again else measuring.known_machine()
