"""What the laws of kernels ask of one: its statements with the loops around them, and the line of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from compiler.ir.law import Law
from compiler.loops.language import For, If, Kernel, Memory, Stmt, Value
from compiler.loops.printing import Lines

Broken: TypeAlias = tuple[Stmt | None, str]
"""Where a law does not hold, and what is wrong there."""

Kind = TypeVar("Kind")


@dataclass(frozen=True, slots=True)
class Facts:
    """A kernel, and every statement of it in the order of its text, with the loops that it is in.

    `chosen` are the statements inside an `If` that is in the innermost of these loops, by identity.
    """

    kernel: Kernel
    statements: list[tuple[Stmt, tuple[For, ...]]] = field(default_factory=list[tuple[Stmt, tuple[For, ...]]])
    chosen: set[int] = field(default_factory=set[int])

    @classmethod
    def of(cls, kernel: Kernel) -> Facts:
        """Walks the kernel once."""
        facts = cls(kernel)
        facts._walk(kernel.body, (), is_chosen=False)
        return facts

    def _walk(self, body: Iterable[Stmt], loops: tuple[For, ...], *, is_chosen: bool) -> None:
        for stmt in body:
            self.statements.append((stmt, loops))
            if is_chosen:
                self.chosen.add(id(stmt))
            if isinstance(stmt, For):
                self._walk(stmt.ahead, loops, is_chosen=is_chosen)
                self._walk(stmt.body, (*loops, stmt), is_chosen=False)
            elif isinstance(stmt, If):
                self._walk(stmt.then, loops, is_chosen=True)
                self._walk(stmt.otherwise, loops, is_chosen=True)

    def each(self, kind: type[Kind]) -> Iterator[Kind]:
        """The statements of a kind."""
        return (stmt for stmt, _ in self.statements if isinstance(stmt, kind))


def law(sentence: str, check: Callable[[Facts], Iterator[Broken]]) -> Law[Facts]:
    """A law of kernels, whose remarks quote the line of the kernel's text."""

    def remarks(facts: Facts) -> Iterator[str]:
        for stmt, what in check(facts):
            yield f"{what}\n  {quoted(facts.kernel, stmt)}" if stmt is not None else what

    return Law(sentence, remarks)


def quoted(kernel: Kernel, wanted: Stmt) -> str:
    """The line of a statement in the text of a kernel, which may be broken."""
    text = _Quoting()
    text.kernel(kernel)
    number = text.where.get(id(wanted), 0)
    return f"line {number + 1}: {text.lines[number].strip()}"


class _Missing(dict[Value, str]):
    def __missing__(self, key: Value) -> str:
        return "?" if key.label is None else f"?{key.label}"


class _MissingMemory(dict[Memory, str]):
    def __missing__(self, key: Memory) -> str:
        return "?" if key.label is None else f"?{key.label}"


class _Quoting(Lines):
    """The text of a kernel that may read what nothing writes, with the labels of values for names."""

    def __init__(self) -> None:
        super().__init__()
        self.names, self.memories = _Missing(), _MissingMemory()
        self.where: dict[int, int] = {}
        """The line of each statement, which is told by its identity."""

    def named(self, value: Value, stem: str = "v") -> str:
        name = super().named(value, stem)
        if value.label is not None:
            name = self.names[value] = str(value.label)
        return name

    def statements(self, body: Iterable[Stmt]) -> None:
        for stmt in body:
            self.where[id(stmt)] = len(self.lines)
            super().statements((stmt,))

    def head(self, stmt: For, bounds: str) -> str:
        self.where[id(stmt)] = len(self.lines)
        return super().head(stmt, bounds)
