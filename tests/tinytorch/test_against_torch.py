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
