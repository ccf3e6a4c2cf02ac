"""Statements as they are written: block in block, equal atoms of equal operands in sight once."""

from __future__ import annotations

from collections.abc import Generator, Hashable, Iterable
from contextlib import contextmanager

from compiler.ir.formula.tape import Const
from compiler.ir.types import INT64, DType
from compiler.loops.language import Let, Literal, Load, Number, Operand, Ref, Stmt, Value, operand


class Writer:
    """The blocks that are open, and what is known in them.

    A fact that is noted in a block is known until the block ends, in blocks inside too.
    """

    def __init__(self) -> None:
        self.blocks: list[list[Stmt]] = [[]]
        self.facts: list[dict[Hashable, Operand]] = [{}]

    @contextmanager
    def block(self) -> Generator[list[Stmt]]:
        """A block inside the present one; its statements, once it has ended."""
        found: list[Stmt] = []
        self.blocks.append(found)
        self.facts.append({})
        yield found
        self.blocks.pop()
        self.facts.pop()

    def write(self, stmt: Stmt) -> None:
        """One statement, at the end of the present block."""
        self.blocks[-1].append(stmt)

    def extend(self, body: Iterable[Stmt]) -> None:
        """Statements, at the end of the present block."""
        self.blocks[-1].extend(body)

    def known(self, key: Hashable) -> Operand | None:
        """What was noted under a key in a block that is open."""
        for facts in reversed(self.facts):
            if key in facts:
                return facts[key]
        return None

    def note(self, key: Hashable, value: Operand) -> None:
        """Notes a fact of the present block."""
        self.facts[-1][key] = value

    def let(
        self, atom: str, dtype: DType, *operands: Operand, lanes: int = 0, label: object = None
    ) -> Operand:
        """The value of an atom."""
        key = (atom, dtype, lanes, *operands)
        found = self.known(key)
        if found is None:
            found = Value(dtype, lanes, label)
            self.write(Let(found, atom, operands))
            self.note(key, found)
        return found

    def load(self, ref: Ref, lanes: int = 0, label: object = None) -> Operand:
        """An element or vector of memory. What has been read in this block is not read again."""
        found = self.known(ref)
        if found is None:
            found = Value(ref.memory.dtype, lanes, label)
            self.write(Load(found, ref))
            self.note(ref, found)
        return found

    def cast(self, value: Operand | Const, given: DType, wanted: DType) -> Operand:
        """A value in another dtype; a literal takes any."""
        if isinstance(value, Const):
            return Literal.of(value.value, wanted)
        if given is wanted:
            return value
        return self.let("cast", wanted, value, lanes=value.lanes if isinstance(value, Value) else 0)

    def minimum(self, a: Number, b: Number) -> Value:
        """The smaller of two int64 scalars."""
        return self._scalar("minimum", a, b)

    def maximum(self, a: Number, b: Number) -> Value:
        """The greater of two int64 scalars."""
        return self._scalar("maximum", a, b)

    def difference(self, a: Number, b: Number) -> Value:
        """The difference of two int64 scalars."""
        return self._scalar("sub", a, b)

    def sum(self, a: Number, b: Number) -> Value:
        """The sum of two int64 scalars."""
        return self._scalar("add", a, b)

    def product(self, a: Number, b: Number) -> Value:
        """The product of two int64 scalars."""
        return self._scalar("mul", a, b)

    def _scalar(self, atom: str, *numbers: Number) -> Value:
        found = self.let(atom, INT64, *map(operand, numbers))
        assert isinstance(found, Value)
        return found
