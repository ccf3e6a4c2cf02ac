"""Kernels shown in C: the text that is compiled, with the user's names, and his equations in comments."""

from __future__ import annotations

from compiler.backends.c.emit import file_text, kernel_text
from compiler.backends.c.products import Code
from compiler.loops.language import Count
from compiler.loops.lowering import lower
from compiler.loops.machine import Machine
from compiler.loops.shown import Shown


class InC:
    """C for a machine. Tiles that several kernels call are shown once, before them."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._tiles: dict[Code, None] = {}

    def remark(self, text: str) -> str:
        """A comment."""
        return f"// {text}\n"

    def aside(self, text: str) -> str:
        """Comments."""
        return "".join(map(self.remark, text.splitlines()))

    def equation(self, text: str) -> str:
        """A comment."""
        return f"//     {text}\n"

    def kernel(self, shown: Shown) -> str:
        """A function of the kernel's numbers and a chunk."""
        extents = {value: _extent(item) for value, item in shown.known.items()}
        kernel = lower(shown.kernel, self.machine)
        return kernel_text(shown.name, kernel, self.machine, self._tiles, shown.naming, extents) + "\n"

    def whole(self, text: str) -> str:
        """A file that compiles."""
        return file_text([text.removesuffix("\n")], self.machine, self._tiles)


def _extent(item: int | Count) -> str:
    return str(item.extent if isinstance(item, Count) else item)
