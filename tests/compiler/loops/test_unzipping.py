"""Short rows in lanes: loads of neighbours instead of lanes apart, and the same bits."""

from dataclasses import replace

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.llvm.jit import engine
from compiler.loops.arguments import FEW
from compiler.loops.source import source
from compiler.loops.unzipping import unzip
from compiler.loops.verify import verify
from tests.compiler.loops.interpreter import run
from tests.compiler.loops.programs import call
from tests.compiler.loops.reading import NAMING, read_kernel

MACHINE = engine.host_target().machine
WIDE = replace(MACHINE, vector_bytes=64, vector_registers=32, has_mask_registers=True)
PLAIN = replace(WIDE, has_mask_registers=False)

BEFORE = """\
n : i64
%x : f32 at input %x
%s : f64 at output 1
for chunk in chunks:
    for i in 0 .. n in vectors of 4 with mask0:
        sum0 : f64x4 = 0.0
        for j in 0 .. 2:
            sum0 += f64(%x[2*i + j; where mask0]) where mask0
        %sum : f64x4 = join sum(sum0)
        %s[i; where mask0] = %sum
"""

AFTER = """\
n : i64
%x : f32 at input %x
%s : f64 at output 1
room0 : f32 at room[8]
for chunk in chunks:
    t0 : i64 = n - rem(n, 4)
    for i in 0 .. t0 in vectors of 4:
        t1 : f32x4 = %x[2*i; 4 lanes]
        t2 : f32x4 = %x[2*(i + 2); 4 lanes]
        room0[0; 4 lanes] = evens(t1, t2)
        room0[4*add:i64(1:i64, 0:i64); 4 lanes] = odds(t1, t2)
        sum0 : f64x4 = 0.0
        for j in 0 .. 2:
            sum0 += f64(room0[4*j; 4 lanes])
        %sum : f64x4 = join sum(sum0)
        %s[i] = %sum
    for i in t0 .. n in vectors of 4 with mask0:
        sum0 : f64x4 = 0.0
        for j in 0 .. 2:
            sum0 += f64(%x[2*i + j; where mask0]) where mask0
        %sum : f64x4 = join sum(sum0)
        %s[i; where mask0] = %sum
"""


def test_rows_of_a_power_of_two_are_whole_vectors():
    unzipped = unzip(read_kernel(BEFORE), PLAIN)
    verify(unzipped, "unzip")
    assert source(unzipped, NAMING) == AFTER


def test_other_rows_are_a_vector_each_where_masks_have_registers():
    kernel = read_kernel(BEFORE.replace("0 .. 2", "0 .. 3").replace("2*i", "n*i"))
    assert unzip(kernel, PLAIN) == kernel
    unzipped = unzip(kernel, WIDE)
    verify(unzipped, "unzip")
    assert "first(3:i64)" in source(unzipped, NAMING)


@pytest.mark.parametrize(
    "change",
    [
        ("0 .. 2", "0 .. 64"),
        ("0 .. 2", "0 .. n"),
        ("2*i + j", "i + 2*j"),
        ("%s[i; where mask0] = %sum", "%x[i; where mask0] = f32(%sum)"),
    ],
    ids=["much longer than a vector", "of unknown length", "along lanes", "stored over"],
)
def test_what_is_no_short_row_stays_as_it_is(change):
    kernel = read_kernel(BEFORE.replace(*change))
    assert unzip(kernel, WIDE) == kernel


def test_few_rows_stay_as_they_are():
    def stays(rows):
        kernel = read_kernel(BEFORE.replace("    for i in 0 .. n", f"    for i in 0 .. minimum(n, {rows})"))
        return unzip(kernel, WIDE) == kernel

    assert stays(FEW)
    assert not stays(FEW + 1)


@pytest.mark.parametrize("rows", [64, FEW, 2 * FEW])
def test_a_kernel_says_of_few_rows_that_they_are_few(rows):
    i = tt.input("x", (rows, 4))
    program = tt.compile([i], tt.softmax(i))
    assert ("evens" in program.source()) == (rows > FEW)
    x = np.random.default_rng(rows).standard_normal((rows, 4)).astype(np.float32)
    expected = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    np.testing.assert_allclose(program(x), expected, rtol=1e-6)


def test_rows_that_are_whole_vectors_have_no_tail():
    i = tt.input("x", (256, 10))
    (loop,) = (line for line in tt.compile([i], tt.softmax(i)).source().splitlines() if "for i in" in line)
    assert loop.endswith(f"in vectors of {MACHINE.vector_bytes // 4}:")


@pytest.mark.parametrize("rows", [0, 1, 4, 7, 12])
def test_no_bit_changes(rows):
    x = np.random.default_rng(rows).standard_normal(2 * rows + 4).astype(np.float32)
    results = []
    for kernel in (read_kernel(BEFORE), unzip(read_kernel(BEFORE), PLAIN)):
        sums = np.zeros(rows + 4)
        assert run(kernel, rows, x, sums)
        results.append(sums.tobytes())
    assert results[0] == results[1]


@pytest.mark.parametrize("width", [2, 3, 4, 7, 8, 10, 15, 16, 17, 32, 37])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_rows_of_every_width_are_right(width, dtype):
    x = np.random.default_rng(width).integers(-9, 9, (53, width)).astype(dtype)
    if dtype != "int64":
        x[7, width - 1] = x[20, 0] = np.nan
    i = tt.input("x", ("n", width), dtype)
    program = tt.compile(
        [i], [tt.sum(i, axis=1), tt.max(i, axis=1), tt.argmax(i, axis=1), tt.argmin(i, axis=1)]
    )
    expected = x.sum(1), x.max(1), x.argmax(1), x.argmin(1)
    for rows in (53, 5, 0):
        for found, wanted in zip(program(x[:rows]), expected, strict=True):
            np.testing.assert_array_equal(found, wanted[:rows])


@pytest.mark.parametrize("width", [4, 5])
def test_softmax_of_short_rows_has_the_same_bits_before_and_after(width):
    i = tt.input("x", ("n", width))
    x = np.random.default_rng(width).standard_normal((39, width)).astype(np.float32)
    program = tt.compile([i], tt.softmax(i))
    before, after = (call(program, [x], stage, MACHINE) for stage in ("jam", "unzip"))
    for one, other in zip(before.results(program), after.results(program), strict=True):
        assert one.tobytes() == other.tobytes()
