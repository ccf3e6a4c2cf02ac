"""Every op of the table, exported, is valid and gives what the oracle gives when ONNX Runtime runs it."""

import numpy as np
import pytest

import tinytorch as tt
from tests.tinytorch.evaluation import operands, weighted
from tests.tinytorch.onnx.exporting.running import TOLERANCE, assert_same
from tests.tinytorch.op_table import ROWS, SPECIAL, UNARY

UNSAID = (
    "solve", "inv", "slogdet", "logdet", "cholesky", "qr", "eigvalsh", "eigh", "lstsq", "matrix_power -2",
)  # fmt: skip
"""How rows begin that ONNX has no operators for."""

NO_KERNEL = {("det", "float64")}
"""What the standard says and ONNX Runtime cannot run."""

NOT_SPECIAL = {"pow 0.5", "hard_swish", "clip", "clip min", "clip max", "relu6", "hardtanh"}
"""ONNX Runtime's own: sqrt for a power of 1/2 and -inf * 0 in HardSwish are NaN, Clip makes NaN a limit."""

DIFFERENTIATED = {
    "conv1d", "conv2d strided", "conv2d depthwise", "conv3d", "conv_transpose2d",
    "conv_transpose2d in groups",
    "max_pool2d", "avg_pool2d", "softmax", "log_softmax", "layer_norm", "gelu", "lgamma", "erf",
    "cumprod 0", "prod", "einsum ij,jk->ik", "take", "where", "embedding", "atan2", "scatter_add",
}  # fmt: skip

TOGETHER = 24
"""How many rows are one model."""

SAID = [row for row in ROWS if not row.name.startswith(UNSAID)]
CHUNKS = [SAID[k : k + TOGETHER] for k in range(0, len(SAID), TOGETHER)]


def built(row, case, dtype, title, orders):
    """Inputs, outputs, arrays and names of a row's case; with `orders` the gradients too."""
    with np.errstate(all="ignore"):
        arrays = operands(case, dtype)
    inputs = [tt.input(f"{title}.{k}", item.shape, item.dtype) for k, item in enumerate(arrays)]
    results = [row.ours(*inputs)]
    floats = [item for item in inputs if item.dtype.is_float]
    if orders and results[0].dtype.is_float and floats:
        results += tt.grad(weighted(results[0], 0), floats, allow_unused=True)
    return inputs, results, arrays, [f"{row.name}.{k}" for k in range(len(results))]


def assert_all_same(made, dtype):
    inputs, outputs, arrays, names = (
        [item for part in parts for item in part] for parts in zip(*made, strict=True)
    )
    assert_same(inputs, outputs, arrays, names=names, tolerance=TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("chunk", range(len(CHUNKS)))
def test_ops_are_what_the_oracle_says(chunk, dtype):
    made = []
    for number, row in enumerate(CHUNKS[chunk]):
        if (row.name, dtype) in NO_KERNEL:
            continue
        by_size = sorted(row.cases, key=lambda case: sum(np.size(item) for item in case))
        case = by_size[-1 if dtype == "float32" else 0]
        made.append(built(row, case, dtype, f"x{number}", row.name in DIFFERENTIATED))
        if row in UNARY and row.name not in NOT_SPECIAL:
            made.append(built(row, (SPECIAL,), dtype, f"s{number}", False))
    assert_all_same(made, dtype)


def test_what_is_differentiated_is_in_the_table():
    assert {row.name for row in ROWS} >= DIFFERENTIATED


def test_what_onnx_cannot_say_is_one_error_that_names_every_node():
    x = tt.input("x", (3, 3))
    with pytest.raises(tt.UnsupportedOperatorError) as caught:
        tt.onnx.to_model(inputs=[x], outputs=[tt.linalg.inv(x), tt.linalg.cholesky(x)])
    text = str(caught.value)
    assert text.startswith("ONNX cannot say 2 nodes of the graph")
    assert "tt.linalg.inv" in text
    assert "tt.linalg.cholesky" in text
