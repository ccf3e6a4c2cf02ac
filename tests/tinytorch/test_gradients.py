"""First and second gradients of every op equal central differences, in float64."""

import numpy as np
import pytest

import tinytorch as tt
from tests.backends import ALL
from tests.tinytorch.op_table import ROWS
from tinytorch import api
from tinytorch.testing import check_gradient


def largest(row):
    return max(row.cases, key=lambda case: sum(np.size(item) for item in case))


def over_floats(row, case):
    """The op as a function of its floating operands, the others held constant, and those operands."""
    fixed = {k: api.constant(item) for k, item in enumerate(case) if np.asarray(item).dtype.kind != "f"}
    floats = [item for k, item in enumerate(case) if k not in fixed]

    def function(*tensors):
        given = iter(tensors)
        return row.ours(*(fixed[k] if k in fixed else next(given) for k in range(len(case))))

    return function, floats


def is_differentiable(row):
    function, floats = over_floats(row, largest(row))
    inputs = [api.input(f"x{k}", np.shape(item), "float64") for k, item in enumerate(floats)]
    return bool(floats) and row.is_smooth and function(*inputs).dtype.is_float


DIFFERENTIABLE = [row for row in ROWS if is_differentiable(row)]


@pytest.mark.parametrize("row", DIFFERENTIABLE, ids=repr)
def test_gradients_equal_finite_differences(row):
    function, floats = over_floats(row, largest(row))
    check_gradient(function, *floats)
    check_gradient(function, *floats, order=2, tolerance=1e-4)


def test_most_ops_are_differentiable():
    names = {row.name for row in DIFFERENTIABLE}
    assert names >= {
        "gelu",
        "softmax",
        "layer_norm",
        "take_along_axis",
        "map_reduce tropical",
        "std",
        "clip of tensors",
    }
    assert len(DIFFERENTIABLE) > 160


@pytest.mark.parametrize("backend", ALL)
def test_losers_have_no_share_in_an_infinite_cotangent_of_second_order(backend):
    x = tt.input("x", ("n", 4))
    first = tt.grad((x.max(1) * x.max(1)).sum(), x)  # 0 at the losers, where the root has an infinite slope
    second = tt.compile([x], tt.grad(tt.sqrt(first).sum(), x), backend=backend)
    expected = [[0, 0, 0, 0.5 * 2 / np.sqrt(8)], [0.5 * 2 / np.sqrt(8), 0, 0, 0]]
    np.testing.assert_allclose(
        second(np.array([[1, 2, 3, 4], [4, 1, 1, 1]], np.float32)), expected, rtol=1e-6
    )


DATA, COUNTS = np.array([0.3, 1.7, 2.9]), np.array([3, 5, 7])


def test_a_slope_by_integers_is_as_precise_as_the_value():
    """1 / n of an int64 is a float32 where it stands alone."""
    x, n = tt.input("x", (3,), "float64"), tt.input("n", (3,), "int64")
    for value, slope in ((x / n, lambda x, n: 1 / n), (x**n, lambda x, n: n * x ** (n - 1.0))):
        found = tt.compile([x, n], tt.grad(value.sum(), x))(DATA, COUNTS)
        np.testing.assert_allclose(found, slope(DATA, COUNTS), rtol=1e-15)
