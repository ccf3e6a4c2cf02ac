"""Reductions over the first axis: columns in registers, narrow rows as wide ones, several vectors at once."""

from dataclasses import replace

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.llvm.jit import engine
from compiler.backends.llvm.steps import launches
from compiler.loops.interchange import interchange
from compiler.loops.jamming import jam
from compiler.loops.source import source
from compiler.loops.verify import verify
from tests.compiler.loops.programs import call
from tests.compiler.loops.reading import NAMING, read_kernel
from tests.threads import by_threads

MACHINE = engine.host_target().machine
WIDE = replace(
    MACHINE, vector_bytes=64, vector_registers=32, has_mask_registers=True, adds_where_it_converts=False
)
NARROW = replace(MACHINE, vector_bytes=16, vector_registers=16, has_mask_registers=False)

ROWS = """\
n : i64
%y : f64 at output 0
%x : f32 at input %x
for chunk in chunks:
    for i in 0 .. n:
        for j in 0 .. 32:
            %y[j] = %y[j] + f64(%x[n*i + j])
"""

COLUMNS = """\
n : i64
%y : f64 at output 0
%x : f32 at input %x
for chunk in chunks:
    for i in 0 .. 32:
        t0 : f64 = %y[i]
        for j in 0 .. n:
            next t0 = t0 + f64(%x[n*j + i])
        %y[i] = t0
"""

BLOCKS = """\
n : i64
%y : f64 at output 0
%x : f32 at input %x
for chunk in chunks:
    for i in 0 .. n by 16:
        t0 : i64 = minimum(i + 16, n)
        for j in 0 .. 1000:
            t1 : f64 = %y[j]
            for k in i .. t0:
                next t1 = t1 + f64(%x[n*k + j])
            %y[j] = t1
"""

OTHERS = """\
n : i64
%y : f64 at output 0
%x : f64 at input %x
%z : f64 at output 1
for chunk in chunks:
    for i in 0 .. n:
        for j in 0 .. 32:
            %y[j] = %y[j] + %x[n*i + j]
            %z[n*i] = 1.0
    for i in 0 .. n:
        for j in 0 .. 32:
            %y[j] = %y[j] + %y[j]
    for i in 0 .. n:
        for j in 0 .. 32:
            %y[32*i + j] = %y[32*i + j] + %x[n*i + j]
"""

VECTORS = """\
n : i64
%y : f64 at output 0
%x : f32 at input %x
for chunk in chunks:
    for i in 0 .. 37 in vectors of 16 with mask0:
        t0 : f64x16 = %y[i; where mask0]
        for j in 0 .. n:
            next t0 = t0 + f64(%x[n*j + i; where mask0])
        %y[i; where mask0] = t0
"""

TWO = """\
n : i64
%y : f64 at output 0
%x : f32 at input %x
for chunk in chunks:
    for i in 0 .. 32 by 32 in vectors of 16:
        t0 : i64 = i + 16
        t1 : f64x16 = %y[i]
        t2 : f64x16 = %y[t0; 16 lanes]
        for j in 0 .. n:
            next t1 = t1 + f64(%x[n*j + i])
            next t2 = t2 + f64(%x[n*j + t0; 16 lanes])
        %y[i] = t1
        %y[t0; 16 lanes] = t2
    for i in 32 .. 37 in vectors of 16 with mask0:
        t0 : f64x16 = %y[i; where mask0]
        for j in 0 .. n:
            next t0 = t0 + f64(%x[n*j + i; where mask0])
        %y[i; where mask0] = t0
"""


def test_the_loop_over_rows_goes_inside():
    turned = interchange(read_kernel(ROWS), WIDE)
    verify(turned, "interchange")
    assert source(turned, NAMING) == COLUMNS


def test_wide_rows_are_walked_in_blocks():
    turned = interchange(read_kernel(ROWS.replace(".. 32", ".. 1000")), WIDE)
    verify(turned, "interchange")
    assert source(turned, NAMING) == BLOCKS


def test_loops_that_do_more_than_add_stay_as_they_are():
    kernel = read_kernel(OTHERS)
    assert interchange(kernel, WIDE) == kernel


def test_vectors_go_down_the_rows_together_and_the_odd_end_alone():
    jammed = jam(read_kernel(VECTORS), WIDE)
    verify(jammed, "jam")
    assert source(jammed, NAMING) == TWO


def test_one_vector_and_lanes_that_are_rows_apart_stay_as_they_are():
    for text in (VECTORS.replace("37", "16"), VECTORS.replace("n*j + i", "j + 50*i")):
        kernel = read_kernel(text)
        assert jam(kernel, WIDE) == kernel


def test_columns_of_unknown_number_go_down_by_strips_then_by_vectors():
    jammed = jam(read_kernel(VECTORS.replace("37", "n")), WIDE)
    verify(jammed, "jam")
    heads = [line.strip() for line in source(jammed, NAMING).splitlines() if "for i" in line]
    assert [head.partition(" in ")[2].partition(" .. ")[0] for head in heads] == ["0", "t0", "t1"]
    assert "by 128" in heads[0]
    assert heads[2].endswith("with mask0:")


