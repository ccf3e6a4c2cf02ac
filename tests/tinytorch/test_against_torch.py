"""Every op and its first two gradients equal torch's, on ordinary operands and on the most awkward ones."""

import numpy as np
import pytest

from tests.tinytorch.evaluation import of_torch, operands, ours
from tests.tinytorch.op_table import ROWS, SPECIAL, UNARY

pytest.importorskip("torch")

TOLERANCE = {"float32": 2e-5, "float64": 1e-11}


@pytest.mark.parametrize("row", ROWS, ids=repr)
def test_value_and_gradients(row):
    for dtype, tolerance in TOLERANCE.items():
        for case in row.cases:
            arrays = operands(case, dtype)
            found, expected = ours(row.ours, arrays, row.orders), of_torch(row.torch, arrays, row.orders)
            assert len(found) == len(expected)
            for mine, theirs in zip(found, expected, strict=True):
                assert mine.shape == theirs.shape
                assert mine.dtype == theirs.dtype
                scale = np.max(np.abs(theirs), initial=1.0, where=np.isfinite(theirs))
                np.testing.assert_allclose(mine, theirs, rtol=tolerance, atol=tolerance * scale)


LOOSE = {("lgamma", 2): 1e-8, ("digamma", 1): 1e-8}
"""What torch's trigamma is off by, which is right to nine digits alone."""

BREAKS = {
    "softplus": [20.0],
    "elu": [0.0],
    "elu 0.7": [0.0],
    "selu": [0.0],
    "celu": [0.0],
    "logit": [0.0, 5e-324, 1e-310],
    "sinc": [0.0, 5e-324, 1e-310, 1e-40, 1e-20],
    "celu 0.5": [0.0],
}
"""Points where torch takes the second derivative from the other side than the first."""

LIMITS = {
    ("hard_swish", 0, -np.inf): 0.0,
    ("mish", 2, 1000.0): 0.0,
    ("pow 0.5", 2, -np.inf): np.nan,
    ("cbrt", 1, 0.0): np.inf,
    ("logit", 2, 1.0): np.inf,
    ("digamma", 2, -np.inf): np.nan,
    **{
        (name, order, float(x)): np.inf
        for name, order in (("lgamma", 2), ("digamma", 1))
        for x in SPECIAL
        if -np.inf < x <= -1 and x == np.floor(x)
    },
    **{("cbrt", 2, sign * np.inf): np.nan for sign in (1, -1)},
    **{("acosh", order, float(x)): np.nan for order in (1, 2) for x in SPECIAL if x < 1.0},
}
"""What is ours where torch has NaN, of the root of -inf, which it takes to be inf, and where is no value."""


@pytest.mark.parametrize("row", UNARY, ids=repr)
def test_special_values(row):
    for dtype, tolerance in TOLERANCE.items():
        with np.errstate(over="ignore"):
            x = SPECIAL.astype(dtype)
        expected = of_torch(row.torch, [x.astype(np.float64)])
        limits = of_torch(row.torch, [np.clip(x.astype(np.float64), -1e6, 1e6)])
        rows = zip(ours(row.ours, [x]), expected, limits, strict=True)
        for order, (mine, theirs, far) in enumerate(rows):
            is_limit = np.isinf(x) & np.isnan(theirs) & np.isfinite(mine) & (order > 0)
            loose = max(tolerance, LOOSE.get((row.name, order), 0.0))
            compare_points(row, order, x, mine, np.where(is_limit, far, theirs), loose)


def compare_points(row, order, x, mine, theirs, tolerance):
    """Where torch (in float64) is finite we are, and agree; elsewhere we have its infinity, or NaN.

    A slope at an infinity may be its limit where torch's is NaN.
    """
    with np.errstate(over="ignore"):
        theirs = theirs.astype(mine.dtype)
    for point, found, expected in zip(x, mine, theirs, strict=True):
        is_skipped = order and (np.isnan(point) or (order == 2 and abs(point) in BREAKS.get(row.name, [])))
        if not is_skipped:
            wanted = LIMITS.get((row.name, order, float(point)), expected)
            assert is_right(point, found, wanted, tolerance), (
                f"order {order} at {point}: {found}, not {wanted}"
            )


def is_right(point, found, expected, tolerance):
    if np.isnan(point) and np.isnan(found):
        return True
    if np.isnan(expected):
        return np.isnan(found)
    if np.isinf(expected):
        return found == expected or (point == 0 and np.isinf(found))
    return found == expected or abs(found - expected) <= tolerance * max(1.0, abs(expected))
