"""Pads, whose edges are filled alone where that is less work than to fill everything, against NumPy."""

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import tinytorch as tt

WIDTHS = [
    ((3, 4, 5, 16), ((0, 0), (1, 2), (2, 0), (0, 0))), ((2, 3, 40), ((1, 1), (0, 3), (0, 0))),
    ((4, 7, 33), ((2, 0), (0, 0), (0, 0))), ((0, 3, 16), ((1, 1), (2, 2), (0, 0))),
    ((3, 4, 15), ((1, 1), (1, 1), (0, 0))), ((3, 4, 20), ((0, 0), (1, 1), (1, 1))),
    ((3, 4, 28), ((0, 0), (1, 1), (2, 1))), ((5, 30), ((2, 1), (0, 3))), ((40, 3), ((0, 0), (1, 2))),
    ((9,), ((3, 0),)), ((2, 3, 4, 25), ((1, 0), (0, 2), (1, 1), (1, 3))),
    ((3, 0), ((1, 1), (2, 2))), ((3, 7), ((0, 0), (0, 0))),
]  # fmt: skip


@pytest.mark.parametrize("value", [0.0, -0.0, 7.5])
@pytest.mark.parametrize(("shape", "widths"), WIDTHS)
def test_edges_and_what_is_inside(shape, widths, value):
    x = tt.input("x", shape)
    program = tt.compile([x], tt.pad(x, widths, value=value), backend="llvm")
    given = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    expected = np.pad(given, widths, constant_values=value)
    assert np.array_equal(program(given).view(np.int32), expected.view(np.int32))


def test_no_element_is_filled_twice_where_edges_are_wide():
    x = tt.input("x", ("n", 8, 8, 32))
    text = tt.compile([x], tt.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))), backend="llvm").source(0)
    assert text.count("for chunk in chunks") == 1
    assert text.count("[3200*i") == 5


@pytest.mark.parametrize(("width", "kernels"), [(24, 3), (23, 2)], ids=["edges", "everything"])
def test_edges_of_several_axes_are_filled_alone_where_rows_are_long(width, kernels):
    x = tt.input("x", (6, width))
    text = tt.compile([x], tt.pad(x, ((1, 1), (1, 1))), backend="llvm").source(0)
    assert text.count("for chunk in chunks") == kernels
