"""Kernels do what their texts say: by hand they give NumPy's numbers, and lowered the bits of native code."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from compiler.backends.llvm.jit import engine
from compiler.loops.lowering import lower
from tests.compiler.backends.llvm import writing
from tests.compiler.loops.interpreter import run
from tests.compiler.loops.kernels import CASES, TEXTS, kernel
from tests.compiler.loops.machine_atoms import fma
from tests.compiler.loops.reading import read_kernel

HOST = engine.host_target().machine
MACHINES = {
    "host": HOST,
    "plain": replace(HOST, has_fma=False, scales=False, saturates=False),
    "scaling": replace(HOST, has_fma=True, scales=True),
}


def case(name):
    return CASES[name](np.random.default_rng(5))


def close(found, wanted):
    if wanted.dtype.kind == "i":
        np.testing.assert_array_equal(found, wanted)
    else:
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("name", TEXTS)
def test_a_kernel_run_by_hand_gives_the_numbers_of_numpy(name):
    arguments, chunks, wanted = case(name)
    assert run(kernel(name), *arguments, chunks=chunks)
    for place, numbers in wanted.items():
        close(arguments[place], numbers)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("name", TEXTS)
def test_a_lowered_kernel_gives_them_too(name, machine):
    arguments, chunks, wanted = case(name)
    lowered = lower(kernel(name), MACHINES[machine])
    assert run(lowered, *arguments, chunks=chunks, is_fused=MACHINES[machine].has_fma, is_lowered=True)
    for place, numbers in wanted.items():
        close(arguments[place], numbers)


@pytest.mark.parametrize("name", TEXTS)
def test_a_lowered_kernel_run_by_hand_gives_the_bits_of_its_machine_code(name):
    by_hand, chunks, wanted = case(name)
    native, _, _ = case(name)
    run(lower(kernel(name), HOST), *by_hand, chunks=chunks, is_fused=HOST.has_fma, is_lowered=True)
    writing.run(kernel(name), *native, chunks=chunks)
    for place in wanted:
        found, expected = native[place], by_hand[place]
        if name == "columns":  # columns that do not exist are unspecified
            found, expected = found[:, :5], expected[:, :5]
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", TEXTS)
def test_chunks_may_come_in_any_order(name):
    one, chunks, wanted = case(name)
    other, _, _ = case(name)
    run(kernel(name), *one, chunks=chunks)
    run(kernel(name), *other, order=range(chunks)[::-1])
    for place in wanted:
        np.testing.assert_array_equal(one[place], other[place])


WRONG = [
    ("softmax", "nan0 : boolx8 = false", "nan0 : boolx8 = true"),
    ("softmax", "sum0 : f64x8 = 0.0", "sum0 : f64x8 = 1.0"),
    ("softmax", "%x[30*i + j; where mask0] - t1", "%x[30*i + j; where mask0] * t1"),
    ("softmax", "t0 : i64 = chunk * 4", "t0 : i64 = chunk * 5"),
    ("product", "over t2 terms", "over 256 terms"),
    ("product", "added where i is not 0", "added where 0 is not 0"),
    ("product", "panel0[0] by step0", "panel0[1] by step0"),
    ("product", "%x[300*j + i] by 300, 1", "%x[300*j + i] by 300, 0"),
    ("product", "in 0 .. 300 by 256", "in 0 .. 300 by 300"),
    ("columns", "of 3 terms by 1, 5 columns by 3", "of 3 terms by 3, 5 columns by 1"),
    ("columns", "2 rows of 1 vectors", "3 rows of 1 vectors"),
    ("search", "argmax(best0", "argmin(best0"),
    ("search", "lanes:i64x4(j)", "splat:i64x4(j)"),
    ("across", "in 0 .. 3:", "in 1 .. 3:"),
    ("across", "%x[3*i + j; where mask0]", "%x[3*i + j; 4 lanes by 2; where mask0]"),
    ("gather", "%x[0; 2 lanes by 0]", "%x[0; 2 lanes]"),
    ("gather", "%y[8*i] = t0", "%y[8*i; 2 lanes by 0] = t0"),
    ("gather", "j + 8*i64(%index[i])", "j + 7*i64(%index[i])"),
    ("pieces", "first 3", "first 2"),
    ("pieces", "next t0 = t0 * 2 + i", "next t0 = t0 * (2 + i)"),
    (
        "pieces",
        "in 0 .. 11 in vectors of 8 with mask0:\n            t1",
        "in 0 .. 11 in vectors of 8:\n            t1",
    ),
    ("integers", "max0 = max(max0, %x[i])", "max0 = min(max0, %x[i])"),
    ("integers", "0 .. n - (n & 3)", "0 .. n - (n & 1)"),
]


@pytest.mark.parametrize(("name", "right", "wrong"), WRONG)
def test_a_text_that_is_wrong_gives_other_numbers_or_is_refused(name, right, wrong):
    text = TEXTS[name]
    assert right in text
    arguments, chunks, wanted = case(name)
    if name == "integers":
        arguments[1][8:] = 99
        wanted = {}
    with pytest.raises(AssertionError):  # noqa: PT012
        run(read_kernel(text.replace(right, wrong, 1)), *arguments, chunks=chunks)
        for place, numbers in wanted.items():
            close(arguments[place], numbers)
        if name == "integers":
            other, _, _ = case(name)
            other[1][8:] = 99
            run(read_kernel(text), *other, chunks=chunks)
            np.testing.assert_array_equal(arguments[2], other[2])


def test_what_is_refused_is_noted_and_nothing_is_written():
    (status, x, index, y), _, _ = case("gather")
    index[4] = 9
    assert not run(kernel("gather"), status, x, index, y)
    assert status[0] == 1
    assert (y == 0).all()


def test_a_loop_without_a_turn_leaves_what_it_carries_as_it_was():
    text = """\
%x : f32 at output 0
%y : f32 at output 1
for chunk in chunks:
    t0 : f32 = 3.0
    for i in 5 .. 5:
        ahead:
            %y[0] = 1.0
        next t0 = t0 * 2.0
    %x[0] = t0
"""
    x, y = np.zeros(1, np.float32), np.zeros(1, np.float32)
    run(read_kernel(text), x, y)
    assert (x[0], y[0]) == (3, 0)


def test_memory_of_the_kernel_holds_anything_when_a_chunk_begins():
    text = """\
%x : f32 at output 0
room0 : f32 at room[1]
for chunk in chunks:
    %x[chunk] = room0[0]
    room0[0] = 1.0
"""
    x = np.zeros(2, np.float32)
    run(read_kernel(text), x, chunks=2)
    assert np.isnan(x).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_multiply_add_is_rounded_once(dtype):
    rng = np.random.default_rng(3)
    scale = np.ldexp(1.0, rng.integers(-60, 60, (3, 4000)))
    x, y, z = (rng.standard_normal((3, 4000)) * scale).astype(dtype)
    z[:2000] = -(x[:2000] * y[:2000])
    z[:500] = np.nextafter(z[:500], dtype(np.inf))
    exact = [
        Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c)) for a, b, c in zip(x, y, z, strict=True)
    ]
    found = fma(x, y, z)
    assert found.dtype == dtype
    for value, wanted in zip(found.tolist(), exact, strict=True):
        error = abs(Fraction(value) - wanted)
        neighbours = np.nextafter(dtype(value), dtype([-np.inf, np.inf])).tolist()
        assert all(error <= abs(Fraction(other) - wanted) for other in neighbours)
