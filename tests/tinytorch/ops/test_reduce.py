"""Reductions and normalisations where rows are infinite, empty or huge, and their dtypes."""

from contextlib import nullcontext

import numpy as np
import pytest

from compiler.errors import ArgumentError, ShapeError
from tests.backends import ALL
from tinytorch import api
from tinytorch.ops import normalise, reduce
from tinytorch.ops.elementwise import exp, log

torch = pytest.importorskip("torch")

ROWS = np.array(
    [
        [1.0, 2.0, 3.0],
        [1000.0, 999.0, -1000.0],
        [-np.inf, 0.0, 1.0],
        [-np.inf] * 3,
        [np.nan, 0.0, 1.0],
        [5.0] * 3,
    ]
)
"""The row of infinities has no softmax; its log-sum-exp is -inf."""


def run(function, array, dtype="float64"):
    x = api.input("x", array.shape, dtype)
    result = function(x)
    weights = np.random.default_rng(0).standard_normal([n for n in result.shape if isinstance(n, int)])
    slopes = api.grad((result * api.constant(weights, dtype=dtype)).sum(), x)
    return api.compile(x, [result, slopes])(array.astype(dtype)), weights


STABLE = {
    "softmax": (normalise.softmax, lambda x: torch.softmax(x, -1)),
    "log_softmax": (normalise.log_softmax, lambda x: torch.log_softmax(x, -1)),
    "logsumexp": (lambda x: normalise.logsumexp(x, -1), lambda x: torch.logsumexp(x, -1)),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", STABLE)
def test_awkward_rows(name, dtype):
    ours, theirs = STABLE[name]
    (value, slopes), weights = run(ours, ROWS, dtype)
    x = torch.tensor(ROWS, dtype=torch.float64, requires_grad=True)
    expected = theirs(x)
    (expected_slopes,) = torch.autograd.grad((expected * torch.tensor(weights)).sum(), x)
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(value, expected.detach(), rtol=tolerance, atol=tolerance)
    rows = [k for k in range(len(ROWS)) if k != 3]  # the gradient of -inf has no limit there
    np.testing.assert_allclose(slopes[rows], expected_slopes[rows], rtol=tolerance, atol=tolerance)
    assert not np.isfinite(slopes[3]).any() or not slopes[3].any()


def test_written_out_softmax_is_as_stable_in_its_gradient():
    x = api.input("x", (1, 3))
    loss = -log(exp(x) / exp(x).sum(-1, keepdims=True))[0, 2]
    found = api.compile(x, api.grad(loss, x))(np.array([[1000.0, 0.0, -1000.0]], "float32"))
    np.testing.assert_allclose(found, [[1.0, 0.0, -1.0]])


@pytest.mark.parametrize("op", [reduce.max, reduce.min, reduce.argmax, reduce.argmin])
def test_the_extremum_of_nothing_is_refused(op):
    with pytest.raises(ShapeError, match="of no elements has no value"):
        op(api.input("x", (2, 0)), axis=1)


def test_nan_is_the_extremum():
    x = api.input("x", (3,))
    results = [reduce.max(x), reduce.min(x), reduce.argmax(x), reduce.argmin(x)]
    found = api.compile(x, results)(np.array([1.0, np.nan, 3.0], "float32"))
    np.testing.assert_array_equal(found, [np.nan, np.nan, 1, 1])


def test_ties_share_the_gradient():
    x = api.input("x", (2, 3), "float64")
    found = api.compile(x, api.grad(reduce.max(x, axis=1).sum(), x))(np.array([[2.0, 2, 1], [1, 1, 1]]))
    np.testing.assert_allclose(found, [[0.5, 0.5, 0], [1 / 3] * 3])


@pytest.mark.parametrize(
    ("op", "dtype", "wanted"),
    [
        (reduce.sum, "bool", "int64"),
        (reduce.sum, "int32", "int64"),
        (reduce.mean, "int32", "float32"),
        (reduce.mean, "int64", "float32"),
        (reduce.max, "int32", "int32"),
        (reduce.max, "bool", "bool"),
        (reduce.argmax, "float32", "int64"),
        (reduce.any, "float32", "bool"),
        (reduce.var, "float32", "float32"),
        (normalise.softmax, "int64", "float32"),
        (normalise.logsumexp, "int32", "float32"),
    ],
)
def test_dtypes(op, dtype, wanted):
    array = np.array([[1, 0, 1], [0, 0, 1]], dtype)
    x = api.input("x", array.shape, dtype)
    assert api.compile(x, op(x))(array).dtype == wanted


def test_a_symbolic_batch_may_be_empty():
    x = api.input("x", ("n", 3))
    results = [normalise.softmax(x), normalise.logsumexp(x, 0), reduce.sum(x, 0), reduce.mean(x)]
    found = api.compile(x, results)(np.zeros((0, 3), "float32"))
    assert found[0].shape == (0, 3)
    np.testing.assert_array_equal(found[1], [-np.inf] * 3)
    np.testing.assert_array_equal(found[2], [0] * 3)
    assert np.isnan(found[3])


def test_softmax_of_a_scalar():
    x = api.input("x", (), "float64")
    results = [normalise.softmax(x, None), normalise.log_softmax(x, None), normalise.logsumexp(x)]
    np.testing.assert_array_equal(api.compile(x, results)(np.float64(3.0)), [1, 0, 3])


def test_the_norm_of_zero_has_slope_zero():
    x = api.input("x", (3,), "float64")
    slopes = api.grad(reduce.norm(x), x)
    second = api.grad(slopes.sum(), x)
    np.testing.assert_array_equal(api.compile(x, slopes)(np.zeros(3)), [0, 0, 0])
    assert api.compile(x, second)(np.array([3.0, 0.0, 4.0])).shape == (3,)


@pytest.mark.parametrize("correction", [0, 1])
def test_the_slope_of_std_is_0_where_all_elements_are_equal(correction):
    rows = np.array([[2.0, 2.0, 2.0], [1.0, 2.0, 4.0]])
    (_, slopes), weights = run(lambda x: reduce.std(x, 1, correction=correction), rows)
    x = torch.tensor(rows, requires_grad=True)
    (torch.std(x, 1, correction=correction) * torch.tensor(weights)).sum().backward()
    np.testing.assert_allclose(slopes, x.grad, rtol=1e-12)


@pytest.mark.parametrize("rows", [0, 1, 2, 3])
@pytest.mark.parametrize("correction", [0, 1, 2])
def test_the_variance_of_too_few_rows_of_a_symbolic_axis_is_that_of_torch(rows, correction):
    x = api.input("x", ("n", 2), "float64")
    found = api.compile(x, reduce.var(x, 0, correction=correction))
    given = np.arange(2.0 * rows).reshape(rows, 2) ** 2
    with pytest.warns(UserWarning, match="degrees of freedom") if rows <= correction else nullcontext():
        wanted = torch.var(torch.tensor(given), 0, correction=correction)
    np.testing.assert_allclose(found(given), wanted, rtol=1e-15, atol=0.0)


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("correction", [0.5, 1.5, 2.5, 3.0, 4.5, np.float32(0.5), np.int64(1), 0, 5])
@pytest.mark.parametrize("rows", [4, "n"])
def test_a_correction_is_any_number(correction, rows, backend):
    given = np.array([[1.0, 2.0], [3.0, 5.0], [-2.0, 0.5], [7.0, 1.0]])
    x = api.input("x", (rows, 2), "float64")
    outputs = [reduce.var(x, 0, correction=correction), x.std(0, True, correction=correction)]
    squares = ((given - given.mean(0)) ** 2).sum(0)
    with np.errstate(divide="ignore"):
        wanted = squares / max(4 - float(correction), 0.0)
    for passes in ((), None):
        variance, deviation = api.compile(x, outputs, backend=backend, passes=passes)(given)
        np.testing.assert_allclose(variance, wanted, rtol=1e-14)
        np.testing.assert_allclose(deviation, np.sqrt(wanted)[None], rtol=1e-14)


def test_a_correction_is_an_extent():
    x = api.input("x", ("n", "m"), "float64")
    n, m = x.shape
    given = np.arange(12.0).reshape(4, 3) ** 2
    outputs = [
        x.var(0, correction=n - 2),
        x.var(0, correction=m),
        x.var(correction=m),
        x.var(0, correction=n),
    ]
    found = api.compile(x, outputs)(given)
    squares = ((given - given.mean(0)) ** 2).sum(0)
    np.testing.assert_allclose(found[0], squares / 2)
    np.testing.assert_allclose(found[1], squares / 1)
    np.testing.assert_allclose(found[2], given.var(ddof=3))
    np.testing.assert_array_equal(found[3], np.full(3, np.inf))


@pytest.mark.parametrize("correction", ["1", None, float("nan"), float("inf"), [1], np.array(1.0)])
def test_what_is_no_correction(correction):
    x = api.input("x", ("n", 2))
    for function in (x.var, x.std, lambda **named: reduce.var(x, **named)):
        with pytest.raises(ArgumentError, match="a correction is a finite number or an extent, not "):
            function(correction=correction)
