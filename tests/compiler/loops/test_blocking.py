"""Rows that share what they read, several at once: each is what it is alone."""

from dataclasses import replace

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.llvm.jit import engine
from compiler.loops.blocking import block_rows
from compiler.loops.source import source
from compiler.loops.verify import verify
from tests.compiler.loops.reading import NAMING, read_kernel

BEFORE = """\
%x : f32 at input %x
%y : f32 at input %y
%z : f32 at output 0
for chunk in chunks:
    for i in 0 .. 6:
        for j in 0 .. 3:
            sum0 : f32x4 = 0.0
            for k in 0 .. 8 in vectors of 4:
                sum0 += %x[8*i + k] - %y[8*j + k]
            %0 : f32 = join sum(sum0)
            %z[3*i + j] = %0
"""

AFTER = """\
%x : f32 at input %x
%y : f32 at input %y
%z : f32 at output 0
for chunk in chunks:
    for i in 0 .. 4 by 4:
        t0 : i64 = i + 1
        t1 : i64 = i + 2
        t2 : i64 = i + 3
        for j in 0 .. 3:
            sum0 : f32x4 = 0.0
            sum1 : f32x4 = 0.0
            sum2 : f32x4 = 0.0
            sum3 : f32x4 = 0.0
            for k in 0 .. 8 in vectors of 4:
                t3 : f32x4 = %y[8*j + k]
                sum0 += %x[8*i + k] - t3
                sum1 += %x[8*t0 + k] - t3
                sum2 += %x[8*t1 + k] - t3
                sum3 += %x[8*t2 + k] - t3
            %0 : f32 = join sum(sum0)
            %0' : f32 = join sum(sum1)
            %0'' : f32 = join sum(sum2)
            %0''' : f32 = join sum(sum3)
            %z[3*i + j] = %0
            %z[3*t0 + j] = %0'
            %z[3*t1 + j] = %0''
            %z[3*t2 + j] = %0'''
    for i in 4 .. 6:
        for j in 0 .. 3:
            sum0 : f32x4 = 0.0
            for k in 0 .. 8 in vectors of 4:
                sum0 += %x[8*i + k] - %y[8*j + k]
            %0 : f32 = join sum(sum0)
            %z[3*i + j] = %0
"""

WIDE = replace(engine.host_target().machine, vector_bytes=16, vector_registers=32)


def test_six_rows_are_four_and_two():
    blocked = block_rows(read_kernel(BEFORE), WIDE)
    verify(blocked, "block")
    assert source(blocked, NAMING) == AFTER


def test_few_registers_hold_few_rows():
    states = BEFORE.replace("f32x4", "f32x16").replace("vectors of 4", "vectors of 16").replace("8", "16")
    text = source(block_rows(read_kernel(states), replace(WIDE, vector_registers=16)), NAMING)
    assert "for i in 0 .. 6 by 2:" in text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("%y[8*j + k]", "%y[k]"),  # one row is near already
        ("%y[8*j + k]", "%y[8*j]"),
        ("%y[8*j + k]", "%y[8*i + 8*j + k]"),  # nothing is shared
        ("%x[8*i + k]", "%z[8*i + k]"),  # what was written is read
        ("%z[3*i + j] = %0", "%z[j] = %0"),  # the last row wins
        ("%z[3*i + j] = %0", "t0 : i64 = %at[j]\n            %z[3*i + t0] = %0"),  # the last column wins
        ("for i in 0 .. 6", "for i in 0 .. 1"),
        ("for k in 0 .. 8", "for k in 0 .. i"),  # as long as the row says
    ],
)
def test_other_loops_stay_as_they_are(old, new):
    kernel = read_kernel(BEFORE.replace(old, new).replace("%z :", "%at : i64 at input %at\n%z :"))
    assert block_rows(kernel, WIDE) == kernel


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize("shape", [(1, 5, 8), (3, 4, 33), (4, 7, 100), (9, 5, 64), (130, 33, 40)])
def test_rows_are_what_they_are_alone(dtype, shape):
    n, m, d = shape
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((k, d)).astype(dtype) for k in (n, m))
    x[0, 0], y[-1, -1] = np.nan, np.inf

    def distances(rows):
        left, right = tt.input("x", (rows, d), dtype), tt.input("y", (m, d), dtype)
        steps = left[:, None] - right
        found = [tt.sum(steps * steps, axis=-1), tt.amax(tt.abs(steps), axis=-1), tt.argmin(steps, axis=-1)]
        return tt.compile([left, right], found)

    alone = distances(1)
    expected = [np.concatenate(parts) for parts in zip(*(alone(row[None], y) for row in x), strict=True)]
    for found, each in zip(distances(n)(x, y), expected, strict=True):
        np.testing.assert_array_equal(found, each)
    steps = x[:, None] - y
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(expected[1], np.abs(steps).max(-1))
        np.testing.assert_array_equal(expected[2], steps.argmin(-1))


def test_the_number_of_rows_may_be_open():
    left, right = tt.input("x", ("n", 24)), tt.input("y", (10, 24))
    program = tt.compile([left, right], tt.cdist(left, right))
    rng = np.random.default_rng(0)
    y = rng.standard_normal((10, 24)).astype("float32")
    for rows in (1, 3, 4, 5, 200):
        x = rng.standard_normal((rows, 24)).astype("float32")
        expected = np.sqrt(((x[:, None].astype("float64") - y) ** 2).sum(-1))
        np.testing.assert_allclose(program(x, y), expected, rtol=1e-6)
