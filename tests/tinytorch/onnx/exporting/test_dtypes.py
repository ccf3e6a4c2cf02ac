"""Every dtype through what moves, compares, orders and converts; extents that only a call knows."""

import numpy as np
import pytest

import tinytorch as tt
from compiler.ir.build import apply
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.node import make_node
from compiler.ir.op import Prefix, Scan
from compiler.ir.types import DType
from tests.tinytorch.onnx.exporting.running import assert_close, assert_same, operators_of, session_of
from tinytorch.onnx.exporting.writer import LACKING
from tinytorch.tensor import Tensor

ROWS = np.array([[3, 1, 2], [0, 1, 5], [4, 4, 2]])
PICKED = np.array([2, 0])


def moved(x):
    """What every dtype goes through, numbers or not."""
    flipped = x[::-1, 1:]
    return [
        x.reshape(9), x.T, flipped, tt.pad(x, [(1, 0), (0, 2)]), tt.concatenate([x, x], 1), x[:, PICKED],
        tt.where(x == x[0], x, x.T), x.broadcast_to((2, 3, 3)), tt.diagonal(x), x.at[PICKED].set(x[:2]),
        tt.sort(x, 1), tt.argsort(x, 1), x.argmax(1), x.max(0), x != x.T, x > x.T, tt.maximum(x, x.T),
        tt.sliding_window(x, 2, 0), tt.repeat(x, 2, 0), tt.roll(x, 1, 1), tt.stack([x, x]),
    ]  # fmt: skip


