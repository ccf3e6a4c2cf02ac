"""Prefix reductions as users write them: edges, symbolic extents, gradients at zeros, linear work."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.errors import ShapeError
from tests.backends import ALL

BACKENDS = ALL
NAMES = ("cumsum", "cumprod", "cummax", "cummin")
BY_NUMPY = {
    "cumsum": np.add.accumulate,
    "cumprod": np.multiply.accumulate,
    "cummax": np.maximum.accumulate,
    "cummin": np.minimum.accumulate,
}
EDGES = [
    [1, np.inf, 2, -np.inf, 3],
    [np.nan, 1, 2, 3, 4],
    [1, 2, np.nan, 5, np.inf],
    [0, np.inf, 0, 1, 2],
    [-0.0, 0.0, -0.0, 1, -1],
    [1e300, 1e300, -1e300, 1e-300, 1e-300],
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", NAMES)
def test_edge_values_are_numpys(name, backend):
    x = tt.input("x", (6, 5), "float64")
    given = np.array(EDGES)
    with np.errstate(all="ignore"):
        expected = BY_NUMPY[name](given, axis=1)
    np.testing.assert_array_equal(tt.compile(x, getattr(tt, name)(x, 1), backend=backend)(given), expected)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", NAMES)
def test_a_symbolic_axis_may_be_empty(name, backend):
    x = tt.input("x", ("n", "m"))
    y = getattr(x, name)(0)
    program = tt.compile(x, [y, tt.grad(y.sum(), x)], backend=backend)
    for shape in ((3, 2), (0, 2), (2, 0), (1, 1)):
        given = np.ones(shape, np.float32)
        found, slope = program(given)
        np.testing.assert_array_equal(found, BY_NUMPY[name](given, axis=0))
        assert slope.shape == shape


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_slopes_of_a_product_with_zeros_are_right(backend):
    """Each slope is a sum of products of all elements but one, worked out here by leaving it out."""
    x, g = tt.input("x", (5,), "float64"), tt.input("g", (5,), "float64")
    program = tt.compile([x, g], tt.grad((x.cumprod(0) * g).sum(), x), backend=backend)
    weights = np.array([0.5, -1.0, 2.0, 0.25, 3.0])
    for zeros in ([], [0], [2], [4], [1, 3], [0, 1], [0, 1, 2, 3, 4]):
        given = np.array([2.0, -1.5, 0.5, 3.0, -2.0])
        given[zeros] = 0
        expected = [
            sum(weights[i] * np.prod(np.delete(given[: i + 1], k)) for i in range(k, 5)) for k in range(5)
        ]
        np.testing.assert_allclose(program(given, weights), expected, rtol=1e-14)


def test_a_product_that_underflows_has_the_slopes_of_what_it_is():
    """1e-200 squared is 0, and its slope by one factor is still the other one."""
    x = tt.input("x", (2,), "float64")
    slope = tt.compile(x, tt.grad(x.cumprod(0)[1], x), backend="numpy")
    np.testing.assert_array_equal(slope(np.array([1e-200, 1e-200])), [1e-200, 1e-200])


def test_the_last_of_equal_ones_has_the_gradient_of_cummax():
    x = tt.input("x", (6,))
    given = np.array([1, 3, 3, 2, 3, 0], np.float32)
    for tensor, expected in (
        (x.cummax(0), [1, 1, 2, 0, 2, 0]),
        (x.cummin(0), [5, 0, 0, 0, 0, 1]),
        (x.cummax(0, reverse=True), [0, 2, 1, 0, 2, 1]),
    ):
        found = tt.compile(x, tt.grad(tensor.sum(), x), backend="numpy")(given)
        np.testing.assert_array_equal(found, expected)


def test_without_an_axis_the_tensor_is_flat():
    x = tt.input("x", (2, 3))
    assert str(tt.cumsum(x).node.type) == "f32[6]"
    assert str(tt.cumsum(2.0).node.type) == "f32[1]"
    assert tt.cumsum([True, False, True]).dtype == "int64"
    with pytest.raises(ShapeError, match="axis 2 is out of range for 2 axes"):
        tt.cumsum(x, 2)
    with pytest.raises(ShapeError, match="an axis is an int"):
        x.cumprod((0, 1))


def test_integers_wrap_as_numpys_do():
    i = tt.input("i", (3,), "int64")
    given = np.array([2**62, 2**62, 1])
    for backend in BACKENDS:
        found = tt.compile(i, i.cumsum(0), backend=backend)(given)
        np.testing.assert_array_equal(found, np.cumsum(given))


@pytest.mark.parametrize("name", NAMES)
def test_integers_have_no_slope(name):
    x = tt.input("x", (3,))
    whole = getattr((x * 2).astype("int64"), name)(0)
    slope = tt.compile(x, tt.grad(whole.astype("float32").sum(), x), backend="numpy")
    np.testing.assert_array_equal(slope(np.ones(3, np.float32)), np.zeros(3))


def test_a_long_gradient_of_a_product_is_one_walk():
    """100,000 elements: quadratic work would be 10^10 steps."""
    x = tt.input("x", ("n",))
    program = tt.compile(x, tt.grad(x.cumprod(0).sum(), x), backend="numpy")
    given = np.full(100_000, 1.0, np.float32)
    np.testing.assert_array_equal(program(given), np.arange(100_000, 0, -1))
