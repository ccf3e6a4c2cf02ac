"""Native code of the entry: results of the extents that polynomials of the symbols give, new or given."""

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
from compiler.backends.llvm.entry.ordering import NONE, count_of, item_of
from compiler.backends.llvm.entry.overlaps import ApartRecord, Span, is_apart, write_span
from compiler.backends.llvm.entry.table import (
    MAXIMUM_FACTORS,
    MAXIMUM_RANK,
    ResultRecord,
    Table,
    Term,
)
from compiler.backends.llvm.jit.code import Byte, Code, External, Global, Int, routine
from compiler.backends.llvm.jit.memory import Items
from compiler.backends.llvm.jit.values import Pointer, Word

TUPLE_TYPE, LIST_TYPE, DICT_TYPE = (Global(f"{name}_type") for name in ("tuple", "list", "dict"))
take_reference = External("Py_IncRef", None, Pointer)
drop_reference = External("Py_DecRef", None, Pointer)
new_tuple = External("PyTuple_New", Pointer, Word)
set_item = External("PyTuple_SetItem", Int, Pointer, Word, Pointer)
list_item = External("PyList_GetItem", Pointer, Pointer, Word)
list_count = External("PyList_Size", Word, Pointer)
dict_item = External("PyDict_GetItemWithError", Pointer, Pointer, Pointer)
dict_count = External("PyDict_Size", Word, Pointer)
new_array = External("new_array", Pointer, Pointer, Pointer, Int, Pointer, Pointer, Pointer, Int, Pointer)


@routine
def value_of(code: Code, polynomial: Pointer, symbols: Pointer) -> Word:
    """The value of a polynomial, the terms of which are given."""
    items = polynomial.fields(Items)
    count, terms = items["count"], items["first"]
    with code.repeat(0, 0) as outer:
        i, total = outer.values
        outer.leave_unless(i < count)
        term = terms.element(Term, i)
        with code.repeat(0, term["coefficient"]) as inner:
            j, product = inner.values
            inner.leave_unless(j < MAXIMUM_FACTORS)
            symbol = term.at("symbols").words[j]
            inner.leave_unless(symbol >= 0)
            inner.again(j + 1, product * symbols.words[symbol])
        outer.again(i + 1, total + product)
    return total


@routine
def drop_all(code: Code, objects: Pointer, count: Word) -> None:
    """Drop the references to the first `count` objects."""
    with code.each(count) as i:
        drop_reference(code, objects.pointers[i])


@routine
def new_result(code: Code, record: Pointer, symbols: Pointer) -> Pointer:
    """A new array for one result, or null with an exception set."""
    known, extents = record.fields(ResultRecord), code.room(8 * MAXIMUM_RANK)
    dtype, rank, null = known["dtype"], known["rank"], code.null()
    with code.each(rank) as i:
        polynomial = known.at("extents").element(Items, i)
        extents.words[i] = value_of(code, polynomial.start, symbols)
    take_reference(code, dtype)  # NumPy takes over one
    return new_array(code, NDARRAY_TYPE(code), dtype, rank, extents, null, null, 0, null)


@routine
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


@routine
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


@routine
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


@routine
def results_of(
    code: Code, table: Pointer, out: Pointer, symbols: Pointer, objects: Pointer, frame: Pointer
) -> Word:
    """New results, or those that are given: as many references as there are now, and where memory is."""
    with code.when(out.is_null()):
        code.give(make_results(code, table, symbols, objects, frame))
    count = table.fields(Table)["results"]["count"]
    with code.each(count) as i:
        take_reference(code, objects.pointers[i])  # a list may lose it while the program runs
        frame.pointers[i] = objects.pointers[i].fields(ArrayHeader)["data"]
    return count


@routine
def make_results(code: Code, table: Pointer, symbols: Pointer, objects: Pointer, frame: Pointer) -> Word:
    """All results into `objects`, where their memory is into `frame`; how many could be made."""
    results = table.fields(Table)["results"]
    count, records = results["count"], results["first"]
    with code.each(count) as i:
        array = new_result(code, records.element(ResultRecord, i).start, symbols)
        with code.when(array.is_null()):
            code.give(i)
        objects.pointers[i] = array
        frame.pointers[i] = array.fields(ArrayHeader)["data"]
    return count


@routine
def answer_of(code: Code, table: Pointer, out: Pointer, objects: Pointer) -> Pointer:
    """What the caller gets: new results, or what was given for them. Takes over the references."""
    known = table.fields(Table)
    count = known["results"]["count"]
    with code.when(out.is_null()):
        code.give(packed(code, objects, count, known["form"]["is_bare"]))
    drop_all(code, objects, count)
    take_reference(code, out)
    return out


@routine
def packed(code: Code, objects: Pointer, count: Word, is_bare: Word) -> Pointer:
    """What the caller gets: None, the one array, or a tuple. Takes over the references."""
    with code.when(count.equals(0)):
        take_reference(code, NONE(code))
        code.give(NONE(code))
    with code.when(is_bare.differs(0)):
        code.give(objects.pointers[0])
    answer = new_tuple(code, count)
    with code.when(answer.is_null()):
        drop_all(code, objects, count)
        code.give(answer)
    with code.each(count) as i:
        set_item(code, answer, i, objects.pointers[i])
    return answer
