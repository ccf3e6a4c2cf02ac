"""Quantised operators beside ONNX Runtime: equal in every bit."""

import ml_dtypes
import numpy as np
import pytest

import tinytorch as tt
from tests.tinytorch.onnx.operators.nodes import node_model, normal, ours, theirs

RNG = np.random.default_rng(0)
SCALE = np.float32(0.0173)


def _bytes(*shape, dtype=np.uint8):
    limits = np.iinfo(dtype)
    return RNG.integers(limits.min, limits.max, shape, dtype, endpoint=True)


def _scales(*shape):
    return RNG.uniform(0.005, 0.02, shape).astype(np.float32)


HALVES = np.arange(-700, 700).reshape(20, 70).astype(np.float32) / 4

CASES = {
    "quantize": ("QuantizeLinear", [HALVES, np.float32(0.5), np.uint8(7)], {}),
    "quantize_axis": ("QuantizeLinear", [HALVES, _scales(70), _bytes(70, dtype=np.int8)], {"axis": -1}),
    "quantize_blocks": (
        "QuantizeLinear", [HALVES, _scales(20, 3), _bytes(20, 3)], {"block_size": 24, "opset": 21}
    ),
    "quantize_int16": (
        "QuantizeLinear", [HALVES * 999, np.float32(0.5), np.int16(-9)], {"opset": 21}
    ),
    "dequantize": ("DequantizeLinear", [_bytes(4, 5), _scales(4), _bytes(4)], {"axis": 0}),
    "dequantize_int32": (
        "DequantizeLinear", [_bytes(40, dtype=np.int32), SCALE], {}
    ),
    "dynamic": ("DynamicQuantizeLinear", [normal(8, 9)], {"outputs": 3}),
    "matmul_integer": (
        "MatMulInteger", [_bytes(3, 4, 300), _bytes(300, 5, dtype=np.int8), np.uint8(9), np.int8(-3)], {}
    ),
    "qlinear_matmul": (
        "QLinearMatMul",
        [_bytes(6, 400), SCALE, np.uint8(120), _bytes(400, 5, dtype=np.int8), _scales(5),
         np.zeros(5, np.int8), np.float32(0.7), np.uint8(113)],
        {},
    ),
    "conv_integer": (
        "ConvInteger", [_bytes(2, 3, 7, 8), _bytes(4, 3, 3, 3), np.uint8(9), np.uint8(130)],
        {"pads": [1, 0, 1, 2], "strides": [2, 1]},
    ),
    "qlinear_conv": (
        "QLinearConv",
        [_bytes(2, 4, 7, 8), SCALE, np.uint8(120), _bytes(6, 2, 3, 3, dtype=np.int8), _scales(6),
         np.zeros(6, np.int8), np.float32(0.04), np.uint8(99), _bytes(6, dtype=np.int16).astype(np.int32)],
        {"group": 2, "pads": [1, 1, 1, 1]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_bits_are_those_of_onnx_runtime(name):
    op, inputs, settings = CASES[name]
    weights = [k for k in range(1, len(inputs)) if not ("matmul_integer" in name and k == 1)]
    model, feeds = node_model(op, inputs, weights=weights, **{"opset": 13, **settings})
    for found, wanted in zip(ours(model, feeds), theirs(model, feeds), strict=True):
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("dtype", ["int4", "uint4", "float8_e4m3fn", "float8_e5m2", "uint16"])
def test_weights_of_dtypes_that_graphs_have_not_are_exact(dtype):
    kind = np.dtype(getattr(ml_dtypes, dtype, dtype))
    weight = np.arange(-8 if dtype == "int4" else 0, 8).reshape(-1, 4).astype(kind)
    model, feeds = node_model("DequantizeLinear", [weight, SCALE], weights=[0, 1], opset=21)
    np.testing.assert_array_equal(ours(model, feeds)[0], weight.astype(np.float32) * SCALE)


def test_a_dtype_that_only_constants_have_is_said():
    x, zero = normal(3, 4), np.zeros((), ml_dtypes.int4)
    model, _ = node_model("QuantizeLinear", [x, SCALE, zero], weights=[1, 2], opset=21)
    with pytest.raises(tt.UnsupportedOperatorError, match="has to be known before a call"):
        tt.onnx.load(model)


@pytest.mark.parametrize(("terms", "is_single"), [(1024, True), (1025, False)])
@pytest.mark.parametrize("zero", [0, 128])
def test_known_weights_are_summed_in_float32_as_long_as_that_is_exact(terms, is_single, zero):
    x, w = np.zeros((2, terms), np.uint8), np.full((terms, 3), -128, np.int8)
    x[1] = 128 if zero else 129
    w[0, 1] = 127  # odd sums beside the largest
    given = [x, w, np.uint8(zero), np.int8(0)]
    model, feeds = node_model("MatMulInteger", given, weights=(1, 2, 3))
    wanted = (x.astype(np.int64) - zero) @ w.astype(np.int64)
    (found,) = ours(model, feeds)
    np.testing.assert_array_equal(found, wanted)
    program = tt.onnx.load(model).compile()
    assert ("f64" not in str(program.source_graph)) is (is_single and bool(zero))
