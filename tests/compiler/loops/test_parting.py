"""Searches along long rows in parts: the first of equals still wins, and NaN over all."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.loops.parting import part
from compiler.loops.source import source
from compiler.loops.verify import verify
from tests.compiler.loops.reading import NAMING, read_kernel

BEFORE = """\
%x : f32 at input %x
%y : i64 at output 0
for chunk in chunks:
    best0 : f32x4 = -inf
    at0 : i64x4 = 0
    for i in 0 .. 140 in vectors of 4:
        best0, at0 = argmax(best0, at0, %x[i], lanes:i64x4(i))
    %0 : i64 = join argmax(best0, at0)
    %y[0] = %0
"""

AFTER = """\
%x : f32 at input %x
%y : i64 at output 0
for chunk in chunks:
    best0 : f32x4 = -inf
    at0 : i64x4 = 0
    best1 : f32x4 = -inf
    at1 : i64x4 = 0
    best2 : f32x4 = -inf
    at2 : i64x4 = 0
    best3 : f32x4 = -inf
    at3 : i64x4 = 0
    for i in 0 .. 32 in vectors of 4:
        best0, at0 = argmax(best0, at0, %x[i], lanes:i64x4(i))
        t0 : i64 = i + 32
        best1, at1 = argmax(best1, at1, %x[t0; 4 lanes], lanes:i64x4(t0))
        t1 : i64 = i + 64
        best2, at2 = argmax(best2, at2, %x[t1; 4 lanes], lanes:i64x4(t1))
        t2 : i64 = i + 96
        best3, at3 = argmax(best3, at3, %x[t2; 4 lanes], lanes:i64x4(t2))
    best0, at0 = argmax(best0, at0, best1, at1)
    best0, at0 = argmax(best0, at0, best2, at2)
    best0, at0 = argmax(best0, at0, best3, at3)
    for i in 128 .. 140 in vectors of 4:
        best0, at0 = argmax(best0, at0, %x[i], lanes:i64x4(i))
    %0 : i64 = join argmax(best0, at0)
    %y[0] = %0
"""


def test_a_long_search_is_four_and_a_rest():
    parted = part(read_kernel(BEFORE))
    verify(parted, "part")
    assert source(parted, NAMING) == AFTER


@pytest.mark.parametrize("text", [BEFORE.replace("140", "124"), AFTER])
def test_short_searches_and_parts_stay_as_they_are(text):
    kernel = read_kernel(text)
    assert part(kernel) == kernel


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "bool"])
@pytest.mark.parametrize("extent", [1, 15, 17, 400, 512, 1000, 4099])
def test_the_first_of_equals_is_found_wherever_it_lies(dtype, extent):
    i = tt.input("x", (2, extent), dtype)
    program = tt.compile([i], [tt.argmax(i, axis=1), tt.argmin(i, axis=1), tt.argmax(i)])
    random = np.random.default_rng(extent)
    for _ in range(20):
        x = random.integers(-2, 3, (2, extent)).astype(dtype)
        x[:, random.integers(0, extent, 2)] = 3
        if dtype.startswith("float") and random.random() < 0.5:
            x[random.integers(2), random.integers(0, extent, 3)] = random.choice([np.nan, np.inf, -np.inf])
        for found, expected in zip(program(x), (x.argmax(1), x.argmin(1), x.argmax()), strict=True):
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_of_nothing_but_one_value_the_first_is_found(value):
    i = tt.input("x", (1000,))
    program = tt.compile([i], [tt.argmax(i), tt.argmin(i)])
    assert [int(item) for item in program(np.full(1000, value, np.float32))] == [0, 0]
