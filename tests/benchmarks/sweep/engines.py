"""Engines for inference, which run a network whose weights are constants: ONNX Runtime and OpenVINO.

Both are given the same ONNX model, which is recorded from the workload's body.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tests.benchmarks.sweep.workload import Array, Workload


class Recorded:
    """A value of an ONNX graph in the making, by name."""

    def __init__(self, nodes: list[Any], name: str) -> None:
        self.nodes, self.name = nodes, name

    def said(self, operator: str, *others: Recorded) -> Recorded:
        """The value of an operator of this value and others."""
        from onnx import helper

        name = f"y{len(self.nodes)}"
        operands = [each.name for each in (self, *others)]
        self.nodes.append(helper.make_node(operator, operands, [name]))
        return Recorded(self.nodes, name)

    def __add__(self, other: Recorded) -> Recorded:
        return self.said("Add", other)


class Operators:
    """The words that networks of `inference` say."""

    @staticmethod
    def matmul(left: Recorded, right: Recorded) -> Recorded:
        return left.said("MatMul", right)

    @staticmethod
    def relu(value: Recorded) -> Recorded:
        return value.said("Relu")


def model(workload: Workload, arrays: Sequence[Array]) -> bytes:
    """The workload as an ONNX model, with all but the first argument as its initialisers."""
    from onnx import TensorProto, helper, numpy_helper

    nodes: list[Any] = []
    names = [f"x{number}" for number in range(len(arrays))]
    result = workload.body(Operators(), *(Recorded(nodes, name) for name in names))
    shape = ["batch" if workload.is_symbolic else arrays[0].shape[0], *arrays[0].shape[1:]]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info(names[0], TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(result.name, TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in zip(names[1:], arrays[1:], strict=True)],
    )
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


def onnxruntime(workload: Workload, arrays: Sequence[Array], threads: int = 0) -> Callable[[], Any]:
    """A session of ONNX Runtime's default provider for processors."""
    import onnxruntime as library

    options = library.SessionOptions()
    options.intra_op_num_threads = threads
    session = library.InferenceSession(model(workload, arrays), options, providers=["CPUExecutionProvider"])
    given = {"x0": arrays[0]}
    return lambda: session.run(None, given)[0]


def openvino(workload: Workload, arrays: Sequence[Array], threads: int = 0) -> Callable[[], Any]:
    """A request of OpenVINO in float32, with the hint for latency."""
    import openvino as library

    settings: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    if threads:
        settings["INFERENCE_NUM_THREADS"] = threads
    core = library.Core()
    compiled = core.compile_model(core.read_model(model(workload, arrays)), "CPU", settings)
    request = compiled.create_infer_request()

    def step() -> Any:
        request.set_input_tensor(library.Tensor(arrays[0], shared_memory=True))
        request.infer()
        return np.asarray(request.get_output_tensor().data)

    return step
