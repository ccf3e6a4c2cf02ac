"""gather and scatter_add as native loops. Every index is checked before anything is written.

With `a` for the axes before the indexed one, `n` for the extent along it and `b` for the axes behind:

    plain gather        out[a, i, b] = x[a, index[i], b]           scatter_add  out[a, index[i], b] += x[a,
    i, b] batched gather      out[a, i, b] = x[a, index[a, i, b], b]     scatter_add  out[a, index[a, i, b],
    b] += x[a, i, b]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from compiler.backends.llvm import emit
from compiler.backends.llvm.emit import index
from compiler.backends.llvm.formulas import Evaluator, memory_type
from compiler.backends.llvm.jit.engine import Target
from compiler.backends.llvm.jit.untyped import Builder, Value, ir
from compiler.backends.llvm.lanes import Instructions
from compiler.backends.llvm.library import Emit
from compiler.backends.llvm.moves import collapsed
from compiler.backends.llvm.nests import UnsupportedError
from compiler.backends.llvm.places import Places, Pointer, Region
from compiler.backends.llvm.steps import Launch, Scratch, Sizes
from compiler.backends.llvm.sums import joined
from compiler.ir.dims import Extent, Shape, evaluate, product
from compiler.ir.node import Node
from compiler.ir.op import Gather, Reducer, ScatterAdd
from compiler.ir.types import INT32, DType


@dataclass(frozen=True)
class IndexForm:
    """What the code depends on.

    Arguments: the status word, a, n, i, b, the addresses of data, index and result, then the strides of data
    and of index by a, i and b (those of a plain gather's data by a, the indexed axis and b).
    """

    is_gather: bool
    is_batched: bool
    dtype: DType
    index: DType


@dataclass(frozen=True)
class IndexStep:
    """A gather or scatter_add of dense arrays."""

    nodes: tuple[Node, ...]
    form: IndexForm
    extents: tuple[Extent, Extent, Extent, Extent]
    pointers: tuple[Pointer, Pointer, Pointer]
    strides: tuple[Extent, ...]
    data: Node
    indices: Node
    """The operand whose elements are checked."""

    @property
    def key(self) -> str:
        return f"indexing {self.form!r}"

    @property
    def kernels(self) -> Mapping[str, Emit]:
        """One kernel."""
        return {self.key: partial(_emit, self.form)}

    @property
    def picoseconds(self) -> Extent:
        """About a nanosecond an element."""
        before, _, count, behind = self.extents
        return before * count * behind * 1000

    def launches(self, sizes: Sizes, scratch: Scratch) -> list[Launch]:
        """One call."""
        numbers = [evaluate(extent, sizes) for extent in self.extents]
        strides = [evaluate(stride, sizes) for stride in self.strides]
        return [
            Launch(self.key, [Pointer(Region.STATUS, 0), *numbers, *self.pointers, *strides], checks=True)
        ]


def index_step(node: Node, places: Places) -> IndexStep:
    """The native step of a gather or scatter_add.

    Raises UnsupportedError for memory that no strides describe.
    """
    op = node.op
    assert isinstance(op, Gather | ScatterAdd)
    data, indices = node.operands if isinstance(op, Gather) else node.operands[::-1]
    width = 1 if isinstance(op, Gather) or op.batched else indices.type.rank
    strides = [
        *_grouped(data.type.shape, places[data].strides, op.axis, width),
        *_grouped(
            indices.type.shape,
            places[indices].strides,
            op.axis if op.batched else 0,
            1 if op.batched else indices.type.rank,
        ),
    ]
    whole = data.type.shape if isinstance(op, Gather) else node.type.shape
    behind = product(whole[op.axis + 1 :])
    count = indices.type.shape[op.axis] if op.batched else indices.type.size
    extents = (product(whole[: op.axis]), whole[op.axis], count, behind)
    form = IndexForm(isinstance(op, Gather), op.batched, data.type.dtype, indices.type.dtype)
    pointers = (places[data].pointer, places[indices].pointer, places[node].pointer)
    return IndexStep((node,), form, extents, pointers, tuple(strides), data, indices)


def _grouped(shape: Shape, strides: Shape, axis: int, width: int) -> list[Extent]:
    """The stride by the axes before, those from `axis` on, and those behind."""
    found: list[Extent] = []
    for group in (slice(0, axis), slice(axis, axis + width), slice(axis + width, None)):
        extents, rows = collapsed(shape[group], [strides[group]])
        if len(extents) > 1:
            raise UnsupportedError("it indexes memory that is not one loop on each side of the axis")
        found.append(rows[0][0])
    return found


def _emit(form: IndexForm, builder: Builder, _target: Target, numbers: Value, _chunk: Value) -> None:
    _Indexing(builder, form, numbers).emit()


class _Indexing:
    """One such kernel while it is emitted."""

    def __init__(self, builder: Builder, form: IndexForm, numbers: Value) -> None:
        def read(k: int) -> Value:
            return emit.load(builder, emit.offset(builder, numbers, index(k), emit.i64), emit.i64)

        self.builder, self.form = builder, form
        self.status, *pointers = (builder.inttoptr(read(k), emit.pointer) for k in (0, 5, 6, 7))
        self.data, self.index, self.result = pointers
        self.before, self.extent, self.count, self.behind = (read(k) for k in range(1, 5))
        self.data_strides = [read(k) for k in range(8, 11)]
        self.index_strides = [read(k) for k in range(11, 14)]
        self.element = memory_type(form.dtype)

    def emit(self) -> None:
        """Checks, then zeros for a sum, then the moves."""
        with self.builder.if_else(self._is_wrong()) as (refused, accepted):
            with refused:
                emit.store(self.builder, index(1), self.status)
            with accepted:
                if not self.form.is_gather:
                    self._clear()
                self._moves()

    def _is_wrong(self) -> Value:
        """Whether an index is outside."""
        builder = self.builder
        flag = emit.stack_array(builder, emit.i8, 1)
        emit.store(builder, ir.Constant(emit.i8, 0), flag)
        one = index(1)
        before, behind = (self.before, self.behind) if self.form.is_batched else (one, one)
        outside = emit.counted_loop(builder, index(0), before)
        along = emit.counted_loop(builder, index(0), self.count)
        with outside as a, along as i, emit.counted_loop(builder, index(0), behind) as b:
            wrong = builder.icmp_unsigned(">=", self._index(a.index, i.index, b.index), self.extent)
            old = emit.load(builder, flag, emit.i8)
            emit.store(builder, builder.or_(old, builder.zext(wrong, emit.i8)), flag)
        return builder.icmp_unsigned("!=", emit.load(builder, flag, emit.i8), ir.Constant(emit.i8, 0))

    def _index(self, *places: Value) -> Value:
        kind = memory_type(self.form.index)
        address = emit.offset(self.builder, self.index, self._along(places, self.index_strides), kind)
        value = emit.load(self.builder, address, kind)
        return self.builder.sext(value, emit.i64) if self.form.index is INT32 else value

    def _along(self, places: Sequence[Value], strides: Sequence[Value]) -> Value:
        """The elements from the start."""
        total = index(0)
        for place, stride in zip(places, strides, strict=True):
            total = self.builder.add(total, self.builder.mul(place, stride))
        return total

    def _clear(self) -> None:
        builder = self.builder
        total = builder.mul(builder.mul(self.before, self.extent), self.behind)
        with emit.counted_loop(builder, index(0), total) as loop:
            address = emit.offset(builder, self.result, loop.index, self.element)
            emit.store(builder, ir.Constant(self.element, 0), address)

    def _moves(self) -> None:
        builder, zero = self.builder, index(0)
        before = emit.counted_loop(builder, zero, self.before)
        with before as a, emit.counted_loop(builder, zero, self.count) as i:
            picked = None if self.form.is_batched else self._index(zero, i.index, zero)
            with emit.counted_loop(builder, zero, self.behind) as b:
                place = self._index(a.index, i.index, b.index) if picked is None else picked
                self._move(a.index, i.index, place, b.index)

    def _flat(self, a: Value, extent: Value, along: Value, b: Value) -> Value:
        """A place in the dense result."""
        builder = self.builder
        row = builder.add(builder.mul(a, extent), along)
        return emit.offset(builder, self.result, builder.add(builder.mul(row, self.behind), b), self.element)

    def _move(self, a: Value, i: Value, place: Value, b: Value) -> None:
        """One element: from `place` to i, or from i to `place`."""
        builder, dtype = self.builder, self.form.dtype
        source = place if self.form.is_gather else i
        address = emit.offset(
            builder, self.data, self._along([a, source, b], self.data_strides), self.element
        )
        value = emit.load(builder, address, self.element)
        if self.form.is_gather:
            emit.store(builder, value, self._flat(a, self.count, i, b))
            return
        target = self._flat(a, self.extent, place, b)
        old = emit.load(builder, target, self.element)
        emit.store(
            builder, joined(Evaluator(builder, 0, Instructions()), Reducer.SUM, dtype, old, value), target
        )
