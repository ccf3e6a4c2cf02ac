"""Nests that load across what they store: squares are turned in registers, and nothing else changes."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

import tinytorch as tt
from compiler.backends.llvm.backend import Llvm
from compiler.backends.llvm.jit import engine
from compiler.loops.pipeline import PASSES
from compiler.loops.printing import canonical
from compiler.loops.source import source
from compiler.loops.transposing import STRIP, transpose
from compiler.loops.turns import turn_of
from compiler.loops.verify import verify, verify_machine
from compiler.loops.walking import is_vectorised
from tests.compiler.loops.programs import bound, call, stages
from tests.compiler.loops.reading import NAMING, read_kernel
from tests.compiler.loops.test_peeling import SMALL

MACHINE = engine.host_target().machine
PLAIN = replace(MACHINE, vector_bytes=16, has_mask_registers=False, has_masked_memory=False)

SQUARE = """\
n : i64
%x : f32 at input %x
%y : f32 at output 0
for chunk in chunks:
    for i in 0 .. n:
        for j in 0 .. 8:
            %y[8*i + j] = -%x[n*j + i]
"""

SQUARE_TURNED = """\
n : i64
%x : f32 at input %x
%y : f32 at output 0
for chunk in chunks:
    t0 : i64 = n * 2
    t1 : i64 = n * 3
    t2 : i64 = n - rem(n, 4)
    for i in 0 .. t2 in vectors of 4:
        for j in 0 .. 8 in vectors of 4:
            t3 : f32x4 = %x[n*j + i; 4 lanes]
            t4 : f32x4 = %x[n*j + n + i; 4 lanes]
            t5 : f32x4 = %x[n*j + t0 + i; 4 lanes]
            t6 : f32x4 = %x[n*j + t1 + i; 4 lanes]
            t7 : f32x4 = zip_low(t3, t5)
            t8 : f32x4 = zip_low(t4, t6)
            t9 : f32x4 = zip_high(t3, t5)
            t10 : f32x4 = zip_high(t4, t6)
            %y[8*i + j] = -zip_low(t7, t8)
            %y[8*(i + 1) + j] = -zip_high(t7, t8)
            %y[8*(i + 2) + j] = -zip_low(t9, t10)
            %y[8*(i + 3) + j] = -zip_high(t9, t10)
    for i in t2 .. n by 4:
        t3 : i64 = n - i
        t4 : boolx4 = first(t3)
        for j in 0 .. 8 in vectors of 4:
            t5 : f32x4 = %x[n*j + i; 4 lanes; where t4]
            t6 : f32x4 = %x[n*j + n + i; 4 lanes; where t4]
            t7 : f32x4 = %x[n*j + t0 + i; 4 lanes; where t4]
            t8 : f32x4 = %x[n*j + t1 + i; 4 lanes; where t4]
            t9 : f32x4 = zip_low(t5, t7)
            t10 : f32x4 = zip_low(t6, t8)
            t11 : f32x4 = zip_high(t5, t7)
            t12 : f32x4 = zip_high(t6, t8)
            %y[8*i + j] = -zip_low(t9, t10)
            t13 : f32x4 = zip_high(t9, t10)
            t14 : f32x4 = zip_low(t11, t12)
            t15 : f32x4 = zip_high(t11, t12)
            if 1 < t3:
                %y[8*(i + 1) + j] = -t13
            if 2 < t3:
                %y[8*(i + 2) + j] = -t14
            if 3 < t3:
                %y[8*(i + 3) + j] = -t15
"""

STORED_ROWS = """\
n : i64
%x : f32 at input %x
%y : f32 at output 0
for chunk in chunks:
    for i in 0 .. n:
        for j in 0 .. 2:
            %y[2*i + j] = %x[i + n*j]
