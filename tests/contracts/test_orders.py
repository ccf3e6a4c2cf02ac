"""The gradient of every activation exists to order 8, and is mpmath's."""

import mpmath
import numpy as np
import pytest

import tinytorch as tt
from tests.accuracy.activations import ACTIVATIONS
from tests.accuracy.references import exact
from tinytorch.builtin import BUILTIN

ORDER = 8
BACKENDS = [backend.name for backend in BUILTIN.backends]
DIGITS = 80
POINTS = np.array([-7.3, -2.9, -1.1, -0.4, 0.3, 0.9, 2.2, 3.7, 6.1])
QUICK = ("elu", "tanh", "softsign", "log_sigmoid")
QUICKLY = [item for item in ACTIVATIONS if item.name in QUICK]
SLOWLY = [item for item in ACTIVATIONS if item.name not in QUICK]
TOLERANCE = 1e-12
"""Of the largest derivative of an order, which the others are sums of parts of."""


def gradients(function, backend):
    """The derivatives of a function at the points, of orders 1 to 8, in one program."""
    x = tt.input("x", POINTS.shape, "float64")
    found = [function(x)]
    for _ in range(ORDER):
        found.append(tt.grad(found[-1].sum(), x, allow_unused=True))
    return tt.compile([x], found[1:], backend=backend)(POINTS)


def derivatives(reference):
    """The same by mpmath."""
    arithmetic = exact(DIGITS)
    with mpmath.workdps(DIGITS):
        rows = [
            list(mpmath.diffs(lambda x: mpmath.mpf(reference(arithmetic, x)), mpmath.mpf(float(x)), ORDER))
            for x in POINTS
        ]
        return np.array([[float(value) for value in row[1:]] for row in rows]).T


def check(activation):
    wanted = derivatives(activation.value)
    for backend in BACKENDS:
        for found, right in zip(gradients(activation.ours, backend), wanted, strict=True):
            atol = TOLERANCE * max(1, np.abs(right).max())
            np.testing.assert_allclose(found, right, rtol=1e-13, atol=atol, err_msg=backend)


@pytest.mark.parametrize("activation", QUICKLY, ids=lambda item: item.name)
def test_a_gradient_of_order_8_is_mpmaths(activation):
    check(activation)


@pytest.mark.slow
@pytest.mark.parametrize("activation", SLOWLY, ids=lambda item: item.name)
def test_every_gradient_of_order_8_is_mpmaths(activation):
    check(activation)
