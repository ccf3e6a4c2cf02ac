"""Searches down few columns: lanes hold rows, too; the first of equals wins, and NaN above all."""

import numpy as np
import pytest

import tinytorch as tt
from tests.backends import FAST

SHAPES = [
    ((5003, 2), 0),
    ((3001, 3), 0),
    ((2000, 8), 0),
    ((7, 500, 3), 1),
    ((1001, 5), 0),
    ((130, 2), 0),
    ((9, 4), 0),
]


def told(shape, axis, dtype="float32", name="argmax", backend=None):
    x = tt.input("x", shape, dtype)
    return tt.compile([x], getattr(x, name)(axis=axis), backend=backend)


def data(shape, kind):
    generator = np.random.default_rng(0)
    plain = generator.standard_normal(shape) * 4
    match kind:
        case "ties":
            return np.round(plain / 4)
        case "some NaN":
            return np.where(generator.random(shape) < 0.01, np.nan, plain)
        case "one value":
            return np.full(shape, -np.inf)
        case _:
            return plain


@pytest.mark.parametrize("backend", FAST)
@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
@pytest.mark.parametrize(("shape", "axis"), SHAPES, ids=str)
def test_the_first_of_the_best_is_found(shape, axis, dtype, name, backend):
    program = told(shape, axis, dtype, name, backend)
    for kind in ("plain", "ties", *(["some NaN", "one value"] if dtype.startswith("float") else [])):
        x = data(shape, kind).astype(dtype)
        np.testing.assert_array_equal(program(x), getattr(np, name)(x, axis), err_msg=kind)


@pytest.mark.parametrize("backend", FAST)
def test_an_open_number_of_rows(backend):
    program = told(("n", 3), 0, backend=backend)
    for rows in (1, 2, 15, 16, 17, 100, 4099):
        x = data((rows, 3), "ties").astype(np.float32)
        np.testing.assert_array_equal(program(x), np.argmax(x, 0))


def test_lanes_are_full_where_columns_are_few_and_rows_are_many():
    assert "deal" in [item.name for item in told((5000, 2), 0).loops(0) if item.changed]
    for shape, axis in [((5000, 9), 0), ((20, 2), 0), ((2, 5000), 1), ((5000, 2), 1)]:
        assert "deal" not in [item.name for item in told(shape, axis).loops(0) if item.changed]
