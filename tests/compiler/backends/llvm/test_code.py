"""Routines: Python functions that emit native code, and the memory that they share with Python."""

import ctypes
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from compiler.backends.llvm.jit.cache import ObjectCache
from compiler.backends.llvm.jit.code import Code, Global, Unit
from compiler.backends.llvm.jit.engine import host_target
from compiler.backends.llvm.jit.memory import I32, I64, U8, Address, Blocks, Items, Struct, struct
from compiler.backends.llvm.jit.modules import Module
from compiler.backends.llvm.jit.routines import load_routines, part, routine
from compiler.backends.llvm.jit.values import Pointer, Word


@pytest.fixture
def cache(tmp_path: Path) -> ObjectCache:
    return ObjectCache(tmp_path / "objects")


@struct
class Head(Struct):
    small: I32
    byte: U8


@struct
class Record(Head):
    wide: I64
    items: Items
    where: Address


@routine
def total(code: Code, words: Pointer, count: Word) -> Word:
    with code.repeat(0, 0) as loop:
        i, so_far = loop.values
        loop.leave_unless(i < count)
        loop.again(i + 1, so_far + words.words[i])
    return so_far


@routine
def read(code: Code, place: Pointer) -> Word:
    record = place.fields(Record)
    record["wide"] = record["small"] * record["byte"]
    return record["wide"] + total(code, record["items"]["first"], record["items"]["count"])


@routine
def write(code: Code, place: Pointer, value: Word) -> None:
    record = place.fields(Record)
    record["small"], record["byte"], record["where"] = value, value, place
    code.give()


@routine
def first_negative(code: Code, words: Pointer, count: Word) -> Word:
    """Where it is; the count, if there is none."""
    with code.each(count) as i, code.unless(words.words[i] >= 0):
        code.give(i)
    return count


def called(cache, function, kinds, *arguments):
    address = load_routines([function], cache)
    result = ctypes.CFUNCTYPE(ctypes.c_int64, *kinds)(address[function.name])(*arguments)
    return result, address


def test_a_loop_carries_values(cache):
    words = np.array([5, -7, 40], np.int64)
    kinds = (ctypes.c_void_p, ctypes.c_int64)
    assert called(cache, total, kinds, words.ctypes.data, 3)[0] == 38
    assert called(cache, total, kinds, words.ctypes.data, 0)[0] == 0


def test_a_loop_is_left_by_a_return(cache):
    words = np.array([5, 7, -40, -1], np.int64)
    kinds = (ctypes.c_void_p, ctypes.c_int64)
    assert called(cache, first_negative, kinds, words.ctypes.data, 4)[0] == 2
    assert called(cache, first_negative, kinds, words.ctypes.data, 2)[0] == 2


def test_native_code_reads_the_fields_that_python_writes(cache):
    blocks = Blocks()
    record = Record(small=-3, byte=200, items=Items(*blocks.put(np.int64, [1, 2, 3])))
    assert called(cache, read, (ctypes.c_void_p,), ctypes.addressof(record))[0] == -600 + 6
    assert record.wide == -600


def test_python_reads_the_fields_that_native_code_writes(cache):
    record = Record()
    library = load_routines([write], cache)
    place = ctypes.addressof(record)
    ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(library["write"])(place, 2**32 + 258)
    assert (record.small, record.byte, record.wide, record.where) == (258, 2, 0, place)


def test_a_struct_lies_as_in_c_and_as_numpy_sees_it():
    names = ("small", "byte", "wide", "items", "where")
    assert [Record.offset_of(name) for name in names] == [0, 4, 8, 16, 32]
    assert Record.numpy.itemsize == ctypes.sizeof(Record) == 40
    assert [Record.numpy.fields[name][1] for name in names] == [0, 4, 8, 16, 32]


def test_a_routine_is_emitted_once_and_is_internal_unless_exported():
    unit = Unit(Module("both"), host_target(), ["read"])
    assert read.function(unit) is read.function(unit)
    assert not read.function(unit).internal
    assert total.function(unit).internal
    assert str(unit.module).count("define") == 2


def test_a_part_is_written_where_it_is_called(cache):
    @part
    def place_of(code: Code, words: Pointer, count: Word, wanted: Word) -> Word:
        with code.each(count) as i, code.when(words.words[i].equals(wanted)):
            code.give(i)
        return code.word(-1)

    @part
    def clear(code: Code, words: Pointer) -> None:
        with code.when(words.words[0].equals(7)):
            code.give()
        words.words[0] = 0

    @routine
    def search(code: Code, words: Pointer, count: Word, wanted: Word) -> Word:
        found = place_of(code, words, count, wanted) * 10 + place_of(code, words, 2, wanted)
        clear(code, words)
        return found

    unit = Unit(Module("parts"), host_target(), ["search"])
    search.function(unit)
    assert list(unit.module.globals) == ["search"]
    library = load_routines([search], cache)
    function = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)(
        library["search"]
    )
    words = (ctypes.c_int64 * 4)(7, 5, 3, 1)
    found = [function(ctypes.addressof(words), 4, wanted) for wanted in (7, 5, 1, 2)]
    assert (found, words[0]) == ([0, 11, 29, -11], 7)
    words[0] = 8
    assert (function(ctypes.addressof(words), 4, 8), words[0]) == (0, 0)


def test_what_is_cached_is_not_emitted_again(cache):
    emitted = []

    @routine
    def counted(code: Code, value: Word) -> Word:
        emitted.append(1)
        return value + 1

    for _ in range(2):
        assert called(cache, counted, (ctypes.c_int64,), 41)[0] == 42
    assert emitted == [1]


def test_memory_of_a_module_is_zero_at_first_and_atomic(cache):
    counter = Global("counter", 64)

    @routine
    def count(code: Code, step: Word) -> Word:
        with code.unless(counter(code).exchange(2, 100, "seq_cst", "monotonic")):
            counter(code).add(1, "seq_cst")
        return counter(code).load("acquire") * step

    library = load_routines([count], cache)
    function = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(library["count"])
    assert [function(1), function(10), function(1), function(1)] == [1, 20, 100, 101]


def test_a_value_has_no_truth_before_the_code_runs():
    @routine
    def wrong(code: Code, value: Word) -> Word:
        return value + 1 if value > 0 else value

    with pytest.raises(TypeError, match=r"asked with `code.when`, not with `if`"):
        wrong.function(Unit(Module("wrong"), host_target(), ["wrong"]))


def test_a_field_that_is_not_there_is_an_error():
    @routine
    def wrong(code: Code, place: Pointer) -> Word:
        return place.fields(Record)["narrow"]

    with pytest.raises(AttributeError, match="narrow"):
        wrong.function(Unit(Module("wrong"), host_target(), ["wrong"]))
