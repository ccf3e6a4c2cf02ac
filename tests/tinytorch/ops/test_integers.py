"""Integers divided and raised, and what traps a processor."""

import numpy as np
import pytest

import tinytorch as tt
from tests.backends import ALL

LEAST = {"int32": -(2**31), "int64": -(2**63)}


def run(function, dtype, *columns, backend="reference"):
    arrays = [np.array(column, dtype) for column in columns]
    inputs = [tt.input(f"x{k}", array.shape, dtype) for k, array in enumerate(arrays)]
    return tt.compile(inputs, function(*inputs), backend=backend)(*arrays)


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("dtype", LEAST)
def test_division_by_zero_is_zero_and_the_least_number_stays_by_minus_one(dtype, backend):
    least = LEAST[dtype]
    x, y = [7, -7, 0, least, least, least], [0, 0, 0, -1, 0, 1]
    quotient = run(lambda a, b: a // b, dtype, x, y, backend=backend)
    np.testing.assert_array_equal(quotient, [0, 0, 0, least, 0, least])
    for rest in (lambda a, b: a % b, tt.fmod):
        np.testing.assert_array_equal(run(rest, dtype, x, y, backend=backend), np.zeros(6))


@pytest.mark.parametrize("backend", ALL)
def test_quotient_and_rest_are_pythons_for_every_sign(backend):
    x, y = [7, 7, -7, -7, 6, -6], [3, -3, 3, -3, 3, -3]
    quotient, rest = run(divmod, "int32", x, y, backend=backend)
    wanted = [divmod(a, b) for a, b in zip(x, y, strict=True)]
    np.testing.assert_array_equal(np.stack([quotient, rest], 1), wanted)
    np.testing.assert_array_equal(run(lambda a: 17 % a, "int32", y, backend=backend), [17 % b for b in y])
    np.testing.assert_array_equal(run(lambda a: 17 // a, "int32", y, backend=backend), [17 // b for b in y])


@pytest.mark.parametrize("backend", ALL)
def test_powers_of_a_tensor_of_exponents(backend):
    base, exponent = [2, 3, -2, 1, -1, -1, 0, 2], [10, 4, 3, -5, -5, -4, 0, -1]
    found = run(lambda a, b: a**b, "int64", base, exponent, backend=backend)
    np.testing.assert_array_equal(found, [1024, 81, -8, 1, -1, 1, 1, 0])
    np.testing.assert_array_equal(run(lambda b: 2**b, "int32", [0, 5], backend=backend), [1, 32])


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_remainder_of_floats_is_exact_however_far_they_are_apart(dtype, backend):
    rng = np.random.default_rng(1)
    low, high = (-140, 128) if dtype == "float32" else (-1070, 1024)
    x, y = (np.ldexp(rng.uniform(-1, 1, 300), rng.integers(low, high, 300)).astype(dtype) for _ in range(2))
    special = np.array([0.0, -0.0, 1.5, -2.0, np.inf, -np.inf, np.nan], dtype)
    x, y = np.concatenate([x, np.repeat(special, 7)]), np.concatenate([y, np.tile(special, 7)])
    found = run(lambda a, b: (tt.fmod(a, b), a // b), dtype, x, y, backend=backend)
    with np.errstate(all="ignore"):
        for mine, wanted in zip(found, (np.fmod(x, y), np.floor_divide(x, y)), strict=True):
            np.testing.assert_array_equal(mine, wanted)
            is_number = ~np.isnan(wanted)
            np.testing.assert_array_equal(np.signbit(mine[is_number]), np.signbit(wanted[is_number]))
