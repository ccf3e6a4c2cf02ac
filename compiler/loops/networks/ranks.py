"""The ranks that a call wants, which it is given: each is checked, once, before anything is written."""

from __future__ import annotations

from compiler.ir.node import Node
from compiler.ir.types import BOOL, INT64
from compiler.loops.drafts import number_of
from compiler.loops.language import Check, For, Literal, Load, Memory, Ref, Value
from compiler.loops.places import Places, Pointer, Region
from compiler.loops.writing import Writer


class Ranks:
    """The ranks of a node's second operand, each of which is one of `width`."""

    def __init__(self, writer: Writer, node: Node, places: Places, width: int) -> None:
        self._writer, operand = writer, node.operands[1]
        located = places[operand]
        self._memory, self._stride = Memory(operand.type.dtype, label=operand), number_of(located.strides[0])
        status, index = Memory(INT64), Value(INT64)
        self.addresses = {self._memory: located.pointer, status: Pointer(Region.STATUS, 0)}
        with writer.block() as body:
            found = self.rank(index)
            for atom, bound in (("ge", 0), ("lt", width)):
                writer.write(Check(writer.let(atom, BOOL, found, Literal.of(bound, INT64)), status))
        count = node.type.shape[-1]
        assert isinstance(count, int)
        writer.write(For(index, 0, count, tuple(body)))

    def rank(self, place: Value) -> Value:
        """The rank of one result."""
        found = Value(self._memory.dtype)
        self._writer.write(Load(found, Ref(self._memory, ((place, self._stride),))))
        return found if found.dtype is INT64 else self._writer.let("cast", INT64, found)
