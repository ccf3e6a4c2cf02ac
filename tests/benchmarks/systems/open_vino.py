"""OpenVINO in float32 with its hint for latency, and as many threads as the process has processors.

A workload is a folder with `model.onnx` and `input.npy`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openvino


def prepare(workload: str) -> Callable[[], Any]:
    """A call of a request, whose result lies in memory of OpenVINO's."""
    settings: dict[str, Any] = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": len(os.sched_getaffinity(0)),
    }
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(Path(workload) / "model.onnx"), "CPU", settings)
    request = compiled.create_infer_request()
    given = openvino.Tensor(np.load(Path(workload) / "input.npy"), shared_memory=True)

    def step() -> Any:
        request.set_input_tensor(given)
        request.infer()
        return request.get_output_tensor().data

    return step
