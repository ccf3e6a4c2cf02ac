"""Softmax and its kin beside +inf: the limit of what is finite there, NaN as in PyTorch, and no other number.

As one element of a row grows without bound, the probabilities of the others go to 0. Its own goes to 1, and
has no limit where two grow: both are NaN here, as in PyTorch.
"""

import numpy as np
import pytest

from tests.backends import ALL
from tinytorch import api, losses
from tinytorch.ops import normalise
from tinytorch.ops.elementwise import exp, log, where

BACKENDS = ALL
INF, NAN = np.inf, np.nan
ROWS = [
    ([1.0, INF, 2.0, -1.0], [0, NAN, 0, 0]),
    ([1000.0, INF, 3e38, -1.0], [0, NAN, 0, 0]),
    ([INF, 1.0, INF, 0.0], [NAN, 0, NAN, 0]),
    ([INF, 1.0, -INF, 0.0], [NAN, 0, 0, 0]),
    ([0.0, 1.0, INF, -INF], [0, 0, NAN, 0]),
    ([INF] * 4, [NAN] * 4),
    ([-INF] * 4, [NAN] * 4),
    ([-INF, 0.0, -INF, 0.0], [0, 0.5, 0, 0.5]),
    ([-INF, 3.0, -INF, -INF], [0, 1, 0, 0]),
    ([1.0, NAN, 2.0, -INF], [NAN] * 4),
    ([NAN, INF, 2.0, -INF], [NAN] * 4),
]
"""Rows with their softmax, which is also the gradient of their log-sum-exp."""
X = np.array([row for row, _ in ROWS])
P = np.array([limit for _, limit in ROWS])
W, U, Q = np.array([[0.25, -0.75, 1.0, 0.5], [1.0, 0.5, -0.5, 2.0], [0.125, 0.25, 0.5, 0.125]])
LABEL = 2
ONE_HOT = np.eye(4)[LABEL]


def labels():
    return api.constant(np.full(len(ROWS), LABEL))


def targets(x, row):
    return api.constant(np.tile(row, (len(ROWS), 1)), dtype=x.dtype)


FUNCTIONS = {
    "logsumexp": (lambda x: normalise.logsumexp(x, -1), 1, 0),
    "log(sum(exp(x)))": (lambda x: log(exp(x).sum(-1)), 1, 0),
    "log_softmax": (lambda x: normalise.log_softmax(x) * targets(x, W), -W.sum(), -W),
    "an element of log_softmax": (lambda x: normalise.log_softmax(x)[:, LABEL], -1, -ONE_HOT),
    "log(softmax)": (lambda x: log(normalise.softmax(x)) * targets(x, W), -W.sum(), -W),
    "class indices": (lambda x: losses.cross_entropy(x, labels(), reduction="none"), 1, ONE_HOT),
    "one-hot": (lambda x: losses.cross_entropy(x, targets(x, ONE_HOT), reduction="none"), 1, ONE_HOT),
    "probabilities": (lambda x: losses.cross_entropy(x, targets(x, Q), reduction="none"), 1, Q),
}
"""Each with a and b, where the gradient of the sum of what it gives is a softmax(x) - b."""


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_slope_is_its_limit_or_nan(name, dtype, backend):
    function, a, b = FUNCTIONS[name]
    x = api.input("x", X.shape, dtype)
    found = api.compile([x], api.grad(function(x).sum(), x), backend=backend)(X.astype(dtype))
    np.testing.assert_allclose(found, a * P - b, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_second_slope_is_its_limit_or_nan(name, backend):
    function, a, _ = FUNCTIONS[name]
    x = api.input("x", X.shape, "float64")
    slope = api.grad(function(x).sum(), x)
    found = api.compile([x], api.grad((slope * targets(x, U)).sum(), x), backend=backend)(X)
    np.testing.assert_allclose(found, a * P * (U - (P * U).sum(-1, keepdims=True)), atol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_are_their_limits_or_nan(dtype, backend):
    x = api.input("x", X.shape, dtype)
    outputs = [normalise.logsumexp(x, -1), normalise.softmax(x), normalise.log_softmax(x)]
    total, shares, logs = api.compile([x], outputs, backend=backend)(X.astype(dtype))
    expected = [INF] * 6 + [-INF, np.log(2.0), 3.0, NAN, NAN]
    np.testing.assert_allclose(total, expected, rtol=1e-6)
    np.testing.assert_allclose(shares, P, rtol=1e-6)
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(logs, np.log(P), rtol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_row_of_finite_numbers_that_is_masked_out_has_no_slope(backend):
    x, keep = api.input("x", (2, 3)), api.input("keep", (2,), "bool")
    loss = where(keep, normalise.logsumexp(x, -1), 0.0).sum()
    step = api.compile([x, keep], api.grad(loss, x), backend=backend)
    found = step(np.array([[-INF, 3e38, 0], [0, 0, 0]], "float32"), np.array([False, True]))
    np.testing.assert_allclose(found, [[0] * 3, [1 / 3] * 3], rtol=1e-6)
