"""What rows in lanes need again is kept: a vector for each column."""

from compiler.loops.holding import hold
from compiler.loops.source import source
from compiler.loops.verify import verify
from tests.compiler.loops.reading import NAMING, read_kernel

BEFORE = """\
n : i64
%x : f32 at input %x
%y : f32 at output 0
for chunk in chunks:
    for i in 0 .. 4 * n in vectors of 4:
        sum0 : f64x4 = 0.0
        for j in 0 .. 3:
            %e : f32x4 = exp(%x[3*i + j])
            sum0 += f64(%e)
        %s : f64x4 = join sum(sum0)
        t0 : f32x4 = f32(%s)
        for j in 0 .. 3:
            %e : f32x4 = exp(%x[3*i + j])
            %y[3*i + j] = %e / t0
"""

AFTER = """\
n : i64
%x : f32 at input %x
%y : f32 at output 0
room0 : f32 at room[12]
for chunk in chunks:
    for i in 0 .. 4 * n in vectors of 4:
        sum0 : f64x4 = 0.0
        for j in 0 .. 3:
            %e : f32x4 = exp(%x[3*i + j])
            sum0 += f64(%e)
            room0[4*j; 4 lanes] = %e
        %s : f64x4 = join sum(sum0)
        t0 : f32x4 = f32(%s)
        for j in 0 .. 3:
            %e : f32x4 = room0[4*j; 4 lanes]
            %y[3*i + j] = %e / t0
"""


def test_an_exponential_is_kept():
    held = hold(read_kernel(BEFORE))
    verify(held, "hold")
    assert source(held, NAMING) == AFTER


def test_what_is_cheap_is_computed_again():
    kernel = read_kernel(BEFORE.replace("exp(", "abs("))
    assert hold(kernel) == kernel


def test_rows_that_vectors_run_along_are_left_to_keep():
    kernel = read_kernel(BEFORE.replace("4 * n in vectors of 4", "n").replace("x4", ""))
    assert hold(kernel) == kernel
