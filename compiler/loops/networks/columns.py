"""Columns of rows that lie in lanes, in a kernel's scratch memory: `work[column * lanes; of 16 rows]`.

before      16 rows of 100 elements                  after       100 vectors of 16 elements
            x[100*i + j]                                         work[16*j + i]
"""

from __future__ import annotations

from compiler.loops.drafts import Scratched
from compiler.loops.language import Load, Memory, Number, Ref, Store, Value
from compiler.loops.networks.comparing import Item, Kind
from compiler.loops.ways import Way


class Columns:
    """`size` items, one a column."""

    def __init__(self, way: Way, kind: Kind, size: int) -> None:
        self.way, self.kind, self.size = way, kind, size
        self.memories = [Memory(dtype, is_scratch=True) for dtype in kind.dtypes]

    @property
    def scratch(self) -> tuple[Scratched, ...]:
        """The memory that each chunk needs."""
        return tuple(Scratched(memory, self.size * self.way.lanes) for memory in self.memories)

    def ref(self, memory: Memory, column: Number) -> Ref:
        """A column's place."""
        writer = self.way.writer
        place = writer.sum(column, 0) if isinstance(column, int) else column
        assert isinstance(place, Value)
        return Ref(memory, ((self.way.chunk, self.size * self.way.lanes), (place, self.way.lanes)))

    def item(self, column: Number) -> Item:
        """A column."""
        found = tuple(Value(memory.dtype, self.way.lanes) for memory in self.memories)
        for memory, value in zip(self.memories, found, strict=True):
            self.way.writer.write(Load(value, self.ref(memory, column)))
        return found

    def put(self, column: Number, item: Item) -> None:
        """Stores a column."""
        for memory, value in zip(self.memories, item, strict=True):
            self.way.writer.write(Store(self.ref(memory, column), value))

    def end(self, start: int) -> None:
        """Stores the last item of any order from a column on."""
        writer, lanes = self.way.writer, self.way.lanes
        last = tuple(writer.let("splat", item.dtype, item, lanes=lanes) for item in self.kind.last)

        def column(place: Value) -> None:
            self.put(place, last)

        self.way.each((start, self.size), column)