"""

STORED_ROWS_TURNED = """\
n : i64
%x : f32 at input %x
%y : f32 at output 0
for chunk in chunks:
    t0 : i64 = n - rem(n, 4)
    for i in 0 .. t0 in vectors of 4:
        t1 : f32x4 = %x[i]
        t2 : f32x4 = %x[i + n]
        %y[2*i; 4 lanes] = zip_low(t1, t2)
        %y[2*(i + 2); 4 lanes] = zip_high(t1, t2)
    for i in t0 .. n by 4:
        t1 : i64 = n - i
        t2 : boolx4 = first(t1)
        t3 : f32x4 = %x[i; 4 lanes; where t2]
        t4 : f32x4 = %x[i + n; 4 lanes; where t2]
        t5 : i64 = t1 * 2
        %y[2*i; 4 lanes; where first:boolx4(t5)] = zip_low(t3, t4)
        %y[2*(i + 2); 4 lanes; where first:boolx4(t5 - 4)] = zip_high(t3, t4)
"""

LOADED_ROWS = """\
n : i64
%x : f32 at input %x
%y : f32 at output 0
for chunk in chunks:
    for i in 0 .. 6:
        for j in 0 .. 2:
            %y[n*j + i] = %x[2*i + j]
"""

LOADED_ROWS_TURNED = """\
n : i64
%x : f32 at input %x
%y : f32 at output 0
for chunk in chunks:
    for i in 0 .. 4 in vectors of 4:
        t0 : f32x4 = %x[2*i; 4 lanes]
        t1 : f32x4 = %x[2*(i + 2); 4 lanes]
        %y[i] = evens(t0, t1)
        %y[n + i] = odds(t0, t1)
    for i in 4 .. 6 by 4:
        t0 : boolx4 = first(2:i64)
        t1 : f32x4 = %x[2*i; 4 lanes]
        %y[i; 4 lanes; where t0] = evens(t1, t1)
        %y[n + i; 4 lanes; where t0] = odds(t1, t1)
"""

SHORT_ROWS = """\
n : i64
%x : f32 at input %x
%b : f32 at input %b
%y : f32 at output 0
for chunk in chunks:
    for i in 0 .. 6:
        for j in 0 .. 3:
            %y[3*i + j] = %x[n*j + i] * %b[j]
"""

SHORT_ROWS_TURNED = """\
n : i64
%x : f32 at input %x
%b : f32 at input %b
%y : f32 at output 0
for chunk in chunks:
    t0 : i64 = n * 2
    t1 : i64 = n * 3
    for i in 0 .. 4 in vectors of 4:
        for j in 0 .. 3 in vectors of 4 with mask0:
            t2 : f32x4 = %x[i; 4 lanes]
            t3 : f32x4 = %x[n + i; 4 lanes]
            t4 : f32x4 = %x[t0 + i; 4 lanes]
            t5 : f32x4 = zip_low(t2, t4)
            t6 : f32x4 = zip_low(t3, t4)
            t7 : f32x4 = zip_high(t2, t4)
            t8 : f32x4 = zip_high(t3, t4)
            %y[3*i + j; first 3] = zip_low(t5, t6) * %b[j; where mask0]
            %y[3*(i + 1) + j; first 3] = zip_high(t5, t6) * %b[j; where mask0]
            %y[3*(i + 2) + j; first 3] = zip_low(t7, t8) * %b[j; where mask0]
            %y[3*(i + 3) + j; first 3] = zip_high(t7, t8) * %b[j; where mask0]
    for i in 4 .. 6 by 4:
        t2 : boolx4 = first(2:i64)
        for j in 0 .. 3 in vectors of 4 with mask0:
            t3 : f32x4 = %x[t0 + i; 4 lanes; where t2]
            t4 : f32x4 = zip_low(%x[i; 4 lanes; where t2], t3)
            t5 : f32x4 = zip_low(%x[n + i; 4 lanes; where t2], t3)
            %y[3*i + j; first 3] = zip_low(t4, t5) * %b[j; where mask0]
            %y[3*(i + 1) + j; first 3] = zip_high(t4, t5) * %b[j; where mask0]
