"""Products of elements: over any axes, of any dtype, by any number of threads."""

import numpy as np
import pytest

import tinytorch as tt
from tests.threads import by_threads

SHAPES = [((5,), 0), ((1000, 3), 0), ((3, 1000), 1), ((7, 40, 9), 1), ((7, 40, 9), (0, 2)), ((6, 20_000), 0)]


def near_one(shape, dtype):
    x = np.random.default_rng(len(shape)).uniform(-1.5, 1.5, shape)
    return np.where(np.abs(x) < 0.7, np.sign(x), x).astype(dtype)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_floats_are_multiplied_in_more_digits_than_they_have(shape, axis, dtype):
    x = near_one(shape, dtype)
    i = tt.input("x", shape, dtype)
    program = tt.compile([i], tt.prod(i, axis))
    with np.errstate(over="ignore"):
        expected = x.astype("longdouble").prod(axis).astype(dtype)
    one, *others = by_threads(lambda: program(x))
    tolerance = {"float16": 2e-2, "float32": 1e-6, "float64": 1e-12}[dtype]
    np.testing.assert_allclose(one, expected, rtol=tolerance)
    assert all(found.tobytes() == one.tobytes() for found in others)


def test_what_overflows_float32_on_the_way_does_not_overflow():
    x = np.array([[1e30, 1e30, 1e-30, 1e-30]], np.float32)
    i = tt.input("x", (1, 4))
    np.testing.assert_allclose(tt.compile([i], tt.prod(i, 1))(x), [1], rtol=1e-6)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "int64"])
@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_integers_are_multiplied_as_int64(shape, axis, dtype):
    x = np.random.default_rng(0).integers(1, 4, shape).astype(dtype)
    i = tt.input("x", shape, dtype)
    np.testing.assert_array_equal(tt.compile([i], tt.prod(i, axis))(x), x.prod(axis, dtype=np.int64))


@pytest.mark.parametrize("special", [0.0, -0.0, np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 17, 98])
def test_what_is_special_is_found_wherever_it_lies(special, place):
    x = near_one((99, 4), "float32")
    x[place, 2] = special
    i = tt.input("x", ("n", 4))
    program = tt.compile([i], [tt.prod(i, 0), tt.prod(i, 1)])
    for found, axis in zip(program(x), (0, 1), strict=True):
        expected = x.prod(axis, dtype=np.float64).astype(np.float32)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))


def test_nothing_is_one():
    i = tt.input("x", ("n", 4))
    program = tt.compile([i], [tt.prod(i, 0), tt.prod(i)])
    rows, whole = program(np.empty((0, 4), np.float32))
    assert (rows == 1).all()
    assert whole == 1


@pytest.mark.parametrize("zeros", [0, 1, 2])
def test_slopes_are_right_beside_zeros(zeros):
    x = near_one((6, 5), "float64")
    x[:zeros, 1] = 0
    i = tt.input("x", (6, 5), "float64")
    (slope,) = tt.grad(tt.sum(tt.prod(i, 0)), [i])
    others = [np.delete(x, k, 0).prod(0) for k in range(6)]
    np.testing.assert_allclose(tt.compile([i], slope)(x), others)


def test_what_is_masked_out_has_no_slope():
    x = np.array([[np.inf, 0.0, 3.0], [2.0, 3.0, 4.0]])
    i = tt.input("x", (2, 3), "float64")
    rows = tt.prod(i, 1)
    (slope,) = tt.grad(tt.sum(tt.where(tt.isfinite(rows), rows, 0.0)), [i])
    np.testing.assert_array_equal(tt.compile([i], slope)(x), [[0, 0, 0], [12, 8, 6]])
