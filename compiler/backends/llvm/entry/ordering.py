"""Native code of the entry: arguments by position and by name, in the order of the inputs, and `out`."""

from __future__ import annotations

from compiler.backends.llvm.entry.table import Table
from compiler.backends.llvm.jit.code import Byte, Code, External, Global, Int
from compiler.backends.llvm.jit.routines import part
from compiler.backends.llvm.jit.values import Pointer, Word

NONE = Global("none")
item_of = External("PyTuple_GetItem", Pointer, Pointer, Word)
count_of = External("PyTuple_Size", Word, Pointer)
compare_strings = External("PyUnicode_Compare", Int, Pointer, Pointer)


@part
def place_of(code: Code, table: Pointer, name: Pointer) -> Word:
    """The place of a name among those of the table; -1 for another one."""
    names = table.fields(Table)["names"]
    known = names["first"].pointers
    with code.each(names["count"]) as i, code.when(known[i].same(name)):
        code.give(i)
    with code.each(names["count"]) as i, code.when(compare_strings(code, known[i], name).equals(0)):
        code.give(i)
    return code.word(-1)


@part
def order_arguments(
    code: Code, table: Pointer, given: Pointer, count: Word, keywords: Pointer, ordered: Pointer
) -> Byte:
    """Whether each input is given once; writes them in order, and behind them `out`, or null."""
    wanted = table.fields(Table)["arguments"]["count"]
    with code.when(count > wanted):
        code.give(0)
    with code.each(count) as i:
        ordered.pointers[i] = given.pointers[i]
    with code.each(wanted + 1, count) as i:
        ordered.pointers[i] = code.null()
    with code.unless(keywords.is_null()), code.each(count_of(code, keywords)) as k:
        place = place_of(code, table, item_of(code, keywords, k))
        with code.when(place < 0):
            code.give(0)
        with code.unless(ordered.pointers[place].is_null()):
            code.give(0)
        ordered.pointers[place] = given.pointers[count + k]
    with code.each(wanted) as i, code.when(ordered.pointers[i].is_null()):
        code.give(0)
    with code.when(ordered.pointers[wanted].same(NONE(code))):
        ordered.pointers[wanted] = code.null()
    return code.word(1)
