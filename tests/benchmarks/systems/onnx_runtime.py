"""ONNX Runtime's session of its provider for processors, with as many threads as the process has processors.

A workload is a folder with `model.onnx` and `input.npy`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime


def prepare(workload: str) -> Callable[[], Any]:
    """A call of the session."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    path = str(Path(workload) / "model.onnx")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    given = {session.get_inputs()[0].name: np.load(Path(workload) / "input.npy")}
    return lambda: session.run(None, given)[0]
