"""Copies of strided memory to strided memory, and of a literal over memory, as loops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from compiler.ir.dims import Extent, Shape, product
from compiler.ir.formula.tape import Const
from compiler.ir.types import INT64, DType
from compiler.loops.copying import Copy
from compiler.loops.drafts import Draft, number_of
from compiler.loops.language import (
    Count,
    For,
    Kernel,
    Literal,
    Memory,
    Operand,
    Ref,
    Stmt,
    Store,
    Value,
    refs,
)
from compiler.loops.places import Located, Pointer
from compiler.loops.writing import Writer


def copy(
    source: Located | Const, target: Located, shape: Shape, dtype: DType, labels: tuple[object, object]
) -> Draft:
    """Writes `source`, or a literal, over `target`; both have `shape`, and do not overlap.

    `labels` say what is read and what is written.
    """
    if isinstance(source, Located):
        source, target = _upward(source, target, shape, dtype.size)
    axes = [axis for axis, extent in enumerate(shape) if extent != 1]
    counts = [Count(shape[axis]) for axis in axes] or [Count(1)]
    indices = [Value(INT64) for _ in counts]
    writer = Writer()
    addresses: dict[Memory, Pointer] = {}

    def place(item: Located, label: object) -> Ref:
        memory = Memory(dtype, label=label)
        addresses[memory] = item.pointer
        steps = [number_of(item.strides[axis]) for axis in axes]
        return Ref(memory, tuple((i, n) for i, n in zip(indices, steps, strict=False) if n != 0))

    if isinstance(source, Located):
        value: Operand = writer.load(place(source, labels[0]))
    else:
        value = Literal.of(source.value, dtype)
    writer.write(Store(place(target, labels[1]), value))
    body: tuple[Stmt, ...] = tuple(writer.blocks[0])
    for index, count in zip(reversed(indices), reversed(counts), strict=True):
        body = (For(index, 0, count, body),)
    iterations = product([count.extent for count in counts])
    moves = tuple((dtype.size, _moved(ref, indices, counts)) for ref in _refs(writer))
    kernel = Kernel(tuple(addresses), Value(INT64), (), body)
    return Draft(kernel, counts[0], addresses, (), iterations, float(len(addresses)), moves)


@dataclass(frozen=True, slots=True)
class Part:
    """What memory is called that is one of several parts of an array."""

    whole: object
    number: int


def together(drafts: Sequence[Draft]) -> Draft:
    """Copies into parts of an array, whose first loops are alike, as one kernel: chunks do all of them."""
    index, count = Value(INT64), drafts[0].first
    body: list[Stmt] = []
    addresses: dict[Memory, Pointer] = {}
    for number, draft in enumerate(drafts):
        (loop,) = draft.kernel.body
        assert isinstance(loop, For)
        parts = {memory: Memory(memory.dtype, label=Part(memory.label, number)) for memory in draft.addresses}
        addresses |= {parts[memory]: pointer for memory, pointer in draft.addresses.items()}
        body += Copy({loop.index: index, **parts}).block(loop.body)
    iterations = sum((draft.iterations for draft in drafts), start=0)
    moves = tuple(item for draft in drafts for item in draft.moves)
    kernel = Kernel(tuple(addresses), Value(INT64), (), (For(index, 0, count, tuple(body)),))
    most = max(draft.instructions for draft in drafts)
    return Draft(kernel, count, addresses, (), iterations, most, moves)


def _upward(source: Located, target: Located, shape: Shape, size: int) -> tuple[Located, Located]:
    """Both with axes walked from the other end that are read downward, and not written side by side.

    Then what lies side by side is read so: taps of weights that are reversed as they are transposed.
    """
    for axis, extent in enumerate(shape):
        stride, other = source.strides[axis], target.strides[axis]
        if isinstance(stride, int) and stride < 0 and other != 1:
            source, target = (_from_the_end(item, axis, extent, size) for item in (source, target))
    return source, target


def _from_the_end(item: Located, axis: int, extent: Extent, size: int) -> Located:
    """A value from its last element along an axis on."""
    stride = item.strides[axis]
    pointer = replace(item.pointer, offset=item.pointer.offset + (extent - 1) * stride * size)
    return Located(pointer, (*item.strides[:axis], -stride, *item.strides[axis + 1 :]))


def _refs(writer: Writer) -> Sequence[Ref]:
    return [ref for stmt in writer.blocks[0] for ref in refs(stmt)]


def _moved(ref: Ref, indices: Sequence[Value], counts: Sequence[Count]) -> Extent:
    walked = {index for index, _ in ref.terms}
    return product([n.extent for index, n in zip(indices, counts, strict=True) if index in walked])
