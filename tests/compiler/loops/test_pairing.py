"""Sums along rows in two parts."""

from dataclasses import replace

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.llvm.jit import engine
from compiler.ir.types import DType
from compiler.loops.lowering import lower
from compiler.loops.pairing import pair
from compiler.loops.source import source
from compiler.loops.verify import verify
from tests.backends import FAST
from tests.compiler.loops.interpreter import run
from tests.compiler.loops.reading import NAMING, read_kernel

MACHINE = engine.host_target().machine

BEFORE = """\
n : i64
%x : f32 at input %x
%s : f64 at output 0
for chunk in chunks:
    sum0 : f64x4 = 0.0
    for i in 0 .. 20 in vectors of 4:
        sum0 += f64(%x[i])
    %sum : f64 = join sum(sum0)
    %s[chunk] = %sum
"""

AFTER = """\
n : i64
%x : f32 at input %x
%s : f64 at output 0
for chunk in chunks:
    sum0 : f64x4 = 0.0
    sum1 : f64x4 = 0.0
    for i in 0 .. 16 by 8 in vectors of 4:
        sum0 += f64(%x[i])
        sum1 += f64(%x[(i + 4); 4 lanes])
    sum0 += sum1
    for i in 16 .. 20 in vectors of 4:
        sum0 += f64(%x[i])
    %sum : f64 = join sum(sum0)
    %s[chunk] = %sum
"""


def test_two_vectors_are_added_up_apart_and_what_is_left_last():
    paired = pair(read_kernel(BEFORE))
    verify(paired, "pair")
    assert source(paired, NAMING) == AFTER


@pytest.mark.parametrize(
    "change",
    [
        ("0 .. 20", "0 .. 12"),
        ("0 .. 20 in vectors of 4", "0 .. n in vectors of 4 with mask0"),
        ("f64(%x[i])", "exp(f64(%x[i]))"),
    ],
    ids=["few vectors", "under a mask", "expensive"],
)
def test_other_sums_stay_as_they_are(change):
    kernel = read_kernel(BEFORE.replace(*change))
    assert pair(kernel) == kernel


@pytest.mark.parametrize("vectors", [0, 1, 2, 5, 8])
def test_a_sum_of_unknown_length_is_right(vectors):
    kernel = pair(read_kernel(BEFORE.replace("0 .. 20", "0 .. 4 * n")))
    verify(kernel, "pair")
    x, total = np.arange(4 * vectors + 8, dtype=np.float32), np.full(1, -1.0)
    assert run(kernel, vectors, x, total)
    assert total[0] == x[: 4 * vectors].sum()


SHORT = BEFORE.replace("x : f32", "x : f16").replace("0 .. 20", "0 .. 36").replace("%x[i]", "f32(%x[i])")

IN_FOURS = """\
n : i64
%x : f16 at input %x
%s : f64 at output 0
for chunk in chunks:
    sum0 : f64x4 = 0.0
    for i in 0 .. 32 by 16 in vectors of 4:
        t0 : f32x4 = f32(%x[(i + 4); 4 lanes])
        t1 : f32x4 = f32(%x[(i + 12); 4 lanes])
        t2 : f32x4 = f32(%x[(i + 8); 4 lanes]) + t1
        t3 : f32x4 = f32(%x[i]) + t0 + t2
        sum0 += f64(t3)
    sum1 : f64x4 = sum(0.0, sum0)
    for i in 32 .. 36 in vectors of 4:
        sum1 += f64(f32(%x[i]))
    %sum : f64 = join sum(sum1)
    %s[chunk] = %sum
"""


def test_four_vectors_of_two_bytes_an_element_are_added_up_before_they_are_widened():
    paired = pair(read_kernel(SHORT))
    verify(paired, "pair")
    assert source(paired, NAMING) == IN_FOURS


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("vectors", [0, 1, 3, 4, 5, 8, 11])
def test_a_sum_of_unknown_length_of_such_elements_is_right(vectors, dtype):
    text = SHORT.replace("0 .. 36", "0 .. 4 * n").replace("f16", "bf16" if dtype == "bfloat16" else "f16")
    kernel = pair(read_kernel(text))
    verify(kernel, "pair")
    x, total = np.arange(4 * vectors + 8).astype(DType(dtype).numpy), np.full(1, -1.0)
    assert run(kernel, vectors, x, total)
    assert total[0] == x[: 4 * vectors].astype(np.float64).sum()


@pytest.mark.parametrize("backend", [backend for backend in FAST if backend != "numpy"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_rows_of_such_elements_neither_overflow_nor_lose_digits(dtype, backend):
    taken, kind = tt.input("x", (5, 700), dtype), DType(dtype).numpy
    program = tt.compile(taken, tt.sum(taken, axis=1), backend=backend)

    def check(x, wanted):
        found, wanted = (item.astype(np.float32) for item in (program(x), wanted.astype(kind)))
        np.testing.assert_array_equal(found, wanted)

    x = np.random.default_rng(5).standard_normal((5, 700)).astype(kind)
    check(x, x.astype(np.float64).sum(1).astype(np.float32))
    large = 65504.0 if dtype == "float16" else 3e38
    x = np.zeros((5, 700), kind)
    x[:, 0:64:16] = large  # of one lane, in four vectors
    x[:, 64:112:16] = -large
    check(x, np.full(5, large, np.float32))
    x[:3, 200] = [np.inf, -np.inf, np.nan]
    check(x, np.array([np.inf, -np.inf, np.nan, large, large], np.float32))


@pytest.mark.parametrize("value", [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, 3.4e38])
def test_a_multiply_add_by_one_has_the_bits_of_an_addition(value):
    x = np.resize(np.array([value, 1.5, -2.25, 1e-30], np.float32), 28)
    found: list[bytes] = []
    for adds_where_it_converts in (False, True):
        machine = replace(MACHINE, adds_where_it_converts=adds_where_it_converts, has_fma=True)
        lowered = lower(pair(read_kernel(BEFORE)), machine)
        assert ("fma" in source(lowered, NAMING)) == adds_where_it_converts
        total = np.zeros(1)
        assert run(lowered, 7, x, total)
        found.append(total.tobytes())
    assert found[0] == found[1]


@pytest.mark.parametrize("backend", FAST)
@pytest.mark.parametrize("width", [31, 64, 65, 95, 96, 128, 1000])
def test_rows_of_every_length_add_up(width, backend):
    taken = tt.input("x", ("n", width))
    x = np.random.default_rng(width).integers(-99, 99, (9, width)).astype(np.float32)
    program = tt.compile([taken], [tt.sum(taken, axis=1), tt.sum(taken)], backend=backend)
    rows, total = program(x)
    np.testing.assert_array_equal(rows, x.sum(1))
    assert total == x.sum()
