"""What shares memory: native code that compares where arrays begin and end, and the memory of buffers.

Two arrays share memory if what lies between the first and the last byte of each does, as NumPy's
`may_share_memory` has it. An array without elements shares none.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

from compiler.backends.llvm.entry.arguments import NDARRAY_TYPE
from compiler.backends.llvm.entry.array_header import ArrayHeader
from compiler.backends.llvm.entry.table import ArgumentRecord, Table
from compiler.backends.llvm.jit.code import Byte, Code
from compiler.backends.llvm.jit.memory import I64, Blocks, Items, Struct, struct
from compiler.backends.llvm.jit.routines import part, routine
from compiler.backends.llvm.jit.values import Pointer, Word
from compiler.ir.op import Buffer


@struct
class Span(Struct):
    """Memory from the byte `first` on and before `last`."""

    first: I64
    last: I64


@struct
class ApartRecord(Struct):
    """The memory of buffers, once they all have arrays."""

    is_known: I64
    spans: Items


class Apart:
    """The memory of buffers, for native code at `address`. What a caller gives for results shares none."""

    def __init__(self, buffers: Sequence[Buffer]) -> None:
        self._buffers, self._blocks = buffers, Blocks()
        self.record = ApartRecord(is_known=not buffers)
        self.address = ctypes.addressof(self.record)

    def look(self) -> None:
        """Writes down where the buffers lie, if all have an array now."""
        if self.record.is_known or not all(buffer.is_made for buffer in self._buffers):
            return
        arrays = [buffer.array for buffer in self._buffers]
        starts = [array.__array_interface__["data"][0] for array in arrays]
        spans = [(start, start + array.nbytes) for start, array in zip(starts, arrays, strict=True)]
        self.record.spans = Items(*self._blocks.put(Span.numpy, spans))
        self.record.is_known = 1


@routine
def write_span(code: Code, array: Pointer, item_bytes: Word, place: Pointer) -> None:
    """Where an array lies; a number shares no memory."""
    known, span = array.fields(ArrayHeader), place.fields(Span)
    span["first"], span["last"] = 0, 0
    with code.unless(known["type"].same(NDARRAY_TYPE(code))):
        code.give()
    start, extents, strides = known["data"].number(), known["extents"].words, known["strides"].words
    span["first"], span["last"] = start, start + item_bytes
    with code.each(known["rank"]) as axis:
        extent = extents[axis]
        with code.when(extent.equals(0)):
            span["last"] = span["first"]
            code.give()
        way = (extent - 1) * strides[axis]
        with code.when(way < 0):
            span["first"] = span["first"] + way
        with code.when(way > 0):
            span["last"] = span["last"] + way


@routine
def is_apart(code: Code, place: Pointer, others: Pointer, count: Word) -> Byte:
    """Whether a span shares no memory with others."""
    first, last = place.fields(Span)["first"], place.fields(Span)["last"]
    with code.unless(first < last):
        code.give(1)
    with code.each(count) as i:
        other = others.element(Span, i)
        meets = (first < other["last"]) & (other["first"] < last)
        with code.when(meets & (other["first"] < other["last"])):
            code.give(0)
    return code.word(1)


@part
def donated_lie_apart(code: Code, table: Pointer, given: Pointer, spans: Pointer) -> Byte:
    """Whether donated arguments share memory with no other argument; writes the spans of all."""
    arguments = table.fields(Table)["arguments"]
    count = arguments["count"]
    with code.each(count) as i:
        record = arguments["first"].element(ArgumentRecord, i)
        write_span(code, given.pointers[i], record["item_bytes"], spans.element(Span, i).start)
    records = arguments["first"]
    with code.each(count) as i, code.when(records.element(ArgumentRecord, i)["is_donated"].differs(0)):
        here, behind = spans.element(Span, i).start, spans.element(Span, i + 1).start
        before = is_apart(code, here, spans, i)
        after = is_apart(code, here, behind, count - i - 1)
        with code.when((before & after).equals(0)):
            code.give(0)
    return code.word(1)
