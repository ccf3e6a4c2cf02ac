"""Rows shorter than a vector: vectors as short as they are, and no loop around one of them."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.loops.language import For, walk
from compiler.loops.opening import open_loops
from compiler.loops.source import source
from compiler.loops.vectors import vectorise
from compiler.loops.verify import verify
from compiler.loops.walking import loops
from tests.backends import NATIVE
from tests.compiler.loops.interpreter import run
from tests.compiler.loops.reading import NAMING, read_kernel

BEFORE = """\
n : i64
%i : i64 at input %i
%x : f32 at input %x
%y : f32 at output 0
for chunk in chunks:
    for i in 0 .. n:
        for j in 0 .. 3 in vectors of 4 with mask0:
            ahead:
                t0 : i64 = %i[i]
            %y[3*i + j; first 3] = %x[j + 3*t0; where mask0] * f32(lanes:i64x4(j))
"""

AFTER = """\
n : i64
%i : i64 at input %i
%x : f32 at input %x
%y : f32 at output 0
for chunk in chunks:
    for i in 0 .. n:
        t0 : f32x4 = %x[3*%i[i]; 4 lanes; where first:boolx4(3:i64)]
        %y[3*i; 4 lanes; first 3] = t0 * f32(lanes:i64x4(0:i64))
"""

SCALARS = """\
n : i64
%x : f32 at input %x
%y : f32 at output 0
for chunk in chunks:
    for i in 0 .. n:
        for j in 0 .. {}:
            %y[{}*i + j] = %x[{}*i + j] * 2.0
"""

SUMS = """\
n : i64
%x : f32 at input %x
%y : f32 at output 0
for chunk in chunks:
    for i in 0 .. n:
        sum0 : f64 = 0.0
        for j in 0 .. 3:
            sum0 += f64(%x[3*i + j])
        sum1 : f64 = join sum(sum0)
        %y[i] = f32(sum1)
"""


def test_before_and_after():
    kernel = open_loops(read_kernel(BEFORE))
    verify(kernel)
    assert source(kernel, NAMING) == AFTER
    index, x = np.array([4, 0, 4, 2]), np.arange(15, dtype=np.float32)
    for item in (read_kernel(BEFORE), kernel):
        y = np.full((4, 3), -1, np.float32)
        run(item, 4, index, x, y)
        np.testing.assert_array_equal(y, x.reshape(5, 3)[index] * np.arange(3))


@pytest.mark.parametrize("span", ["0 .. 8", "1 .. 3", "0 .. n"])
def test_other_loops_stay(span):
    kernel = read_kernel(BEFORE.replace("j in 0 .. 3", f"j in {span}"))
    assert open_loops(kernel) == kernel


@pytest.mark.parametrize(
    ("width", "lanes"), [(2, 4), (3, 4), (4, 4), (5, 8), (8, 8), (9, 16), (16, 16), (17, 16)]
)
def test_vectors_are_as_short_as_rows(width, lanes):
    kernel = read_kernel(SCALARS.format(width, width, width))
    found = vectorise(kernel, 16, fits=True)
    assert {loop.lanes for loop in loops(found.body)} == {0, lanes}
    left = [stmt for stmt in walk(open_loops(found).body) if isinstance(stmt, For)]
    assert len(left) == (2 if width > 16 else 1)


def test_what_joins_lanes_has_whole_vectors():
    """The order in which lanes are joined is part of a result."""
    kernel = read_kernel(SUMS)
    assert {loop.lanes for loop in loops(vectorise(kernel, 16, fits=True).body)} == {0, 16}


@pytest.mark.parametrize("backend", NATIVE)
@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_narrow_rows_of_maps(width, dtype, backend):
    rng = np.random.default_rng(0)
    x, b, c = (
        tt.input("x", ("n", width), dtype),
        tt.input("b", (width,), dtype),
        tt.input("c", ("n", 1), dtype),
    )
    values = [(rng.standard_normal(shape) * 9).astype(dtype) for shape in ((13, width), (width,), (13, 1))]
    program = tt.compile([x, b, c], [x * b + c, tt.where(x > b, c, x), x[:, ::-1] - b], backend=backend)
    one, two, three = values
    expected = [one * two + three, np.where(one > two, three, one), one[:, ::-1] - two]
    for found, known in zip(program(*values), expected, strict=True):
        np.testing.assert_allclose(found, known, rtol=1e-6, atol=1e-5)
