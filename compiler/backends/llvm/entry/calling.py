"""Native code of the entry: one function for all programs, driven by the table of each.

Compiled once per machine and kept in the object cache, so everything of this process (functions of CPython
and NumPy, the array type, None) is an external symbol.
"""

from __future__ import annotations

import ctypes
from typing import Annotated, Any

from compiler.backends.llvm.entry.arguments import take_arguments
from compiler.backends.llvm.entry.locks import ContextHeader, acquire_words, release_words
from compiler.backends.llvm.entry.ordering import item_of, order_arguments
from compiler.backends.llvm.entry.overlaps import Span, donated_lie_apart
from compiler.backends.llvm.entry.results import answer_of, drop_all, results_of, take_results, value_of
from compiler.backends.llvm.entry.table import MAXIMUM_SLOTS, Table
from compiler.backends.llvm.jit.code import Byte, Code, External, Int, routine
from compiler.backends.llvm.jit.memory import Items, Struct, struct
from compiler.backends.llvm.jit.values import Pointer, Word

bytes_of = External("PyBytes_AsString", Pointer, Pointer)
call_object = External("PyObject_Vectorcall", Pointer, Pointer, Pointer, Word, Pointer)
leave_interpreter = External("PyEval_SaveThread", Pointer)
enter_interpreter = External("PyEval_RestoreThread", None, Pointer)


@struct
class Workspace(Struct):
    """What a call writes down: its results, its arguments in order with `out` behind them, where they lie."""

    objects: Annotated[Any, ctypes.c_int64 * MAXIMUM_SLOTS]
    ordered: Annotated[Any, ctypes.c_int64 * MAXIMUM_SLOTS]
    spans: Annotated[Any, Span * MAXIMUM_SLOTS]


@routine
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


@routine
def are_taken(
    code: Code, table: Pointer, work: Pointer, given: Pointer, count: Word, keywords: Pointer, frame: Pointer
) -> Byte:
    """Whether the program may run on what is given; writes symbols and addresses of arguments to `frame`."""
    known, rooms = table.fields(Table), work.fields(Workspace)
    ordered, spans, symbols = rooms.at("ordered"), rooms.at("spans"), frame.words.at(1)
    demands, slots = known["demands"], symbols.pointers.at(known["symbol_count"])
    with code.when(order_arguments(code, table, given, count, keywords, ordered).equals(0)):
        code.give(0)
    with code.each(known["symbol_count"]) as i:
        symbols.words[i] = -1
    with code.when(take_arguments(code, table, ordered, symbols, slots).equals(0)):
        code.give(0)
    with code.each(demands["count"]) as i:
        demand = demands["first"].element(Items, i)
        with code.when(value_of(code, demand.start, symbols) < 0):
            code.give(0)
    out = ordered.pointers[known["arguments"]["count"]]
    has_out = ~out.is_null()
    is_close = has_out | known["has_donated"].differs(0)
    with code.when(is_close), code.when(donated_lie_apart(code, table, ordered, spans).equals(0)):
        code.give(0)
    with code.when(has_out):
        code.give(take_results(code, table, out, rooms.at("objects"), symbols, spans))
    large = value_of(code, known.at("result_bytes"), symbols) >= known["limits"]["result_bytes"]
    return code.choose(large, code.word(0), code.word(1))


@routine
def tinytorch_entry(code: Code, own: Pointer, given: Pointer, count: Word, keywords: Pointer) -> Pointer:
    """METH_FASTCALL | METH_KEYWORDS. `own` is a tuple: the table as bytes, the fallback, what is kept."""
    frame, work = code.room(8 * MAXIMUM_SLOTS), code.room(ctypes.sizeof(Workspace))
    table = bytes_of(code, item_of(code, own, 0))
    known, objects = table.fields(Table), work.fields(Workspace).at("objects")
    locks, lock_count = known["locks"]["first"], known["locks"]["count"]
    argument_count, result_count = known["arguments"]["count"], known["results"]["count"]
    symbols, symbol_count = frame.words.at(1), known["symbol_count"]
    result_slots = symbols.pointers.at(symbol_count + argument_count)
    frame.pointers[0] = known["context"]

    def decline() -> None:
        code.give(hand_on(code, own, given, count, keywords))

    with code.when(are_taken(code, table, work, given, count, keywords, frame).equals(0)):
        decline()
    out = work.fields(Workspace).at("ordered").pointers[argument_count]
    with code.when(acquire_words(code, locks, lock_count).equals(0)):
        decline()
    capacity = known["context"].fields(ContextHeader)["capacity"]
    with code.when(value_of(code, known.at("slab_bytes"), symbols) > capacity):
        release_words(code, locks, lock_count)
        decline()
    made = results_of(code, table, out, symbols, objects, result_slots)
    with code.when(made < result_count):
        release_words(code, locks, lock_count)
        drop_all(code, objects, made)
        code.give(code.null())
    status = run_program(code, table, frame, symbols)
    release_words(code, locks, lock_count)
    with code.when(status.differs(0)):
        drop_all(code, objects, result_count)
        decline()
    return answer_of(code, table, out, objects)
