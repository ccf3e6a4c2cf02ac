"""Native code of the entry: arguments, their headers against their records."""

from __future__ import annotations

import numpy as np

from compiler.backends.llvm.entry.array_header import ArrayHeader, DTypeHeader, FloatHeader, ObjectHeader
from compiler.backends.llvm.entry.table import SYMBOLS, ArgumentRecord, Table
from compiler.backends.llvm.jit.code import Byte, Code, Global
from compiler.backends.llvm.jit.routines import part
from compiler.backends.llvm.jit.values import Pointer

NDARRAY_TYPE, FLOAT_TYPE = Global("ndarray_type"), Global("float_type")


@part
def fits_record(code: Code, thing: Pointer, wanted: Pointer, symbols: Pointer) -> Byte:
    """Whether an object is an array as its record wants it; binds symbols (-1 before) to its extents."""
    array, record = thing.fields(ArrayHeader), wanted.fields(ArgumentRecord)
    with code.unless(array["type"].same(NDARRAY_TYPE(code))):
        code.give(0)
    dtype = array["dtype"].fields(DTypeHeader)
    same = dtype["number"].equals(record["type_number"]) & array["rank"].equals(record["rank"])
    flags = record["flags"]
    usable = (array["flags"] & flags).equals(flags) & dtype["byte_order"].differs(ord(">"))
    with code.unless(same & usable):
        code.give(0)
    extents, wants = array["extents"].words, record.at("extents").words
    with code.each(array["rank"]) as axis:
        extent, want = extents[axis], wants[axis]
        with code.when(want < 0):
            bound = symbols.words[code.word(-1) - want]
            with code.when(bound < 0):
                symbols.words[code.word(-1) - want] = extent
            with code.when((bound >= 0) & bound.differs(extent)):
                code.give(0)
        with code.when((want >= 0) & want.differs(extent)):
            code.give(0)
    return code.word(1)


@part
def fit_strides(code: Code, thing: Pointer, wanted: Pointer, symbols: Pointer) -> Byte:
    """Whether neighbours of an array are as far apart as its record wants; binds symbols to distances."""
    array, record = thing.fields(ArrayHeader), wanted.fields(ArgumentRecord)
    extents, strides, wants = array["extents"].words, array["strides"].words, record.at("strides").words
    size = record["item_bytes"]
    with code.each(array["rank"]) as axis:
        is_alone = extents[axis].equals(1)
        stride, want = code.choose(is_alone, code.word(0), strides[axis]), wants[axis]
        with code.unless((stride & (size - 1)).equals(0)):
            code.give(0)
        with code.when(want <= SYMBOLS):
            symbols.words[code.word(SYMBOLS) - want] = stride // size
        with code.when((want > SYMBOLS) & ~is_alone & stride.differs(want * size)):
            code.give(0)
    return code.word(1)


@part
def take_number(code: Code, thing: Pointer, wanted: Pointer, place: Pointer) -> Byte:
    """Whether a record asks for one number that a Python float may be; writes it to `place`."""
    record, value = wanted.fields(ArgumentRecord), thing.fields(FloatHeader)["value"]
    number = record["type_number"]
    with code.when(record["rank"].differs(0) | record["is_donated"].differs(0)):
        code.give(0)
    with code.when(number.equals(np.dtype(np.float64).num)):
        place.words[0] = value
        code.give(1)
    with code.unless(number.equals(np.dtype(np.float32).num)):
        code.give(0)
    place.words[0] = value.as_float32()
    return code.word(1)


@part
def take_strides(code: Code, table: Pointer, given: Pointer, symbols: Pointer) -> Byte:
    """Whether the arguments that have strides lie as they say; binds symbols to distances."""
    arguments = table.fields(Table)["arguments"]
    with code.each(arguments["count"]) as i:
        record = arguments["first"].element(ArgumentRecord, i)
        with code.when(record["has_strides"].differs(0)):
            fits = fit_strides(code, given.pointers[i], record.start, symbols)
            with code.when(fits.equals(0)):
                code.give(0)
    return code.word(1)


@part
def take_arguments(
    code: Code, table: Pointer, given: Pointer, symbols: Pointer, frame: Pointer, numbers: Pointer
) -> Byte:
    """Whether all arguments fit; binds the symbols, and writes where their memory is to `frame`.

    What is given as a Python float lies among `numbers`.
    """
    arguments, symbol_count = table.fields(Table)["arguments"], table.fields(Table)["symbol_count"]
    with code.each(symbol_count) as i:
        symbols.words[i] = -1
    with code.each(arguments["count"]) as i:
        thing, record = given.pointers[i], arguments["first"].element(ArgumentRecord, i)
        is_float = thing.fields(ObjectHeader)["type"].same(FLOAT_TYPE(code))
        with code.when(is_float):
            with code.when(take_number(code, thing, record.start, numbers.words.at(i)).equals(0)):
                code.give(0)
            frame.pointers[i] = numbers.words.at(i)
        with code.unless(is_float):
            with code.when(fits_record(code, thing, record.start, symbols).equals(0)):
                code.give(0)
            frame.pointers[i] = thing.fields(ArrayHeader)["data"]
    return code.word(1)
