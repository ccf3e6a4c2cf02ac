"""What the values, literals and memory of a kernel are in the code that is being written."""

from __future__ import annotations

from compiler.backends.llvm.emit import registers, words
from compiler.backends.llvm.jit.kinds import Value as Register
from compiler.errors import BackendError
from compiler.loops.language import Count, Memory, Number, Operand, Value


class Values:
    """The registers of values, and the addresses of memory."""

    def __init__(self) -> None:
        self.addresses: dict[Memory, Register] = {}
        self._registers: dict[Value, Register] = {}
        self._constants: dict[tuple[int, int], Register] = {}

    def __setitem__(self, value: Value, register: Register) -> None:
        self._registers[value] = register

    def __getitem__(self, value: Value) -> Register:
        return self._registers[value]

    def operand(self, item: Operand, lanes: int) -> Register:
        """A value, or a literal in every lane."""
        if isinstance(item, Value):
            return self._registers[item]
        if isinstance(item, Count):
            return self.number(item)
        key = id(item), lanes
        if key not in self._constants:
            self._constants[key] = registers.constant(item.text, item.dtype, lanes)
        return self._constants[key]

    def number(self, item: Number) -> Register:
        """A scalar of int64.

        Raises BackendError for a count, which has to become an argument before.
        """
        if isinstance(item, Count):
            raise BackendError(f"the count {item.extent} is no argument of the kernel")
        return self._registers[item] if isinstance(item, Value) else words.index(item)
