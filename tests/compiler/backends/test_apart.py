"""What lies a few elements apart, or backwards, is loaded and stored as NumPy has it."""

import numpy as np
import pytest

import tinytorch as tt
from tests.backends import FAST

STEPS = (-3, -2, -1, 2, 3, 4, 5)
WIDTHS = (1, 2, 15, 16, 31, 33, 64, 97)


@pytest.mark.parametrize("backend", FAST)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "bool"])
@pytest.mark.parametrize("width", WIDTHS)
def test_slices_with_steps(backend, dtype, width):
    data = (np.random.default_rng(width).standard_normal((3, width)) * 4).astype(dtype)
    x = tt.input("x", data.shape, dtype)
    program = tt.compile([x], [x[:, ::step] for step in STEPS], backend=backend)
    for found, step in zip(program(data), STEPS, strict=True):
        np.testing.assert_array_equal(found, data[:, ::step])


@pytest.mark.parametrize("backend", FAST)
@pytest.mark.parametrize("count", [2, 3, 4, 5])
@pytest.mark.parametrize("width", WIDTHS)
def test_stacks_along_the_last_axis(backend, count, width):
    data = np.random.default_rng(width).standard_normal((3, width), np.float32)
    x = tt.input("x", data.shape)
    program = tt.compile([x], tt.stack([x * k for k in range(count)], axis=2), backend=backend)
    np.testing.assert_array_equal(
        program(data), np.stack([data * np.float32(k) for k in range(count)], axis=2)
    )
