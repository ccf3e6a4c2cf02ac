"""The standard's interface of what runs models."""

import numpy as np
import onnx
import pytest

import tinytorch as tt
from tests.tinytorch.onnx.models import parsed
from tinytorch.onnx import backend

RESHAPED = parsed("net (float[n, 6] x, int64[k] shape) => (float[a, b] y) { y = Reshape(x, shape) }")


def test_what_an_operator_has_to_know_is_known_for_each_call():
    prepared = backend.prepare(RESHAPED)
    x = np.arange(12, dtype=np.float32).reshape(2, 6)
    for shape in ([3, 4], [12, 1], [4, -1]):
        (found,) = prepared.run([x, np.array(shape)])
        np.testing.assert_array_equal(found, x.reshape(shape))
    (found,) = prepared.run({"x": x[:1], "shape": np.array([3, 2])})
    np.testing.assert_array_equal(found, x[:1].reshape(3, 2))


def test_a_node_alone_runs():
    node = onnx.helper.make_node("Gemm", ["a", "b"], ["y"], transB=1)
    a, b = np.ones((2, 3), np.float32), np.ones((4, 3), np.float32)
    (found,) = backend.run_node(node, [a, b])
    np.testing.assert_array_equal(found, np.full((2, 4), 3, np.float32))


def test_what_is_not_to_be_had_is_an_error_of_ours():
    with pytest.raises(tt.ArgumentError, match="on the CPU here, not on 'CUDA'"):
        backend.prepare(RESHAPED, "CUDA")
    with pytest.raises(tt.ArgumentError, match="takes 2 inputs, not 3"):
        backend.run_model(RESHAPED, [1.0, 2.0, 3.0])
    texts = parsed("net (string[2] x) => (string[2] y) { y = Relu(x) }")
    with pytest.raises(tt.UnsupportedOperatorError, match="texts are no tensors"):
        backend.run_model(texts, [np.array(["a", "b"], object)])
