"""Native code of the entry: one function for all programs, driven by the table of each.

Compiled once per machine and kept in the object cache, so everything of this process (functions of CPython
and NumPy, the array type, None) is an external symbol.
"""

from __future__ import annotations

from compiler.backends.llvm.entry.arguments import take_arguments
from compiler.backends.llvm.entry.locks import ContextHeader, acquire_words, release_words
from compiler.backends.llvm.entry.results import drop_all, make_results, packed, value_of
from compiler.backends.llvm.entry.table import MAXIMUM_SLOTS, Table
from compiler.backends.llvm.jit.code import Code, External, Int, routine
from compiler.backends.llvm.jit.memory import Items
from compiler.backends.llvm.jit.values import Pointer, Word

item_of = External("PyTuple_GetItem", Pointer, Pointer, Word)
bytes_of = External("PyBytes_AsString", Pointer, Pointer)
call_object = External("PyObject_Vectorcall", Pointer, Pointer, Pointer, Word, Pointer)
leave_interpreter = External("PyEval_SaveThread", Pointer)
enter_interpreter = External("PyEval_RestoreThread", None, Pointer)


@routine
def run_program(code: Code, table: Pointer, frame: Pointer, symbols: Pointer) -> Word:
    """Run the program, without the interpreter lock if it will take long."""
    known = table.fields(Table)
    predicted = value_of(code, known.at("picoseconds"), symbols)
    with code.when(predicted < known["release_picoseconds"]):
        code.give(code.call(known["program"], Int, frame))
    thread = leave_interpreter(code)
    answer = code.call(known["program"], Int, frame)
    enter_interpreter(code, thread)
    return answer


@routine
def hand_on(code: Code, own: Pointer, given: Pointer, count: Word, keywords: Pointer) -> Pointer:
    """Call the fallback with the very same arguments."""
    return call_object(code, item_of(code, own, 1), given, count, keywords)


@routine
def tinytorch_entry(code: Code, own: Pointer, given: Pointer, count: Word, keywords: Pointer) -> Pointer:
    """METH_FASTCALL | METH_KEYWORDS. `own` is a tuple: the table as bytes, the fallback, what is kept."""
    frame, objects = code.room(8 * MAXIMUM_SLOTS), code.room(8 * MAXIMUM_SLOTS)
    table = bytes_of(code, item_of(code, own, 0))
    known = table.fields(Table)
    locks, lock_count = known["locks"]["first"], known["locks"]["count"]
    demands, result_count = known["demands"], known["results"]["count"]
    symbols, symbol_count = frame.words.at(1), known["symbol_count"]
    argument_slots = symbols.pointers.at(symbol_count)
    frame.pointers[0] = known["context"]

    def decline() -> None:
        code.give(hand_on(code, own, given, count, keywords))

    with code.unless(keywords.is_null() & count.equals(known["arguments"]["count"])):
        decline()
    with code.each(symbol_count) as i:
        symbols.words[i] = -1
    with code.when(take_arguments(code, table, given, symbols, argument_slots).equals(0)):
        decline()
    with code.when(value_of(code, known.at("result_bytes"), symbols) >= known["large_bytes"]):
        decline()
    with code.each(demands["count"]) as i:
        demand = demands["first"].element(Items, i)
        with code.when(value_of(code, demand.start, symbols) < 0):
            decline()
    with code.when(acquire_words(code, locks, lock_count).equals(0)):
        decline()
    capacity = known["context"].fields(ContextHeader)["capacity"]
    with code.when(value_of(code, known.at("slab_bytes"), symbols) > capacity):
        release_words(code, locks, lock_count)
        decline()
    made = make_results(code, table, symbols, objects, argument_slots.pointers.at(count))
    with code.when(made < result_count):
        release_words(code, locks, lock_count)
        drop_all(code, objects, made)
        code.give(code.null())
    status = run_program(code, table, frame, symbols)
    release_words(code, locks, lock_count)
    with code.when(status.differs(0)):
        drop_all(code, objects, result_count)
        decline()
    return packed(code, objects, result_count, known["is_bare"])
