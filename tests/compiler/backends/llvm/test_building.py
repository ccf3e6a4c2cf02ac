"""Modules of LLVM IR that are written as text: what LLVM makes of it."""

import ctypes

import pytest

pytest.importorskip("llvmlite")

from compiler.backends.llvm.jit import engine
from compiler.backends.llvm.jit.building import Builder
from compiler.backends.llvm.jit.kinds import (
    Constant,
    f32,
    f64,
    i1,
    i8,
    i32,
    i64,
    integer,
    numbers_of,
    pointer,
    splatted,
    undefined,
    vector_of,
    zero,
)
from compiler.backends.llvm.jit.modules import Module


def compiled(answer, given, write):
    """The function that `write` appends to a builder, from its arguments."""
    module = Module("one")
    function = module.function("f", answer, given)
    builder = Builder(function)
    builder.ret(write(builder, *function.args))
    library = engine.load(module, ["f"])
    known = {i64: ctypes.c_int64, f64: ctypes.c_double, pointer: ctypes.c_void_p}
    call = ctypes.CFUNCTYPE(known[answer], *map(known.get, given))(library["f"])
    call.library = library
    return call


def test_equal_types_are_one_object():
    assert integer(32) is i32
    assert vector_of(f32, 8) is vector_of(f32, 8)
    assert (vector_of(f32, 8).element, vector_of(f32, 8).count) == (f32, 8)
    assert (f32.element, f32.count, i8.width) == (f32, 0, 8)


@pytest.mark.parametrize("number", [0.1, -0.0, float("inf"), float("nan"), 5e-324, 1.5])
def test_floats_are_written_to_the_last_bit(number):
    found = compiled(f64, [], lambda builder: Constant(f64, number))()
    assert ctypes.c_double(found).value.hex() == number.hex()


def test_a_float_of_32_bits_is_rounded_first():
    found = compiled(f64, [], lambda builder: builder.fpext(Constant(f32, 0.1), f64))()
    assert found == ctypes.c_float(0.1).value


def test_lanes_are_chosen_set_and_taken():
    def write(builder, value):
        lanes = builder.insert_element(undefined(vector_of(i64, 4)), value, Constant(i32, 0))
        every = builder.shuffle_vector(lanes, undefined(lanes.type), zero(vector_of(i32, 4)))
        total = builder.add(every, builder.mul(numbers_of(i64, 0, 1, 2, 3), splatted(Constant(i64, 10), 4)))
        return builder.extract_element(builder.not_(builder.neg(total)), Constant(i32, 3))

    assert compiled(i64, [i64], write)(5) == 34


def test_a_branch_that_returns_is_left_as_it_is():
    def write(builder, value):
        with builder.if_then(builder.icmp_signed("<", value, zero(i64))):
            builder.ret(Constant(i64, -1))
        before = builder.block
        with builder.if_else(builder.icmp_unsigned(">=", value, Constant(i64, 10))) as (large, small):
            with large:
                first, there = builder.sub(value, Constant(i64, 10)), builder.block
            with small:
                second, here = builder.add(value, Constant(i64, 100)), builder.block
        assert builder.block is not before
        found = builder.phi(i64)
        found.add_incoming(first, there)
        found.add_incoming(second, here)
        return found

    function = compiled(i64, [i64], write)
    assert [function(n) for n in (-3, 3, 12)] == [-1, 103, 2]


def test_memory_of_a_function_and_of_a_module():
    def write(builder, value):
        room, shared = builder.room(i64, 4), builder.module.memory("shared", 16)
        place = builder.offset(room, Constant(i64, 3), i64)
        builder.store(value, place)
        builder.store_atomic(value, shared, "release")
        builder.add_atomic(Constant(i64, 1), shared, "seq_cst")
        done = builder.exchange(shared, builder.add(value, Constant(i64, 1)), value, "acquire", "monotonic")
        word = builder.add(builder.load(place, i64, 8), builder.load_atomic(shared, "acquire", i64))
        return builder.select(done, word, zero(i64))

    assert compiled(i64, [i64], write)(21) == 42


def test_a_conversion_to_the_same_type_is_nothing():
    module = Module("same")
    builder = Builder(module.function("f", i64, [i64]))
    value = builder.function.args[0]
    assert builder.bitcast(value, i64) is value
    assert builder.trunc(value, i1) is not value
    assert str(module).count(" = ") == 1


def test_a_function_is_declared_once():
    module = Module("calls")
    builder = Builder(module.function("f", f64, [f64]))
    for _ in range(2):
        sine = module.declared("sin", f64, [f64])
        found = builder.call(sine, builder.function.args, f64)
    builder.ret(found)
    assert str(module).count("declare") == 1
    assert engine.load(module, ["f"])["f"]
