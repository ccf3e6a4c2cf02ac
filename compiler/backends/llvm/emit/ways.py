"""How far the rows and the terms of a product lie from the first ones: strides, and tables of distances."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.backends.llvm.emit import words
from compiler.backends.llvm.emit.places import Places
from compiler.backends.llvm.emit.values import Values
from compiler.backends.llvm.jit.building import Builder
from compiler.backends.llvm.jit.kinds import Value as Register
from compiler.backends.llvm.jit.kinds import i64
from compiler.loops.language import Along, Ref


@dataclass(frozen=True, slots=True)
class Way:
    """A stride in elements, or the address of a table of int64."""

    register: Register
    is_table: bool

    def elements(self, builder: Builder, number: Register) -> Register:
        """How many elements from the first one row or term `number` lies."""
        if not self.is_table:
            return builder.mul(number, self.register)
        return words.load(builder, words.offset(builder, self.register, number, i64), i64)


def way(values: Values, places: Places, item: Along) -> Way:
    """A stride or a table in registers."""
    if isinstance(item, Ref):
        return Way(places.address(item), is_table=True)
    return Way(values.number(item), is_table=False)
