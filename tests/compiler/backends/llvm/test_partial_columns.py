"""A kernel that reduces all its loops, and beside that some of them."""

import numpy as np

import tinytorch as tt


def test_a_row_maximum_beside_a_whole_sum_that_is_read_in_the_kernel() -> None:
    x = tt.input("x", (2, 3), "float64")
    y = tt.exp(x)
    mean = y.sum() / 6.0
    outputs = [mean, y.max(axis=1), (y - mean).sum(axis=1), y.sum(axis=0)]
    data = np.random.default_rng(0).standard_normal((2, 3))
    expected = tt.compile([x], outputs, backend="reference")(data)
    for found, right in zip(tt.compile([x], outputs, backend="llvm")(data), expected, strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-12)
