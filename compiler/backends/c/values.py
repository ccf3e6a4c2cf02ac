"""What values, numbers and memory are called, and what the operands of a kernel are in C."""

from __future__ import annotations

from collections.abc import Sequence

from compiler.backends.c.registers import Registers, Term, Type, literal
from compiler.errors import BackendError
from compiler.loops.language import Count, Memory, Number, Operand, Ref, Value


class Values:
    """The names of values and memory, as far as a text is written."""

    def __init__(self, registers: Registers) -> None:
        self.registers = registers
        self.memories: dict[Memory, str] = {}
        self.counts: dict[Value, str] = {}
        """Of masks of the first lanes, how many those are."""
        self._terms: dict[Value, Term] = {}

    def __setitem__(self, value: Value, term: Term) -> None:
        self._terms[value] = term

    def __getitem__(self, value: Value) -> Term:
        return self._terms[value]

    def operand(self, item: Operand, lanes: int) -> Term:
        """A value, or a literal beside vectors of so many lanes."""
        if isinstance(item, Value):
            return self._terms[item]
        if isinstance(item, Count):
            return Term(self.number(item), Type("i64"))
        return literal(item, lanes if lanes > 1 else 0)

    def number(self, item: Number) -> str:
        """A scalar of int64.

        Raises BackendError for a count, which has to become an argument before.
        """
        if isinstance(item, Count):
            raise BackendError(f"the count {item.extent} is no argument of the kernel")
        return self._terms[item].text if isinstance(item, Value) else str(item)

    def place(self, ref: Ref) -> str:
        """The address of a place, of a vector's first element: `x + 64*i + j`."""
        return moved(self.memories[ref.memory], self._terms_of(ref))

    def element(self, ref: Ref) -> str:
        """One element: `x[64*i + j]`."""
        inside = moved("", self._terms_of(ref))
        inside = inside.removeprefix(" + ") if inside.startswith(" + ") else inside.strip()
        return f"{self.memories[ref.memory]}[{inside or '0'}]"

    def _terms_of(self, ref: Ref) -> list[tuple[str, str]]:
        terms = ref.terms if ref.at is None or ref.at.lanes > 1 else (*ref.terms, (ref.at, ref.stride))
        return [(self._terms[index].text, self.number(stride)) for index, stride in terms]


def moved(address: str, terms: Sequence[tuple[str, str]]) -> str:
    """An address, moved by indices times strides."""
    for index, stride in terms:
        if stride == "0":
            continue
        sign, size = ("-", stride[1:]) if stride.startswith("-") else ("+", stride)
        address += f" {sign} {index}" if size == "1" else f" {sign} {size}*{index}"
    return address
