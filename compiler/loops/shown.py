"""Kernels as they are shown: what a language has to say, and the loop language, which is one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import mul
from typing import Final, Protocol, TypeAlias

from compiler.ir.types import INT64
from compiler.loops.copying import Copy
from compiler.loops.language import Count, Kernel, Let, Literal, Stmt, Value
from compiler.loops.machine import Machine
from compiler.loops.source import Naming, source


@dataclass(frozen=True)
class Shown:
    """A kernel to be shown, after all tricks.

    `known` are the extents that its arguments stand for, but for those that say how chunks share it.
    """

    name: str
    kernel: Kernel
    known: Mapping[Value, int | Count]
    naming: Naming


class Language(Protocol):
    """In what kernels are shown."""

    def remark(self, text: str) -> str:
        """A line beside kernels, without what ends it."""
        ...

    def aside(self, text: str) -> str:
        """Whole lines that are not run as a kernel: those of the graph's text."""
        ...

    def equation(self, text: str) -> str:
        """What a kernel computes, as the graph says it; empty where that is not shown."""
        ...

    def kernel(self, shown: Shown) -> str:
        """Whole lines that are a kernel."""
        ...

    def whole(self, text: str) -> str:
        """All of these, with what belongs around them."""
        ...


Speaking: TypeAlias = Callable[[Machine], Language]
"""A language for kernels that are written for a machine."""


class _Known(Copy):
    """Statements with known numbers; what follows from these is a number, too."""

    def block(self, body: Iterable[Stmt]) -> tuple[Stmt, ...]:
        return super().block(stmt for stmt in body if not self._follows(stmt))

    def _follows(self, stmt: Stmt) -> bool:
        if not isinstance(stmt, Let) or stmt.atom not in _OF_NUMBERS or stmt.value.dtype is not INT64:
            return False
        given = [item.value if isinstance(item, Literal) else self.of(item) for item in stmt.operands]
        numbers = [item for item in given if isinstance(item, int)]
        if len(numbers) < len(given):
            return False
        self.known[stmt.value] = _OF_NUMBERS[stmt.atom](*numbers)
        return True


_OF_NUMBERS: Final[Mapping[str, Callable[[int, int], int]]] = {"mul": mul, "minimum": min}


class Loops:
    """The loop language, in atoms of formulas (`compiler.loops.source`)."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def remark(self, text: str) -> str:
        """`# a copy`."""
        return f"# {text}\n"

    def aside(self, text: str) -> str:
        """As it is."""
        return text

    def equation(self, text: str) -> str:
        """Nothing: the loops say it."""
        return ""

    def kernel(self, shown: Shown) -> str:
        """With extents where the kernel has arguments."""
        kernel, known = shown.kernel, shown.known
        left = tuple(item for item in kernel.arguments if item not in known)
        body = _Known(known).block(kernel.body)
        return source(Kernel(left, kernel.chunk, kernel.rooms, body), shown.naming)

    def whole(self, text: str) -> str:
        """As it is."""
        return text
