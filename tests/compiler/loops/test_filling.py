"""Vectors of narrow numbers: loops that move them, and hardly compute with them, fill registers."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.loops.source import source
from compiler.loops.vectors import filling, vectorise
from compiler.loops.walking import loops
from tests.backends import NATIVE
from tests.compiler.loops.reading import NAMING, read_kernel

SUM = """\
n : i64
%x : u8 at input %x
%y : u8 at input %y
%z : u8 at output 0
for chunk in chunks:
    for i in 0 .. n:
        %z[i] = %x[i] + %y[i]
"""


@pytest.mark.parametrize(
    ("old", "new", "lanes"),
    [
        ("", "", 64),
        ("u8", "i16", 32),
        ("u8", "bf16", 16),
        ("u8", "i32", 16),
        ("%x : u8", "%x : i8", 64),
        ("%z : u8", "%z : i16", 32),
        ("%x[i] +", "u8(i32(%x[i])) +", 64),
        ("%x[i] +", "%x[0] +", 64),
        ("%x[i] +", "%x[2*i] +", 16),
        ("%x[i] +", "%x[-1*i] +", 16),
        ("+ %y[i]", "", 64),
        ("%x[i] + %y[i]", "maximum(%x[i], %y[i])", 16),
        ("%x[i] + %y[i]", "u8(f32(%x[i]) + f32(%y[i]))", 16),
    ],
)
def test_a_register_is_filled_where_little_is_computed(old, new, lanes):
    kernel = read_kernel(SUM.replace(old, new) if old else SUM)
    (loop,) = (loop for loop in loops(kernel.body) if loop.start == 0)
    assert filling(loop, 16) == lanes
    text = source(vectorise(kernel, 16, fills=True), NAMING)
    assert f"in vectors of {lanes}" in text
    assert "in vectors of 16" in source(vectorise(kernel, 16), NAMING)


WIDTHS = (1, 3, 15, 16, 17, 31, 50, 63, 64, 65, 100, 127, 128, 129, 300)
DTYPES = ("uint8", "int8", "int16", "bool", "float16")


def arrays(dtype, *shape):
    random = np.random.default_rng(shape[-1])
    low, high = (0, 2) if dtype == "bool" else (0, 256) if dtype == "uint8" else (-128, 128)
    return [random.integers(low, high, shape).astype(dtype) for _ in "xy"]


def moved(library, x, y):
    """What is moved only: beside each other, one behind the other, in part, again and again."""
    cut = (slice(None), slice(x.shape[1] // 3, None))
    return [
        *(library.concatenate([x, y, x[:1]], 0), library.concatenate([x[cut], y], 1)),
        *(library.tile(x, (2, 3)), library.where(x == y, x, y)),
    ]


@pytest.mark.parametrize("backend", NATIVE)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("width", WIDTHS)
def test_narrow_numbers_are_moved_as_numpy_moves_them(backend, dtype, width):
    x, y = tt.input("x", (3, width), dtype), tt.input("y", (3, width), dtype)
    a, b = arrays(dtype, 3, width)
    found = tt.compile([x, y], moved(tt, x, y), backend=backend)(a, b)
    for mine, expected in zip(found, moved(np, a, b), strict=True):
        np.testing.assert_array_equal(mine, expected)
        assert mine.dtype == expected.dtype


@pytest.mark.parametrize("backend", NATIVE)
@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16"])
@pytest.mark.parametrize("width", WIDTHS)
def test_narrow_integers_wrap_around_as_numpys_do(backend, dtype, width):
    def computed(x, y, row):
        return [x + y, x * y - x, -x, ~x & (y | x) ^ row, x + row, x - x[:, :1], x + x[::-1]]

    x, y = tt.input("x", (5, width), dtype), tt.input("y", (5, width), dtype)
    row = tt.input("row", (width,), dtype)
    a, b = arrays(dtype, 5, width)
    found = tt.compile([x, y, row], computed(x, y, row), backend=backend)(a, b, b[0])
    for mine, expected in zip(found, computed(a, b, b[0]), strict=True):
        np.testing.assert_array_equal(mine, expected)
        assert mine.dtype == expected.dtype


@pytest.mark.parametrize("backend", NATIVE)
@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 200])
def test_of_unknown_length(backend, count):
    x, y = tt.input("x", ("n", 3), "uint8"), tt.input("y", ("n", 3), "uint8")
    a, b = arrays("uint8", count, 3)
    found = tt.compile([x, y], [x + y, tt.concatenate([x, y], 1)], backend=backend)(a, b)
    np.testing.assert_array_equal(found[0], a + b)
    np.testing.assert_array_equal(found[1], np.concatenate([a, b], 1))


def test_a_sum_is_written_over_what_is_added():
    x = tt.input("x", (1000,), "uint8")
    program = tt.compile([x], x + x, donate=[x])
    a = np.arange(1000).astype(np.uint8)
    expected = a + a
    found = program(a)
    np.testing.assert_array_equal(found, expected)
    assert np.shares_memory(found, a)
