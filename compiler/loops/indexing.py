"""gather and scatter_add as loops. Every index is checked before anything is written.

With `a` for the axes before the indexed one, `n` for the extent along it and `b` for the axes behind:

                gather                                          scatter_add
    plain       out[a, i, b] = x[a, index[i], b]                out[a, index[i], b] += x[a, i, b]
    batched     out[a, i, b] = x[a, index[a, i, b], b]          out[a, index[a, i, b], b] += x[a, i, b]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from compiler.ir.dims import Extent, Shape, product
from compiler.ir.node import Node
from compiler.ir.op import Gather, Reducer, ScatterAdd
from compiler.ir.types import BOOL, INT32, INT64
from compiler.loops.drafts import Draft, UnsupportedError, number_of
from compiler.loops.language import Check, Count, For, Kernel, Literal, Memory, Operand, Ref, Store, Value
from compiler.loops.places import Places, Pointer, Region
from compiler.loops.reductions import fold_atom
from compiler.loops.writing import Writer


@dataclass(frozen=True)
class IndexDraft:
    """The loops of a gather or scatter_add; the elements of `indices` must be below `extent`."""

    draft: Draft
    status: Memory
    indices: Node
    extent: Extent


def index_draft(node: Node, places: Places) -> IndexDraft:
    """The loops of a gather or scatter_add. Raises UnsupportedError for memory that no strides describe."""
    return _Indexing(node, places).write()


class _Indexing:
    """One such kernel while it is written."""

    def __init__(self, node: Node, places: Places) -> None:
        assert isinstance(node.op, Gather | ScatterAdd)
        self.node, self.op, self.is_gather = node, node.op, isinstance(node.op, Gather)
        self.is_batched = self.op.batched
        self.data, self.indices = node.operands if self.is_gather else node.operands[::-1]
        whole = self.data.type.shape if self.is_gather else node.type.shape
        count = self.indices.type.shape[self.op.axis] if self.is_batched else self.indices.type.size
        axis = self.op.axis
        self.extents = (product(whole[:axis]), whole[axis], count, product(whole[axis + 1 :]))
        before, extent, along, behind = map(Count, self.extents)
        self.loops = (before, along, behind)
        self.memory = tuple(Memory(n.type.dtype, label=n) for n in (self.data, self.indices, node))
        self.strides = self._strides(places)
        self.addresses = {
            memory: places[n].pointer
            for memory, n in zip(self.memory, (self.data, self.indices, node), strict=True)
        }
        self.extent = extent
        self.status = Memory(INT64)
        self.writer = Writer()

    def _strides(self, places: Places) -> tuple[tuple[Extent, ...], ...]:
        """Of data, of index and of the dense result, by a, by the indexed axis or i, and by b."""
        width = 1 if self.is_gather or self.is_batched else self.indices.type.rank
        rank = 1 if self.is_batched else self.indices.type.rank
        _, extent, along, behind = self.extents
        inside = along if self.is_gather else extent
        return (
            _grouped(self.data.type.shape, places[self.data].strides, self.op.axis, width),
            _grouped(
                self.indices.type.shape, places[self.indices].strides, self.op.axis * self.is_batched, rank
            ),
            (inside * behind, behind, 1),
        )

    def write(self) -> IndexDraft:
        """Checks, then zeros for a sum, then the moves."""
        first, count, last = self.loops
        checked = self.loops if self.is_batched else (None, count, None)
        self._nest(checked, self._check)
        if not self.is_gather:
            self._nest((first, self.extent, last), self._clear)
        self._nest(self.loops, self._move)
        addresses = {self.status: Pointer(Region.STATUS, 0), **self.addresses}
        kernel = Kernel((self.status, *self.memory), Value(INT64), (), tuple(self.writer.blocks[0]))
        iterations = product([n.extent for n in self.loops])
        draft = Draft(kernel, first, addresses, (), iterations, 40.0, ())
        return IndexDraft(draft, self.status, self.indices, self.extent.extent)

    def _nest(self, counts: Sequence[Count | None], inside: Callable[[Sequence[Value | None]], None]) -> None:
        indices: list[Value | None] = []

        def level(depth: int) -> None:
            if depth == len(counts):
                inside(indices)
                return
            count = counts[depth]
            if count is None or count.extent == 1:
                indices.append(None)
                level(depth + 1)
            else:
                index = Value(INT64)
                indices.append(index)
                with self.writer.block() as body:
                    level(depth + 1)
                self.writer.write(For(index, 0, count, tuple(body)))
            indices.pop()

        level(0)

    def _place(self, indices: Sequence[Value | None]) -> Value:
        """The index that is read, as an int64."""
        strides = self.strides[1]
        if not self.is_batched:
            indices, strides = indices[1:2], strides[1:2]
        value = self.writer.load(self._ref(self.memory[1], indices, strides))
        found = self.writer.cast(value, INT32, INT64) if self.memory[1].dtype is INT32 else value
        assert isinstance(found, Value)
        return found

    def _check(self, indices: Sequence[Value | None]) -> None:
        place, writer = self._place(indices), self.writer
        is_below = writer.let("lt", BOOL, place, self.extent)
        is_inside = writer.let("and", BOOL, is_below, writer.let("ge", BOOL, place, Literal.of(0, INT64)))
        writer.write(Check(is_inside, self.status))

    def _clear(self, indices: Sequence[Value | None]) -> None:
        target = self.memory[2]
        self.writer.write(Store(self._ref(target, indices, self.strides[2]), Literal.of(0, target.dtype)))

    def _move(self, indices: Sequence[Value | None]) -> None:
        """One element: from the place that the index names to i, or from i to that place."""
        place, writer = self._place(indices), self.writer
        data, _, result = self.memory
        if self.is_gather:
            value: Operand = writer.load(self._ref(data, indices, self.strides[0], place))
            writer.write(Store(self._ref(result, indices, self.strides[2]), value))
            return
        value = writer.load(self._ref(data, indices, self.strides[0]))
        target = self._ref(result, indices, self.strides[2], place)
        total = writer.let(fold_atom(Reducer.SUM), result.dtype, writer.load(target), value)
        writer.write(Store(target, total))

    def _ref(
        self,
        memory: Memory,
        indices: Sequence[Value | None],
        strides: Sequence[Extent],
        place: Value | None = None,
    ) -> Ref:
        """A place; `place` stands for the index along the indexed axis."""
        numbers = [number_of(stride) for stride in strides]
        known = list(indices)
        if place is not None:
            known[1] = place
        return Ref(
            memory, tuple((i, n) for i, n in zip(known, numbers, strict=True) if i is not None and n != 0)
        )


def _grouped(shape: Shape, strides: Shape, axis: int, width: int) -> tuple[Extent, ...]:
    """The stride by the axes before, those from `axis` on, and those behind."""
    found: list[Extent] = []
    for group in (slice(0, axis), slice(axis, axis + width), slice(axis + width, None)):
        pairs = [(n, s) for n, s in zip(shape[group], strides[group], strict=True) if n != 1]
        inner: Extent = pairs[-1][1] if pairs else 0
        step: Extent = inner
        for extent, stride in reversed(pairs):
            if stride != step:
                raise UnsupportedError("it indexes memory that is not one loop on each side of the axis")
            step = step * extent
        found.append(inner)
    return tuple(found)
