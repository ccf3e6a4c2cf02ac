"""Native code of the entry: results of the extents that polynomials of the symbols give, new or given."""

from __future__ import annotations

from compiler.backends.llvm.entry.arguments import NDARRAY_TYPE
from compiler.backends.llvm.entry.array_header import (
    ArrayHeader,
)
from compiler.backends.llvm.entry.ordering import NONE
from compiler.backends.llvm.entry.table import (
    MAXIMUM_FACTORS,
    MAXIMUM_RANK,
    ResultRecord,
    Table,
    Term,
)
from compiler.backends.llvm.jit.code import Byte, Code, External, Int
from compiler.backends.llvm.jit.memory import Items
from compiler.backends.llvm.jit.routines import part, routine
from compiler.backends.llvm.jit.values import Pointer, Word

take_reference = External("Py_IncRef", None, Pointer)
drop_reference = External("Py_DecRef", None, Pointer)
new_tuple = External("PyTuple_New", Pointer, Word)
set_item = External("PyTuple_SetItem", Int, Pointer, Word, Pointer)
copy_memory = External("memmove", Pointer, Pointer, Pointer, Word)
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


@part
def meets_demands(code: Code, table: Pointer, symbols: Pointer) -> Byte:
    """Whether no demand is negative."""
    known = table.fields(Table)
    demands = known["demands"]
    with code.each(demands["count"]) as i:
        demand = demands["first"].element(Items, i)
        with code.when(value_of(code, demand.start, symbols) < 0):
            code.give(0)
    return code.word(1)


@routine
def drop_all(code: Code, objects: Pointer, count: Word) -> None:
    """Drop the references to the first `count` objects."""
    with code.each(count) as i:
        drop_reference(code, objects.pointers[i])


@part
def new_result(code: Code, record: Pointer, symbols: Pointer) -> Pointer:
    """A new array for one result, or null with an exception set."""
    known, extents = record.fields(ResultRecord), code.room(8 * MAXIMUM_RANK)
    dtype, rank, null = known["dtype"], known["rank"], code.null()
    with code.each(rank) as i:
        polynomial = known.at("extents").element(Items, i)
        extents.words[i] = value_of(code, polynomial.start, symbols)
    take_reference(code, dtype)  # NumPy takes over one
    return new_array(code, NDARRAY_TYPE(code), dtype, rank, extents, null, null, 0, null)


@part
def result_of(code: Code, record: Pointer, symbols: Pointer, given: Pointer) -> Pointer:
    """The argument that is handed back for one result, or a new array."""
    handed = record.fields(ResultRecord)["handed"]
    with code.when(handed >= 0):
        take_reference(code, given.pointers[handed])
        code.give(given.pointers[handed])
    return new_result(code, record, symbols)


@part
def results_of(
    code: Code,
    table: Pointer,
    out: Pointer,
    symbols: Pointer,
    given: Pointer,
    objects: Pointer,
    frame: Pointer,
) -> Word:
    """New results, or those that are given: as many references as there are now, and where memory is.

    What is computed in an argument lies there, whatever is given for it.
    """
    with code.when(out.is_null()):
        code.give(make_results(code, table, symbols, given, objects, frame))
    results = table.fields(Table)["results"]
    count, records = results["count"], results["first"]
    with code.each(count) as i:
        take_reference(code, objects.pointers[i])  # a list may lose it while the program runs
        frame.pointers[i] = objects.pointers[i].fields(ArrayHeader)["data"]
        handed = records.element(ResultRecord, i)["handed"]
        with code.when(handed >= 0):
            frame.pointers[i] = given.pointers[handed].fields(ArrayHeader)["data"]
    return count


@part
def copy_handed(code: Code, table: Pointer, objects: Pointer, given: Pointer) -> None:
    """Copies what was computed in arguments to the results that are given for it."""
    results = table.fields(Table)["results"]
    count, records = results["count"], results["first"]
    with code.each(count) as i:
        record, array = records.element(ResultRecord, i), objects.pointers[i].fields(ArrayHeader)
        handed = record["handed"]
        with code.when(handed >= 0):
            with code.repeat(0, record["item_bytes"]) as loop:
                axis, size = loop.values
                loop.leave_unless(axis < array["rank"])
                loop.again(axis + 1, size * array["extents"].words[axis])
            copy_memory(code, array["data"], given.pointers[handed].fields(ArrayHeader)["data"], size)


@part
def make_results(
    code: Code, table: Pointer, symbols: Pointer, given: Pointer, objects: Pointer, frame: Pointer
) -> Word:
    """All results into `objects`, where their memory is into `frame`; how many could be made."""
    results = table.fields(Table)["results"]
    count, records = results["count"], results["first"]
    with code.each(count) as i:
        array = result_of(code, records.element(ResultRecord, i).start, symbols, given)
        with code.when(array.is_null()):
            code.give(i)
        objects.pointers[i] = array
        frame.pointers[i] = array.fields(ArrayHeader)["data"]
    return count


@part
def answer_of(code: Code, table: Pointer, out: Pointer, objects: Pointer, given: Pointer) -> Pointer:
    """What the caller gets: new results, or what was given for them. Takes over the references."""
    known = table.fields(Table)
    count = known["results"]["count"]
    with code.when(out.is_null()):
        code.give(packed(code, objects, count, known["form"]["is_bare"]))
    copy_handed(code, table, objects, given)
    drop_all(code, objects, count)
    take_reference(code, out)
    return out


@part
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
