"""Narrow rows as one loop: what all rows, or all columns of one, have alike is repeated in a room."""

import numpy as np
import pytest

import tinytorch as tt
from tests.backends import FAST

ROWS = 2001


def told(shape, other):
    x, y = tt.input("x", shape), tt.input("y", other)
    return tt.compile([x, y], tt.tanh(x * y) - y)


def data(*shapes):
    generator = np.random.default_rng(1)
    return [generator.standard_normal(shape, np.float32) for shape in shapes]


@pytest.mark.parametrize("backend", FAST)
@pytest.mark.parametrize("rows", [1, 5, 511, 512, 513, ROWS])
@pytest.mark.parametrize("width", [2, 3, 5, 7, 11, 17, 18, 20])
def test_rows_and_columns_that_are_alike(width, rows, backend):
    x, column, row = data((rows, width), (width,), (rows, 1))
    inputs = [tt.input("x", x.shape), tt.input("c", column.shape), tt.input("r", row.shape)]
    a, b, c = inputs
    program = tt.compile(inputs, tt.where(a > b, a * c, b - c), backend=backend)
    np.testing.assert_array_equal(program(x, column, row), np.where(x > column, x * row, column - row))


@pytest.mark.parametrize("backend", FAST)
def test_an_open_number_of_rows(backend):
    inputs = [tt.input("x", ("n", 3)), tt.input("c", (3,)), tt.input("r", ("n", 1))]
    a, b, c = inputs
    program = tt.compile(inputs, a * b + c, backend=backend)
    for rows in (0, 1, 84, 85, 86, 1000, 70000):
        x, column, row = data((rows, 3), (3,), (rows, 1))
        np.testing.assert_allclose(program(x, column, row), x * column + row, 1e-6, 1e-6)


def test_a_room_is_filled_once_for_columns_and_for_each_block_for_rows():
    text = told((ROWS, 2), (2,)).source()
    assert "repeat" in [item.name for item in told((ROWS, 2), (2,)).loops(0) if item.changed]
    assert text.index("room0[2*") < text.index("in 0 .. 256") < text.index("= room0[")
    text = told((ROWS, 2), (ROWS, 1)).source()
    assert text.index(" by 128:") < text.index("room0[2*") < text.index("in 0 .. 256 in vectors")


@pytest.mark.parametrize(
    ("shape", "other"),
    [((ROWS, 16), (16,)), ((ROWS, 13), (13,)), ((100, 2), (2,)), ((ROWS, 40), (40,)), ((2, ROWS), (2, 1))],
    ids=["whole vectors", "nearly full vectors", "few rows", "wide rows", "long rows"],
)
def test_what_gains_nothing_is_left_alone(shape, other):
    assert "room" not in told(shape, other).source()