@pytest.mark.parametrize("dtype", DType, ids=str)
def test_elements_of_a_dtype_are_moved_and_compared(dtype):
    x = tt.input("x", (3, 3), "float32")
    values = moved(x.astype(dtype))
    outputs = [item.astype("float32") if item.dtype == dtype else item for item in values]
    if dtype is not DType.BOOL:
        y = x.astype(dtype)
        outputs += [
            item.astype("float64") for item in (y + y, y * 100 - 3, y.sum(0), tt.cumsum(y, 0), -y // 2)
        ]
    model = assert_same([x], outputs, [ROWS.astype(np.float32)])
    if dtype.value in LACKING["Where"]:
        assert "Cast" in operators_of(model)


def test_conversions_are_those_of_the_oracle():
    values = np.array([0, 1, -1, 2.5, -2.5, 127, 128, 255, 256, -129, 300, 65504, 1e5])
    outputs = []
    inputs = [tt.input("f", (len(values),), "float64"), tt.input("i", (len(values),), "int64")]
    for given in inputs:
        for dtype in DType:
            once = given.astype(dtype)
            outputs += [once.astype(other).astype("float64") for other in DType if other is not dtype]
    assert_same(inputs, outputs, [values, values.astype(np.int64) * 257])


def test_random_numbers_are_the_same_bits():
    key, place = tt.input("key", (4,), "int64"), tt.input("place", (4,), "int64")
    outputs = [Tensor(apply(atom, key.node, place.node)) for atom in ("random32", "random64")]
    arrays = [np.array([0, 1, -1, 2**62]), np.array([5, -7, 2**40 + 3, -(2**63)])]
    assert_same([key, place], outputs, arrays)


def test_integers_divide_shift_and_raise_as_ours():
    x, y = tt.input("x", (6, 1), "int64"), tt.input("y", (1, 9), "int64")
    outputs = [x // y, x % y, tt.fmod(x, y), x**y, x << y, x >> y]
    smallest = np.iinfo(np.int64).min
    arrays = [
        np.array([[7], [-7], [0], [3], [2**40 + 1], [smallest]]),
        np.array([[1, 2, -1, -3, 0, 5, 64, 63, -70]]),
    ]
    assert_same([x, y], outputs, arrays)


SYMBOLIC = {
    "slices": lambda x: [x[1:], x[::-1], x[: x.shape[0] - 1], x[:, ::-1], x[-2:]],
    "pads": lambda x: [tt.pad(x, [(1, 2), (0, 0)]), tt.pad(x, [(0, 1), (1, 0)], value=2.0)],
    "joins": lambda x: [tt.concatenate([x, x * 2]), tt.stack([x, x]), tt.tile(x, (2, 1))],
    "shapes": lambda x: [x.reshape(-1), x.reshape(3, -1), x.T, x.unsqueeze(1), x.broadcast_to((2, *x.shape))],
    "windows": lambda x: [tt.sliding_window(x, 2, 0), tt.fold(tt.sliding_window(x, 2, 0), x.shape[0], 0, 1)],
    "sizes": lambda x: [x / x.shape[0], x.mean(0), tt.arange(x.shape[0]) + x.shape[0], tt.eye(x.shape[0])],
    "orders": lambda x: [tt.sort(x, 0), tt.argsort(x, 0), x.argmax(0), tt.cumsum(x, 0), tt.cummax(x, 0)],
    "products": lambda x: [x @ x.T, tt.einsum("ij,ik->jk", x, x), tt.trace(x @ x.T)],
    "diagonals": lambda x: [tt.diagonal(x @ x.T, 0, 1, 0), tt.diagonal(x @ x.T > 0)],
    "updates": lambda x: [x.at[0].set(7), x.at[1:].add(1), x.at[:, ::2].multiply(2), tt.flip(x, 0)],
    "softmax": lambda x: [tt.softmax(x, 0), tt.layer_norm(x, axis=0), tt.logsumexp(x, 0)],
    "gradients": lambda x: tt.grad((tt.softmax(x, 0)[1:] * x[:-1]).sum() + tt.prod(x, 0).sum(), [x]),
}  # fmt: skip


@pytest.mark.parametrize("name", SYMBOLIC)
def test_extents_may_be_known_by_a_call_alone(name):
    x = tt.input("x", ("n", 3))
    outputs = SYMBOLIC[name](x)
    session = session_of(tt.onnx.to_model(inputs=[x], outputs=outputs))
    oracle = tt.compile(x, outputs, backend="reference", passes=())
    for count in (2, 5):
        array = np.random.default_rng(count).normal(size=(count, 3)).astype(np.float32)
        for found, wanted in zip(session.run(None, {"x": array}), oracle(array), strict=True):
            assert_close(found, wanted, 1e-5, name)


def test_maps_of_nothing_and_maxima_of_bools_so_far():
    x = tt.input("x", (2, 3), "bool")
    flat = Tensor(apply(parse_formula("flat() = 1.5"), dtype=DType.FLOAT64, shape=(2, 2)))
    running = [Tensor(make_node(Prefix(scan, 1), [x.node])) for scan in (Scan.MAX, Scan.MIN)]
    assert_same([x], [flat, *running], [np.array([[0, 1, 0], [1, 0, 1]], bool)])


def test_shapes_hold_for_extents_of_zero():
    x = tt.input("x", ("n", "m", 4))
    outputs = [x.reshape(x.shape[0], -1), x.reshape(-1, 4), x.transpose(1, 0, 2).reshape(-1), x.sum(1)]
    session = session_of(tt.onnx.to_model(inputs=[x], outputs=outputs))
    oracle = tt.compile(x, outputs, backend="reference", passes=())
    for shape in ((0, 3, 4), (2, 0, 4), (2, 3, 4)):
        array = np.ones(shape, np.float32)
        for found, wanted in zip(session.run(None, {"x": array}), oracle(array), strict=True):
            assert_close(found, wanted, 1e-6)


def test_symbols_follow_from_polynomials_of_one():
    x = tt.input("x", ("2*n+1", "m"))
    n = tt.input("x", ("n",)).shape[0]
    outputs = [x.sum() * n, tt.zeros((n, "m")) + x[0], x.reshape(-1)]
    session = session_of(tt.onnx.to_model(inputs=[x], outputs=outputs))
    oracle = tt.compile(x, outputs, backend="reference", passes=())
    for rows, columns in ((3, 2), (7, 1)):
        array = np.arange(rows * columns, dtype=np.float32).reshape(rows, columns)
        for found, wanted in zip(session.run(None, {"x": array}), oracle(array), strict=True):
            assert_close(found, wanted, 1e-5)


def test_a_symbol_that_no_input_tells_is_named():
    x = tt.input("x", ("n*m",))
    with pytest.raises(tt.UnsupportedOperatorError, match="no input has an axis from which 'n' follows"):
        tt.onnx.to_model(inputs=[x], outputs=[x.sum() * tt.input("y", ("n",)).shape[0]])
