"""Layers that the standard has a word for are one node of it, with any of their settings, and again one."""

import numpy as np
import pytest

import tinytorch as tt
from tests.tinytorch.onnx.exporting.running import assert_same, operators_of

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def assert_one(inputs, output, arrays, operator, *, tolerance=1e-5):
    """One node, valid and equal on ONNX Runtime, and the same again when it was read."""
    model = assert_same(inputs, [output], arrays, tolerance=tolerance)
    assert operators_of(model) == [operator]
    assert operators_of(tt.onnx.to_model(tt.onnx.load(model))) == [operator]


def test_normalisations_by_their_own_statistics():
    x, array = tt.input("x", ("n", 6, 5, 4)), normal(2, 6, 5, 4)
    w, b, v = tt.parameter(normal(6), "w"), tt.parameter(normal(6), "b"), tt.parameter(normal(4), "v")
    for made in (
        tt.group_norm(x, 3, w, b), tt.group_norm(x, 2, eps=0.25), tt.group_norm(x, 6, None, b),
    ):  # fmt: skip
        assert_one([x], made, [array], "GroupNormalization")
    for made in tt.rms_norm(x, v), tt.rms_norm(x, axis=(-2, -1), eps=0.25):
        assert_one([x], made, [array], "RMSNormalization")
    both = [tt.group_norm(x, 3, w, b), tt.rms_norm(x, v)]
    older = operators_of(assert_same([x], both, [array], opset=20))
    assert {"GroupNormalization", "RMSNormalization"}.isdisjoint(older)


def test_attention_with_a_mask_of_any_kind():
    q, k, v = tt.input("q", ("b", 2, 4, 8)), tt.input("k", ("b", 2, 6, 8)), tt.input("v", ("b", 2, 6, 3))
    m = tt.input("m", ("b", 1, 4, 6))
    arrays, attend = (
        [normal(3, 2, 4, 8), normal(3, 2, 6, 8), normal(3, 2, 6, 3)],
        tt.scaled_dot_product_attention,
    )
    for made in attend(q, k, v), attend(q, k, v, is_causal=True), attend(q, k, v, scale=0.25):
        assert_one([q, k, v], made, arrays, "Attention")
    seen = RNG.random((4, 6)) < 0.5
    seen[2] = False  # a query that sees no key finds zeros
    assert_one([q, k, v], attend(q, k, v, tt.constant(seen)), arrays, "Attention")
    added = np.where(seen, normal(3, 1, 4, 6), -np.inf).astype(np.float32)
    assert_one([q, k, v, m], attend(q, k, v, m), [*arrays, added], "Attention")
    assert_one([q], attend(q, q, q), arrays[:1], "Attention")
    layer, x = tt.nn.MultiheadAttention(8, 2, batch_first=True).eval(), tt.input("x", ("b", 5, 8))
    found = operators_of(assert_same([x], [layer(x, x, x, need_weights=False)[0]], [normal(2, 5, 8)]))
    assert found.count("Attention") == 1
    assert "Softmax" not in found


def test_what_is_more_than_the_standard_says_is_written_out():
    q, array = tt.input("q", ("b", 2, 4, 8)), normal(3, 2, 4, 8)
    loss = tt.scaled_dot_product_attention(q, q, q).sum()
    found = operators_of(assert_same([q], [loss, tt.grad(loss, q)], [array]))
    assert "Softmax" in found or "Exp" in found
    flat, rows = tt.input("x", ("b", 4, 8)), normal(3, 4, 8)
    assert "Attention" not in operators_of(
        assert_same([flat], [tt.scaled_dot_product_attention(flat, flat, flat)], [rows])
    )


@pytest.mark.parametrize(
    ("kind", "settings", "operator"),
    [
        (tt.nn.LSTM, {"batch_first": True}, "LSTM"),
        (tt.nn.LSTM, {"num_layers": 2, "bidirectional": True}, "LSTM"),
        (tt.nn.GRU, {"bias": False, "bidirectional": True}, "GRU"),
        (tt.nn.GRU, {}, "GRU"),
        (tt.nn.RNN, {"nonlinearity": "relu"}, "RNN"),
    ],
)
def test_recurrent_layers_are_one_node_a_direction(kind, settings, operator):
    layer, x, array = kind(3, 4, **settings, seed=1), tt.input("x", (2, "b", 3)), normal(2, 5, 3)
    if layer.batch_first:
        x, array = tt.input("x", ("b", 5, 3)), normal(3, 5, 3)
    every, last = layer(x)
    outputs = [every, *(last if isinstance(last, tuple) else [last])]
    model = assert_same([x], outputs, [array])
    for found in model, tt.onnx.to_model(tt.onnx.load(model)):
        names = operators_of(found)
        assert names.count(operator) == layer.num_layers * layer.directions
        assert {"Sigmoid", "Tanh", "Relu", "MatMul", "Gemm"}.isdisjoint(names)
    assert operators_of(assert_same([x], [every[-1]], [array])).count(operator) == names.count(operator)


def test_states_before_the_first_step_are_said_and_gradients_written_out():
    layer, x = tt.nn.LSTM(3, 4, seed=1), tt.input("x", (2, "b", 3))
    h, c = tt.input("h", (1, "b", 4)), tt.input("c", (1, "b", 4))
    arrays = [normal(2, 5, 3), normal(1, 5, 4), normal(1, 5, 4)]
    every, _ = layer(x, (h, c))
    assert "LSTM" in operators_of(assert_same([x, h, c], [every], arrays))
    both = [every.sum(), tt.grad(every.sum(), layer.weight_hh_l0)]
    assert "LSTM" not in operators_of(assert_same([x, h, c], both, arrays, tolerance=1e-4))