def test_sums_on_halves_of_vectors_are_fewer_at_once():
    halved = replace(WIDE, adds_where_it_converts=True)
    heads = [
        next(
            line
            for line in source(jam(read_kernel(VECTORS.replace("37", width)), halved), NAMING).splitlines()
            if "by" in line
        )
        for width in ("96", "960")
    ]
    assert ["by 96" in heads[0], "by 64" in heads[1]] == [True, True]


def of_rows(shape, *, dtype="float32", known=True):
    x = tt.input("x", shape if known else ("n", *shape[1:]), dtype)
    return tt.compile([x], [tt.sum(x, axis=0), tt.max(x, axis=0), tt.var(tt.exp(-x * x), axis=0)])


def data(shape):
    return np.random.default_rng(shape[0]).integers(-40, 40, shape) / 8


@pytest.fixture
def many_chunks(monkeypatch):
    monkeypatch.setattr(launches, "PARALLEL_FROM", 1)
    monkeypatch.setattr(launches, "CHUNK_TIME", 10)


@pytest.mark.usefixtures("many_chunks")
@pytest.mark.parametrize("width", [1, 2, 3, 7, 10, 11, 17, 31, 40, 100, 128])
@pytest.mark.parametrize("rows", [1, 5, 64, 1001])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_columns_of_every_width_are_right_and_the_same_on_one_thread(width, rows, dtype):
    x = data((rows, width)).astype(dtype)
    program = of_rows(x.shape, dtype=dtype, known=rows != 1001)
    threads, found = tt.get_num_threads(), []
    for count in (1, 2):
        tt.set_num_threads(count)
        found.append([np.array(item) for item in program(x)])
    tt.set_num_threads(threads)
    np.testing.assert_array_equal(found[0][0], x.sum(0))
    np.testing.assert_array_equal(found[0][1], x.max(0))
    if rows > 1:
        np.testing.assert_allclose(found[0][2], np.exp(-x * x).var(0, ddof=1), rtol=1e-4, atol=1e-6)
    for one, two in zip(*found, strict=True):
        assert one.tobytes() == two.tobytes()


@pytest.mark.usefixtures("many_chunks")
@pytest.mark.parametrize(
    "shape", [(5, 7, 16), (9, 40, 100), (70, 3, 1), (4, 33, 3), (3, 6, 5, 48), (2, 4, 3, 5)]
)
def test_a_sum_inside_other_loops_adds_up_in_a_room_of_the_chunk(shape):
    """In the order of its loop, as float64, whatever the widths; beside the result nothing is in memory."""
    values = data(shape).astype(np.float32) * np.float32(1.1)
    x = tt.input("x", shape)
    program = tt.compile([x], [tt.sum(x, axis=1), tt.sum(tt.exp(x), axis=1)])
    found = program(values)
    np.testing.assert_array_equal(found[0], values.astype(np.float64).sum(1).astype(np.float32))
    np.testing.assert_allclose(found[1], np.exp(values.astype(np.float64)).sum(1), rtol=1e-6)
    is_whole = len(shape) == 3 or shape[-1] % 16 == 0
    assert ("scratch" not in program.source()) == is_whole


@pytest.mark.usefixtures("many_chunks")
@pytest.mark.parametrize("machine", [MACHINE, NARROW])
@pytest.mark.parametrize("width", [2, 10, 17])
def test_chunks_of_narrow_rows_run_by_hand_give_what_they_are(machine, width):
    x = data((300, width)).astype(np.float32)
    program = of_rows(x.shape, known=False)
    assert "rem(" in str(program.loops(0))
    for stage in ("bound", "interchange", "lowered"):
        total, largest, _ = call(program, [x], stage, machine).results(program)
        np.testing.assert_array_equal(total, x.sum(0))
        np.testing.assert_array_equal(largest, x.max(0))


@pytest.mark.parametrize("reduce", [tt.sum, tt.max, tt.min, tt.mean])
@pytest.mark.parametrize("rows", [1, 2, 64, 256])
@pytest.mark.parametrize("columns", [(20_001,), (59, 339), (6, 25, 140)])
def test_chunks_share_many_columns_of_few_rows(columns, rows, reduce):
    x = tt.input("x", (rows, *columns))
    program = tt.compile([x], reduce(x, 0))
    given = np.random.default_rng(rows).standard_normal((rows, *columns)).astype(np.float32)
    given[rows // 2, ..., ::7] = np.nan
    expected = getattr(np, reduce.__name__)(given.astype(np.float64), 0)
    one, *others = by_threads(lambda: program(given))
    np.testing.assert_allclose(one, expected, rtol=1e-6, atol=1e-6)
    for found in others:
        np.testing.assert_array_equal(found, one)
    assert "distance" not in program.source(0)


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", [0, 63, 64, 98])
def test_what_is_no_number_is_found_in_every_row(special, row):
    x = data((99, 4)).astype(np.float32)
    x[row, 2] = special
    i = tt.input("x", ("n", 4))
    program = tt.compile([i], [tt.sum(i, axis=0), tt.max(i, axis=0), tt.min(i, axis=0)])
    for found, expected in zip(program(x), (x.sum(0), x.max(0), x.min(0)), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_no_rows_add_up_to_nothing():
    i = tt.input("x", ("n", 4))
    assert tt.compile([i], tt.sum(i, axis=0))(np.empty((0, 4), np.float32)).tolist() == [0, 0, 0, 0]
