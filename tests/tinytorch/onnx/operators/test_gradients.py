"""What is imported has the gradients of what it is made of: each against central differences."""

import numpy as np
import pytest

import tinytorch as tt
from tests.tinytorch.onnx.models import parsed

CASES = {
    "Pow": "k = Constant<value = double {3.0}>() y = Pow(x, k)",
    "Clip": "k = Constant<value = double {0.25}>() y = Clip(x, k)",
    "ReduceL2": "k = Constant<value_ints = [1]>() y = ReduceL2(x, k)",
    "ReduceProd": "k = Constant<value_ints = [0]>() y = ReduceProd(x, k)",
    "ReduceLogSumExp": "y = ReduceLogSumExp(x)",
    "Gather": "k = Constant<value_ints = [-1, 0, -1]>() y = Gather<axis = 1>(x, k)",
    "GatherND": "y = GatherND(x, i)",
    "ScatterND": """k = Constant<value = int64[2, 1] {1, -1}>() u = Gather(x, r)
        y = ScatterND<reduction = "add">(x, k, u)""",
    "TopK": "k = Constant<value_ints = [2]>() y, z = TopK(x, k)",
    "Pad": 'k = Constant<value_ints = [1, 2, 1, 1]>() y = Pad<mode = "reflect">(x, k)',
    "CumProd": "k = Constant<value_int = 1>() y = CumProd<exclusive = 1>(x, k)",
    "Einsum": 'y = Einsum<equation = "ij, kj -> ik">(x, x)',
    "Det": 't = Transpose(x) m = MatMul(x, t) y = Det(m)',
    "DFT": "k = Constant<value_ints = [2]>() u = Unsqueeze(x, k) y = DFT<onesided = 1>(u)",
    "Where": "h = Constant<value = double {0.0}>() q = Greater(x, h) s = Sqrt(x) y = Where(q, s, x)",
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_those_of_differences(name):
    inputs = "double[3, 4] x, int64[2, 2] i, int64[2] r"
    model = tt.onnx.load(parsed(f"g ({inputs}) => (double[a] y) {{ {CASES[name]} }}", opset=26))
    x = np.random.default_rng(1).uniform(0.5, 2, size=(3, 4))
    x[::2, 1] *= -1
    i, r = (tt.constant(np.array(item)) for item in ([[0, -1], [2, 1]], [0, 2]))
    tt.testing.check_gradient(lambda x: model(x, i, r), x)
