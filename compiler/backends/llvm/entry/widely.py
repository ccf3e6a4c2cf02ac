"""Native code of the entry for what is seldom given: names, results, and what is donated or not contiguous.

It takes as long to compile as the rest of the entry, so it is loaded when the first call asks for it: the
entry leaves word and hands such calls on until the code is there.
"""

from __future__ import annotations

import ctypes
from typing import Annotated, Any

from compiler.backends.llvm.entry.arguments import take_arguments, take_strides
from compiler.backends.llvm.entry.given import take_results
from compiler.backends.llvm.entry.ordering import order_arguments
from compiler.backends.llvm.entry.overlaps import Span, donated_lie_apart
from compiler.backends.llvm.entry.results import meets_demands
from compiler.backends.llvm.entry.table import MAXIMUM_SLOTS, Table
from compiler.backends.llvm.jit.code import Byte, Code, Global
from compiler.backends.llvm.jit.memory import I64, Address, Struct, struct
from compiler.backends.llvm.jit.routines import part, routine
from compiler.backends.llvm.jit.values import Pointer, Word

WIDE = Global("wide")
"""The WideRecord of this process."""


@struct
class WideRecord(Struct):
    """Where `tinytorch_are_taken` lies, or 0, and whether a call has asked for it."""

    function: Address
    is_wanted: I64


@struct
class Workspace(Struct):
    """What a call writes down: results, arguments in order and `out` behind them, numbers, where they lie."""

    objects: Annotated[Any, ctypes.c_int64 * MAXIMUM_SLOTS]
    ordered: Annotated[Any, ctypes.c_int64 * MAXIMUM_SLOTS]
    numbers: Annotated[Any, ctypes.c_int64 * MAXIMUM_SLOTS]
    spans: Annotated[Any, Span * MAXIMUM_SLOTS]


@routine
def tinytorch_are_taken(
    code: Code, table: Pointer, work: Pointer, given: Pointer, count: Word, keywords: Pointer, frame: Pointer
) -> Byte:
    """Whether the program may run on what is given; writes symbols and addresses of arguments to `frame`."""
    known, rooms = table.fields(Table), work.fields(Workspace)
    ordered, spans, symbols = rooms.at("ordered"), rooms.at("spans"), frame.words.at(1)
    slots = symbols.pointers.at(known["symbol_count"])
    with code.when(order_arguments(code, table, given, count, keywords, ordered).equals(0)):
        code.give(0)
    with code.when(take_arguments(code, table, ordered, symbols, slots, rooms.at("numbers")).equals(0)):
        code.give(0)
    with code.when(take_strides(code, table, ordered, symbols).equals(0)):
        code.give(0)
    with code.when(meets_demands(code, table, symbols).equals(0)):
        code.give(0)
    out = ordered.pointers[known["arguments"]["count"]]
    with code.when(donated_lie_apart(code, table, ordered, spans).equals(0)):
        code.give(0)
    with code.unless(out.is_null()):
        code.give(take_results(code, table, out, rooms.at("objects"), symbols, spans))
    return code.word(1)


@part
def are_taken_widely(
    code: Code, table: Pointer, work: Pointer, given: Pointer, count: Word, keywords: Pointer, frame: Pointer
) -> Byte:
    """As `tinytorch_are_taken`; 0 where it is not loaded yet."""
    record = WIDE(code).fields(WideRecord)
    function = record["function"]
    with code.when(function.is_null()):
        record["is_wanted"] = 1
        code.give(0)
    return code.call(function, Byte, table, work, given, count, keywords, frame)
