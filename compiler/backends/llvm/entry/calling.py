"""Native code of the entry: one function for all programs, driven by the table of each.

Compiled once per machine and kept in the object cache, so everything of this process (functions of CPython
and NumPy, the array type, None) is an external symbol.
"""

from __future__ import annotations

import ctypes

from compiler.backends.llvm.entry.arguments import take_arguments
from compiler.backends.llvm.entry.locks import ContextHeader, acquire_words, release_words
from compiler.backends.llvm.entry.ordering import item_of
from compiler.backends.llvm.entry.results import answer_of, drop_all, meets_demands, results_of, value_of
from compiler.backends.llvm.entry.table import MAXIMUM_SLOTS, Table
from compiler.backends.llvm.entry.widely import Workspace, are_taken_widely
from compiler.backends.llvm.jit.code import Byte, Code, External, Int
from compiler.backends.llvm.jit.routines import part, routine
from compiler.backends.llvm.jit.values import Pointer, Word

bytes_of = External("PyBytes_AsString", Pointer, Pointer)
call_object = External("PyObject_Vectorcall", Pointer, Pointer, Pointer, Word, Pointer)
leave_interpreter = External("PyEval_SaveThread", Pointer)
enter_interpreter = External("PyEval_RestoreThread", None, Pointer)


@part
def run_program(code: Code, table: Pointer, frame: Pointer, symbols: Pointer) -> Word:
    """Run the program, without the interpreter lock if it will take long."""
    known = table.fields(Table)
    predicted = value_of(code, known.at("picoseconds"), symbols)
    with code.when(predicted < known["limits"]["picoseconds"]):
        code.give(code.call(known["program"], Int, frame))
    thread = leave_interpreter(code)
    answer = code.call(known["program"], Int, frame)
    enter_interpreter(code, thread)
    return answer


@routine
def hand_on(code: Code, own: Pointer, given: Pointer, count: Word, keywords: Pointer) -> Pointer:
    """Call the fallback with the very same arguments."""
    return call_object(code, item_of(code, own, 1), given, count, keywords)


@part
def are_taken(
    code: Code, table: Pointer, work: Pointer, given: Pointer, count: Word, keywords: Pointer, frame: Pointer
) -> Byte:
    """Whether the program may run on what is given; writes symbols and addresses of arguments to `frame`."""
    known, symbols = table.fields(Table), frame.words.at(1)
    wanted, slots = known["arguments"]["count"], symbols.pointers.at(known["symbol_count"])
    with code.unless(keywords.is_null() & count.equals(wanted) & known["is_plain"].differs(0)):
        code.give(are_taken_widely(code, table, work, given, count, keywords, frame))
    rooms = work.fields(Workspace)
    rooms.at("ordered").pointers[count] = code.null()
    with code.when(take_arguments(code, table, given, symbols, slots, rooms.at("numbers")).equals(0)):
        code.give(0)
    return meets_demands(code, table, symbols)


@routine
def tinytorch_entry(code: Code, own: Pointer, given: Pointer, count: Word, keywords: Pointer) -> Pointer:
    """METH_FASTCALL | METH_KEYWORDS. `own` is a tuple: the table as bytes, the fallback, what is kept."""
    frame, work = code.room(8 * MAXIMUM_SLOTS), code.room(ctypes.sizeof(Workspace))
    table = bytes_of(code, item_of(code, own, 0))
    known, objects = table.fields(Table), work.fields(Workspace).at("objects")
    ordered = work.fields(Workspace).at("ordered")
    locks, lock_count = known["locks"]["first"], known["locks"]["count"]
    argument_count, result_count = known["arguments"]["count"], known["results"]["count"]
    symbols, symbol_count = frame.words.at(1), known["symbol_count"]
    result_slots = symbols.pointers.at(symbol_count + argument_count)
    frame.pointers[0] = known["context"]

    def decline() -> None:
        code.give(hand_on(code, own, given, count, keywords))

    with code.when(are_taken(code, table, work, given, count, keywords, frame).equals(0)):
        decline()
    out = ordered.pointers[argument_count]
    large = value_of(code, known.at("result_bytes"), symbols) >= known["limits"]["result_bytes"]
    with code.when(out.is_null() & large):
        decline()
    with code.when(acquire_words(code, locks, lock_count).equals(0)):
        decline()
    capacity = known["context"].fields(ContextHeader)["capacity"]
    with code.when(value_of(code, known.at("slab_bytes"), symbols) > capacity):
        release_words(code, locks, lock_count)
        decline()
    made = results_of(code, table, out, symbols, ordered, objects, result_slots)
    with code.when(made < result_count):
        release_words(code, locks, lock_count)
        drop_all(code, objects, made)
        code.give(code.null())
    status = run_program(code, table, frame, symbols)
    release_words(code, locks, lock_count)
    with code.when(status.differs(0)):
        drop_all(code, objects, result_count)
        decline()
    return answer_of(code, table, out, objects, ordered)