"""


SQUARE_UNDER_MASKS = """\
n : i64
%x : f32 at input %x
%y : f32 at output 0
for chunk in chunks:
    t0 : i64 = n * 2
    t1 : i64 = n * 3
    for i in 0 .. n by 4:
        t2 : i64 = n - i
        t3 : boolx4 = first(t2)
        for j in 0 .. 8 in vectors of 4:
            t4 : f32x4 = %x[n*j + i; 4 lanes; where t3]
            t5 : f32x4 = %x[n*j + n + i; 4 lanes; where t3]
            t6 : f32x4 = %x[n*j + t0 + i; 4 lanes; where t3]
            t7 : f32x4 = %x[n*j + t1 + i; 4 lanes; where t3]
            t8 : f32x4 = zip_low(t4, t6)
            t9 : f32x4 = zip_low(t5, t7)
            t10 : f32x4 = zip_high(t4, t6)
            t11 : f32x4 = zip_high(t5, t7)
            %y[8*i + j] = -zip_low(t8, t9)
            t12 : f32x4 = zip_high(t8, t9)
            t13 : f32x4 = zip_low(t10, t11)
            t14 : f32x4 = zip_high(t10, t11)
            if 1 < t2:
                %y[8*(i + 1) + j] = -t12
            if 2 < t2:
                %y[8*(i + 2) + j] = -t13
            if 3 < t2:
                %y[8*(i + 3) + j] = -t14
