"""Native code of the entry: what a caller gives for the results, against their records."""

from __future__ import annotations

from compiler.backends.llvm.entry.arguments import NDARRAY_TYPE
from compiler.backends.llvm.entry.array_header import (
    ALIGNED,
    C_CONTIGUOUS,
    WRITEABLE,
    ArrayHeader,
    DTypeHeader,
    ObjectHeader,
)
from compiler.backends.llvm.entry.ordering import count_of, item_of
from compiler.backends.llvm.entry.overlaps import ApartRecord, Span, is_apart, write_span
from compiler.backends.llvm.entry.results import value_of
from compiler.backends.llvm.entry.table import ResultRecord, Table
from compiler.backends.llvm.jit.code import Byte, Code, External, Global
from compiler.backends.llvm.jit.memory import Items
from compiler.backends.llvm.jit.routines import part
from compiler.backends.llvm.jit.values import Pointer, Word

TUPLE_TYPE, LIST_TYPE, DICT_TYPE = (Global(f"{name}_type") for name in ("tuple", "list", "dict"))
list_item = External("PyList_GetItem", Pointer, Pointer, Word)
list_count = External("PyList_Size", Word, Pointer)
dict_item = External("PyDict_GetItemWithError", Pointer, Pointer, Pointer)
dict_count = External("PyDict_Size", Word, Pointer)


@part
def unpack(code: Code, table: Pointer, out: Pointer, objects: Pointer) -> Byte:
    """Whether what is given for the results is arranged as they are; writes them to `objects`."""
    known = table.fields(Table)
    form, count, kind = known["form"], known["results"]["count"], out.fields(ObjectHeader)["type"]
    keys = form["keys"]
    with code.when(form["is_bare"].differs(0)):
        objects.pointers[0] = out
        code.give(1)
    with code.when(keys["count"] > 0):
        with code.unless(kind.same(DICT_TYPE(code))):
            code.give(0)
        with code.when(dict_count(code, out).differs(count)):
            code.give(0)
        with code.each(count) as i:
            objects.pointers[i] = dict_item(code, out, keys["first"].pointers[i])
            with code.when(objects.pointers[i].is_null()):
                code.give(0)
        code.give(1)
    with code.when(kind.same(TUPLE_TYPE(code))):
        with code.when(count_of(code, out).differs(count)):
            code.give(0)
        with code.each(count) as i:
            objects.pointers[i] = item_of(code, out, i)
        code.give(1)
    with code.unless(kind.same(LIST_TYPE(code))):
        code.give(0)
    with code.when(list_count(code, out).differs(count)):
        code.give(0)
    with code.each(count) as i:
        objects.pointers[i] = list_item(code, out, i)
    return code.word(1)


@part
def fits_result(code: Code, thing: Pointer, record: Pointer, symbols: Pointer) -> Byte:
    """Whether an object is an array that a result may be written to."""
    array, known = thing.fields(ArrayHeader), record.fields(ResultRecord)
    with code.unless(array["type"].same(NDARRAY_TYPE(code))):
        code.give(0)
    dtype, flags = array["dtype"].fields(DTypeHeader), C_CONTIGUOUS | ALIGNED | WRITEABLE
    same = dtype["number"].equals(known["type_number"]) & array["rank"].equals(known["rank"])
    usable = (array["flags"] & flags).equals(flags) & dtype["byte_order"].differs(ord(">"))
    with code.unless(same & usable):
        code.give(0)
    with code.each(array["rank"]) as axis:
        polynomial = known.at("extents").element(Items, axis)
        with code.when(value_of(code, polynomial.start, symbols).differs(array["extents"].words[axis])):
            code.give(0)
    return code.word(1)


@part
def take_results(
    code: Code, table: Pointer, out: Pointer, objects: Pointer, symbols: Pointer, spans: Pointer
) -> Byte:
    """Whether what is given as `out` fits, and shares no memory with what the program reads.

    `spans` are those of the arguments, with room behind them for those of the results.
    """
    known = table.fields(Table)
    apart = known["apart"]
    with code.when(unpack(code, table, out, objects).equals(0)):
        code.give(0)
    with code.unless(apart.is_null()), code.when(apart.fields(ApartRecord)["is_known"].equals(0)):
        code.give(0)
    with code.each(known["results"]["count"]) as i:
        thing, record = objects.pointers[i], known["results"]["first"].element(ResultRecord, i)
        with code.when(fits_result(code, thing, record.start, symbols).equals(0)):
            code.give(0)
        before = known["arguments"]["count"] + i
        span = spans.element(Span, before).start
        write_span(code, thing, record["item_bytes"], span)
        with code.when(is_apart(code, span, spans, before).equals(0)):
            code.give(0)
        with code.unless(apart.is_null()):
            buffers = apart.fields(ApartRecord)["spans"]
            with code.when(is_apart(code, span, buffers["first"], buffers["count"]).equals(0)):
                code.give(0)
    return code.word(1)
