"""gather and scatter_add as native loops. Every index is checked before anything is written.

With `a` for the axes before the indexed one, `n` for the extent along it and `b` for the axes behind:

    plain gather        out[a, i, b] = x[a, index[i], b]           scatter_add  out[a, index[i], b] += x[a,
    i, b] batched gather      out[a, i, b] = x[a, index[a, i, b], b]     scatter_add  out[a, index[a, i, b],
    b] += x[a, i, b]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from compiler.backends.llvm import emit
from compiler.backends.llvm.emit import index
from compiler.backends.llvm.engine import Target
from compiler.backends.llvm.formulas import Evaluator, memory_type
from compiler.backends.llvm.lanes import Instructions
from compiler.backends.llvm.library import Emit
from compiler.backends.llvm.nests import UnsupportedError
from compiler.backends.llvm.places import Places, Pointer, Region, dense_strides
from compiler.backends.llvm.steps import Launch, Scratch, Sizes
from compiler.backends.llvm.sums import joined
from compiler.backends.llvm.untyped import Builder, Value, ir
from compiler.ir.dims import Extent, evaluate, product
from compiler.ir.node import Node
from compiler.ir.op import Gather, Reducer, ScatterAdd
from compiler.ir.types import INT32, DType


@dataclass(frozen=True)
class IndexForm:
    """What the code depends on.

    Arguments: the status word, a, n, i, b, the addresses of data, index and result.
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

    def text(self) -> str:
        """The line of the module's docstring that it is."""
        name = "gather" if self.form.is_gather else "scatter_add"
        return f"# {'batched ' if self.form.is_batched else ''}{name} of {self.form.dtype}\n"

    def launches(self, sizes: Sizes, scratch: Scratch) -> list[Launch]:
        """One call."""
        numbers = [evaluate(extent, sizes) for extent in self.extents]
        return [Launch(self.key, [Pointer(Region.STATUS, 0), *numbers, *self.pointers], checks=True)]


def index_step(node: Node, places: Places) -> IndexStep:
    """The native step of a gather or scatter_add. Raises UnsupportedError for operands that are not dense."""
    op = node.op
    assert isinstance(op, Gather | ScatterAdd)
    data, indices = node.operands if isinstance(op, Gather) else node.operands[::-1]
    if any(places[item].strides != dense_strides(item.type.shape) for item in (data, indices)):
        raise UnsupportedError("it indexes memory that is not dense")
    whole = data.type.shape if isinstance(op, Gather) else node.type.shape
    behind = product(whole[op.axis + 1 :])
    count = indices.type.shape[op.axis] if op.batched else indices.type.size
    extents = (product(whole[: op.axis]), whole[op.axis], count, behind)
    form = IndexForm(isinstance(op, Gather), op.batched, data.type.dtype, indices.type.dtype)
    pointers = (places[data].pointer, places[indices].pointer, places[node].pointer)
    return IndexStep((node,), form, extents, pointers, indices)


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
        self.element = memory_type(form.dtype)

    def emit(self) -> None:
        """Checks, then zeros for a sum, then the moves."""
        builder = self.builder
        total = self.count
        if self.form.is_batched:
            total = builder.mul(builder.mul(self.before, self.count), self.behind)
        with emit.counted_loop(builder, index(0), total, carried=[ir.Constant(emit.i1, 0)]) as checks:
            is_wrong = builder.icmp_unsigned(">=", self._index(checks.index), self.extent)
            checks.next.append(builder.or_(checks.values[0], is_wrong))
        with builder.if_else(checks.results[0]) as (refused, accepted):
            with refused:
                emit.store(builder, index(1), self.status)
            with accepted:
                if not self.form.is_gather:
                    self._clear()
                self._moves()

    def _index(self, position: Value) -> Value:
        kind = memory_type(self.form.index)
        value = emit.load(self.builder, emit.offset(self.builder, self.index, position, kind), kind)
        return self.builder.sext(value, emit.i64) if self.form.index is INT32 else value

    def _clear(self) -> None:
        builder = self.builder
        total = builder.mul(builder.mul(self.before, self.extent), self.behind)
        with emit.counted_loop(builder, index(0), total) as loop:
            address = emit.offset(builder, self.result, loop.index, self.element)
            emit.store(builder, ir.Constant(self.element, 0), address)

    def _moves(self) -> None:
        builder = self.builder
        before = emit.counted_loop(builder, index(0), self.before)
        with before as a, emit.counted_loop(builder, index(0), self.count) as i:
            row = builder.add(builder.mul(a.index, self.count), i.index)
            picked = None if self.form.is_batched else self._index(i.index)
            with emit.counted_loop(builder, index(0), self.behind) as b:
                short = builder.add(builder.mul(row, self.behind), b.index)
                place = self._index(short) if picked is None else picked
                line = builder.add(builder.mul(a.index, self.extent), place)
                self._move(short, builder.add(builder.mul(line, self.behind), b.index))

    def _move(self, short: Value, long: Value) -> None:
        """`short` is a position among the picked elements, `long` one in the indexed array."""
        builder, dtype = self.builder, self.form.dtype
        if self.form.is_gather:
            value = emit.load(builder, emit.offset(builder, self.data, long, self.element), self.element)
            emit.store(builder, value, emit.offset(builder, self.result, short, self.element))
            return
        values = Evaluator(builder, 0, Instructions())
        value = emit.load(builder, emit.offset(builder, self.data, short, self.element), self.element)
        address = emit.offset(builder, self.result, long, self.element)
        old = emit.load(builder, address, self.element)
        emit.store(builder, joined(values, Reducer.SUM, dtype, old, value), address)
