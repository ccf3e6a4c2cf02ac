"""Sums along rows in two parts."""

from dataclasses import replace

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.llvm.jit import engine
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