"""

KINDS = {
    "squares": (SQUARE, SQUARE_TURNED),
    "short rows": (SHORT_ROWS, SHORT_ROWS_TURNED),
    "rows stored one behind the other": (STORED_ROWS, STORED_ROWS_TURNED),
    "rows loaded one behind the other": (LOADED_ROWS, LOADED_ROWS_TURNED),
}


def test_squares_under_masks_are_written_once():
    kernel = read_kernel(SQUARE)
    turn = turn_of(kernel.body)
    assert turn is not None
    found = transpose(kernel, turn, 4, has_masks=True)
    verify(found)
    assert source(found, NAMING) == SQUARE_UNDER_MASKS


@pytest.mark.parametrize("kind", KINDS)
def test_vectors_along_one_loop_become_vectors_along_the_other(kind):
    before, after = KINDS[kind]
    kernel = read_kernel(before)
    turn = turn_of(kernel.body)
    assert turn is not None
    found = transpose(kernel, turn, 4)
    verify(found)
    assert is_vectorised(found.body)
    assert source(found, NAMING) == after


HEAD = """\
n : i64
%x : f32 at input %x
%y : f32 at output 0
for chunk in chunks:
    for i in 0 .. n:
        for j in 0 .. 8:
            """

LEFT_ALONE = {
    "it loads along what it stores": HEAD + "%y[8*i + j] = %x[8*i + j]\n",
    "it stores across what it loads": HEAD + "%y[n*j + 2*i] = %x[3*j + i]\n",
    "all rows store in one place": HEAD + "%y[j] = %x[n*j + i]\n",
    "what it loads is the same along the far loop": HEAD + "%y[8*i + j] = %x[n*j]\n",
    "its map is long": HEAD + "%y[8*i + j] = exp(%x[n*j + i])\n",
    "it stores over what it loads": HEAD + "%y[8*i + j] = %x[n*j + i] + %y[8*i + j]\n",
    "it may store over what it loads": (HEAD + "%y[8*i + j] = %x[n*j + i]\n").replace(
        "output 0", "output 0, overlapping"
    ),
    "it has one row": (HEAD + "%y[8*i + j] = %x[n*j + i]\n").replace("0 .. 8", "0 .. 1"),
}


@pytest.mark.parametrize("kind", LEFT_ALONE)
def test_other_nests_are_left_alone(kind):
    kernel = read_kernel(LEFT_ALONE[kind])
    (trick,) = (item for item in PASSES if item.name == "transpose")
    assert trick.run(kernel, MACHINE) is kernel


def compiled(shape, axes, dtype="float32", write=lambda x: x, backend="llvm"):
    x = tt.input("x", shape, dtype)
    return tt.compile([x], write(x.transpose(axes)), backend=backend)


def numbers(shape, dtype):
    found = np.random.default_rng(0).standard_normal(shape) * 100
    return found > 0 if dtype == "bool" else found.astype(dtype)


def kernels(program):
    for step in program._executable.lowered.steps:
        yield from bound(step).values()


def check(program, x, wanted):
    """Machine code for two machines, and on each what runs by hand after all tricks, which keep the laws."""
    np.testing.assert_array_equal(program(x), wanted)
    for machine in (MACHINE, PLAIN):
        for kernel in kernels(program):
            for stage, item in stages(kernel, machine):
                (verify_machine if stage == "lowered" else verify)(item, stage)
                assert canonical(read_kernel(canonical(item))) == canonical(item)
        for found in call(program, [x], "lowered", machine).results(program):
            np.testing.assert_array_equal(found, wanted)


DTYPES = ("float32", "float64", "int32", "int64", "bool")
EXTENTS = [(0, 5), (1, 1), (2, 17), (3, 16), (4, 33), (5, 3), (8, 40), (16, 2), (17, 4), (20, 18), (33, 8)]


@pytest.mark.parametrize("dtype", DTYPES)
def test_matrices_of_known_extents(dtype):
    for shape in EXTENTS:
        x = numbers(shape, dtype)
        check(compiled(shape, (1, 0), dtype), x, x.T)


@pytest.mark.parametrize("dtype", DTYPES)
def test_matrices_of_any_extents(dtype):
    program = compiled(("n", "m"), (1, 0), dtype)
    for shape in itertools.product([0, 1, 5, 16, 19], [1, 3, 32, 35]):
        x = numbers(shape, dtype)
        np.testing.assert_array_equal(program(x), x.T)
    check(program, numbers((19, 35), dtype), numbers((19, 35), dtype).T)


AXES = {
    "channels last": ((2, 5, 3, 7), (0, 2, 3, 1)),
    "few channels last": ((2, 3, 5, 7), (0, 2, 3, 1)),
    "channels first": ((2, 3, 7, 5), (0, 3, 1, 2)),
    "few channels first": ((1, 9, 5, 3), (0, 3, 1, 2)),
    "phases side by side": ((2, 2, 3, 2, 14, 14), (2, 3, 4, 0, 5, 1)),
    "phases apart": ((3, 2, 7, 2, 9, 2), (3, 5, 0, 1, 2, 4)),
    "far from its neighbour": ((4, 3, 20, 6), (1, 3, 2, 0)),
    "small squares": ((6, 4, 4), (0, 2, 1)),
}


@pytest.mark.parametrize("kind", AXES)
def test_more_axes(kind):
    shape, axes = AXES[kind]
    for dtype in ("float32", "int64"):
        x = numbers(shape, dtype)
        check(compiled(shape, axes, dtype), x, x.transpose(axes))
    x = numbers(shape, "float32")
    check(compiled(("n", *shape[1:]), axes), x, x.transpose(axes))


MAPS = {
    "a product": lambda x: x * 2,
    "another dtype": lambda x: x.astype("float64"),
    "a sum with a row": lambda x: x + tt.constant(np.arange(20, dtype="float32")),
    "a sum with columns": lambda x: x + tt.constant(np.arange(37, dtype="float32").reshape(37, 1)),
    "both ways": lambda x: x + tt.constant(np.arange(740, dtype="float32").reshape(37, 20)),
}


@pytest.mark.parametrize("kind", MAPS)
def test_maps(kind):
    write = MAPS[kind]
    x = numbers((20, 37), "float32")
    program = compiled((20, 37), (1, 0), write=write)
    expected = compiled((20, 37), (1, 0), write=write, backend="numpy")
    check(program, x, expected(x))


def test_columns_of_several_strips():
    shape = 2 * STRIP + 21, 18
    x = numbers(shape, "float32")
    for program in (compiled(shape, (1, 0)), compiled(("n", "m"), (1, 0))):
        np.testing.assert_array_equal(program(x), x.T)


@pytest.mark.parametrize("shape", [(100_003, 4), (4, 100_003), (3, 100_003), (700, 501)])
def test_chunks_share_what_is_long(shape):
    """A short loop is not cut: it is inside, where it is written out."""
    program = compiled(shape, (1, 0))
    x = numbers(shape, "float32")
    for threads in (1, 2):
        tt.set_num_threads(threads)
        np.testing.assert_array_equal(program(x), x.T)
    (kernel,) = kernels(program)
    turn = turn_of(kernel.body)
    assert turn is not None
    assert not isinstance(turn.loops[0].start, int)
    assert turn.loops[0].stop not in range(17)


def test_a_machine_of_short_vectors_without_masks():
    for shape in EXTENTS:
        for dtype in ("float32", "float64", "bool"):
            x = numbers(shape, dtype)
            np.testing.assert_array_equal(compiled(shape, (1, 0), dtype, backend=Llvm(SMALL))(x), x.T)
