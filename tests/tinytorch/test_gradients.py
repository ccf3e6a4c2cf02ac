"""First and second gradients of every op equal central differences, in float64."""

import numpy as np
import pytest

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
