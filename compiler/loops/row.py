"""A row of an array, of a group's number, whose elements are evenly apart."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.ir.node import Node
from compiler.loops.drafts import evenly_apart, number_of
from compiler.loops.language import Memory, Number, Ref, Value
from compiler.loops.places import Places, Pointer


@dataclass(frozen=True)
class Row:
    """Where it lies: rows are `apart`, elements `along`."""

    memory: Memory
    pointer: Pointer
    apart: Number
    along: Number
    group: Value

    @classmethod
    def of(cls, node: Node, places: Places, group: Value) -> Row:
        """The rows of a value. Raises UnsupportedError where they are not evenly apart."""
        located = places[node]
        apart = evenly_apart(node.type.shape[:-1], located.strides[:-1])
        memory = Memory(node.type.dtype, label=node)
        return cls(memory, located.pointer, number_of(apart), number_of(located.strides[-1]), group)

    def ref(self, place: Value, *, is_vector: bool = False) -> Ref:
        """An element, or those from it on."""
        terms = tuple(term for term in ((self.group, self.apart), (place, self.along)) if term[1] != 0)
        return Ref(self.memory, terms, self.along if is_vector else 1)
