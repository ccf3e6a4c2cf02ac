"""Statements as they are written: block in block, equal atoms of equal operands in sight once."""

from __future__ import annotations

from collections.abc import Generator, Hashable, Iterable
from contextlib import contextmanager
from typing import TypeVar

from compiler.ir.formula.tape import Const
from compiler.ir.types import INT64, DType
from compiler.loops.language import Let, Literal, Load, Number, Operand, Ref, Stmt, Value, operand

Item = TypeVar("Item", bound=Operand)


class Writer:
    """The blocks that are open, and what is known in them.

    A fact that is noted in a block is known until the block ends, in blocks inside too.
    """

    def __init__(self) -> None:
        self.blocks: list[list[Stmt]] = [[]]
        self._known: dict[Hashable, Operand] = {}
        self._before: list[list[tuple[Hashable, Operand | None]]] = [[]]
        """What was known, under each key that an open block has noted, before it did."""

    @contextmanager
    def block(self) -> Generator[list[Stmt]]:
        """A block inside the present one; its statements, once it has ended."""
        found: list[Stmt] = []
        self.blocks.append(found)
        self._before.append([])
        yield found
        self.blocks.pop()
        for key, value in reversed(self._before.pop()):
            if value is None:
                del self._known[key]
            else:
                self._known[key] = value

    def write(self, stmt: Stmt) -> None:
        """One statement, at the end of the present block."""
        self.blocks[-1].append(stmt)

    def extend(self, body: Iterable[Stmt]) -> None:
        """Statements, at the end of the present block."""
        self.blocks[-1].extend(body)

    def known(self, key: Hashable) -> Operand | None:
        """What was noted under a key in a block that is open."""
        return self._known.get(key)

    def note(self, key: Hashable, value: Operand) -> None:
        """Notes a fact of the present block."""
        self._before[-1].append((key, self._known.get(key)))
        self._known[key] = value

    def let(self, atom: str, dtype: DType, *operands: Operand, lanes: int = 0, label: object = None) -> Value:
        """The value of an atom."""
        key = (atom, dtype.short, lanes, *operands)
        found = self._known.get(key)
        if isinstance(found, Value):
            return found
        found = Value(dtype, lanes, label)
        self.blocks[-1].append(Let(found, atom, operands))
        self._known[key] = found
        self._before[-1].append((key, None))
        return found

    def named(self, value: Item, label: object, since: int) -> Item | Value:
        """The value, called `label` if this block's last statement wrote it, and not its first `since`."""
        block = self.blocks[-1]
        last = block[-1] if label is not None and len(block) > since else None
        if not isinstance(last, Let) or last.value is not value:
            return value
        renamed = Value(value.dtype, last.value.lanes, label)
        block[-1] = Let(renamed, last.atom, last.operands)
        self.note((last.atom, value.dtype.short, renamed.lanes, *last.operands), renamed)
        return renamed

    def load(self, ref: Ref, lanes: int = 0, label: object = None) -> Operand:
        """An element or vector of memory. What has been read in this block is not read again."""
        found = self.known(ref)
        if found is None:
            found = Value(ref.memory.dtype, lanes, label)
            self.write(Load(found, ref))
            self.note(ref, found)
        return found

    def number(self, ref: Ref) -> Value:
        """An element of a table."""
        found = self.load(ref)
        assert isinstance(found, Value), "a table is written by no kernel"
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
        return self.let("minimum", INT64, operand(a), operand(b))

    def maximum(self, a: Number, b: Number) -> Value:
        """The greater of two int64 scalars."""
        return self.let("maximum", INT64, operand(a), operand(b))

    def difference(self, a: Number, b: Number) -> Value:
        """The difference of two int64 scalars."""
        return self.let("sub", INT64, operand(a), operand(b))

    def sum(self, a: Number, b: Number) -> Value:
        """The sum of two int64 scalars."""
        return self.let("add", INT64, operand(a), operand(b))

    def product(self, a: Number, b: Number) -> Value:
        """The product of two int64 scalars."""
        return self.let("mul", INT64, operand(a), operand(b))
