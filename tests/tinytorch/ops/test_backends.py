"""Every op and its gradients, with the default passes and on every built-in backend, equal the oracle."""

import numpy as np
import pytest

from tests.tinytorch.evaluation import operands, weighted
from tests.tinytorch.op_table import ROWS, SPECIAL, UNARY
from tinytorch import api
from tinytorch.builtin import BUILTIN

TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
BACKENDS = [backend.name for backend in BUILTIN.backends if backend.name not in ("reference", "c")]
"""`c` compiles the kernels of all ops together, below: a call of a C compiler for each would take minutes."""


def graph_of(row, arrays):
    inputs = [api.input(f"x{k}", array.shape, array.dtype) for k, array in enumerate(arrays)]
    results = [row.ours(*inputs)]
    floats = [item for item in inputs if item.dtype.is_float]
    if results[0].dtype.is_float and floats:
        results += api.grad(weighted(results[0], 0), floats, allow_unused=True)
        results += api.grad(weighted(results[1], 1), floats, allow_unused=True)
    return inputs, results


def assert_close(found, expected, tolerance):
    if expected.dtype.kind != "f":
        np.testing.assert_array_equal(found, expected)
        return
    scale = np.max(np.abs(expected), initial=1.0, where=np.isfinite(expected))
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * scale)


def cases(row):
    """The smallest case, the largest, and the special values, each with a dtype."""
    by_size = sorted(row.cases, key=lambda case: sum(np.size(item) for item in case))
    yield by_size[0], "float32"
    yield by_size[-1], "float64"
    if row in UNARY:
        yield (SPECIAL,), "float32"
        yield (SPECIAL,), "float64"


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("row", ROWS, ids=repr)
def test_an_op_on_a_backend(row, backend):
    for case, dtype in cases(row):
        with np.errstate(over="ignore", under="ignore"):
            arrays = operands(case, dtype)
        inputs, results = graph_of(row, arrays)
        oracle = api.compile(inputs, results, passes=(), backend="reference")(*arrays)
        for found, expected in zip(
            api.compile(inputs, results, backend=backend)(*arrays), oracle, strict=True
        ):
            assert_close(found, expected, TOLERANCE[dtype])
