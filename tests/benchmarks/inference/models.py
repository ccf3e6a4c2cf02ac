"""The networks that are inferred, as the ONNX files that PyTorch's exporter would write of them.

mlp    784-256-128-10, relu
wide   784-1024-784, relu
lenet  two convolutions of 5x5 on 28x28, each with relu and pooling, then 400-120-84-10
deep   784-1024-512-10, relu: 5.3 MB
cnn    three convolutions of 3x3 on 3x32x32, each with relu and pooling, then 2048-512-10: 4.6 MB
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import numpy as np

Array = np.ndarray[Any, Any]

OPEN: Final = "batch"
"""The name of a batch that is not known."""


@dataclass
class Writing:
    """A graph in the making: each method adds a node that reads the value before."""

    generator: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
    nodes: list[Any] = field(default_factory=list[Any])
    weights: list[Any] = field(default_factory=list[Any])
    value: str = "input"

    def layer(self, inputs: int, outputs: int) -> None:
        """A product and a bias; weights are `[outputs, inputs]`, as PyTorch keeps them."""
        self._node("Gemm", *self._weighted(outputs, inputs), transB=1)

    def convolution(self, inputs: int, outputs: int, size: int, pad: int) -> None:
        """A convolution with a bias."""
        weights = self._weighted(outputs, inputs, size, size)
        self._node("Conv", *weights, kernel_shape=[size, size], pads=[pad] * 4)

    def relu(self) -> None:
        self._node("Relu")

    def pool(self) -> None:
        """The largest of each 2 x 2."""
        self._node("MaxPool", kernel_shape=[2, 2], strides=[2, 2])

    def flatten(self) -> None:
        self._node("Flatten", axis=1)

    def _weighted(self, *shape: int) -> tuple[str, str]:
        from onnx import numpy_helper

        names = f"layer{len(self.weights) // 2}.weight", f"layer{len(self.weights) // 2}.bias"
        weight = self.generator.standard_normal(shape, np.float32) * np.float32(np.prod(shape[1:]) ** -0.5)
        bias = self.generator.standard_normal(shape[:1], np.float32) * np.float32(0.1)
        pairs = zip(names, (weight, bias), strict=True)
        self.weights += [numpy_helper.from_array(array, name) for name, array in pairs]
        return names

    def _node(self, operator: str, *weights: str, **attributes: Any) -> None:
        from onnx import helper

        name = f"{operator.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, [self.value, *weights], [name], name, **attributes))
        self.value = name


def _layers(*widths: int) -> Callable[[Writing], None]:
    def write(writing: Writing) -> None:
        for number, (inputs, outputs) in enumerate(pairwise(widths)):
            if number:
                writing.relu()
            writing.layer(inputs, outputs)

    return write


def _convolutional(convolutions: list[tuple[int, int, int, int]], *widths: int) -> Callable[[Writing], None]:
    def write(writing: Writing) -> None:
        for convolution in convolutions:
            writing.convolution(*convolution)
            writing.relu()
            writing.pool()
        writing.flatten()
        _layers(*widths)(writing)

    return write


@dataclass(frozen=True)
class Network:
    """The shape of an input without its batch, and what writes the nodes."""

    shape: tuple[int, ...]
    write: Callable[[Writing], None]

    def model(self, batch: int | str) -> bytes:
        """The file for a batch that is known, or open, by name."""
        from onnx import TensorProto, helper

        writing = Writing()
        self.write(writing)
        given = helper.make_tensor_value_info("input", TensorProto.FLOAT, [batch, *self.shape])
        outputs = writing.weights[-1].dims[0]
        result = helper.make_tensor_value_info(writing.value, TensorProto.FLOAT, [batch, outputs])
        graph = helper.make_graph(writing.nodes, "network", [given], [result], writing.weights)
        opset = [helper.make_opsetid("", 17)]
        return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()

    def input(self, batch: int) -> Array:
        """Normal numbers, the same ones each time."""
        return np.random.default_rng(1).standard_normal((batch, *self.shape), np.float32)


NETWORKS: Final = {
    "mlp": Network((784,), _layers(784, 256, 128, 10)),
    "wide": Network((784,), _layers(784, 1024, 784)),
    "lenet": Network((1, 28, 28), _convolutional([(1, 6, 5, 2), (6, 16, 5, 0)], 400, 120, 84, 10)),
    "deep": Network((784,), _layers(784, 1024, 512, 10)),
    "cnn": Network(
        (3, 32, 32), _convolutional([(3, 32, 3, 1), (32, 64, 3, 1), (64, 128, 3, 1)], 2048, 512, 10)
    ),
}
