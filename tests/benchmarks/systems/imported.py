"""tinytorch, of a network in an ONNX file.

A workload is a folder with `model.onnx` and `input.npy`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import tinytorch as tt
import tinytorch.onnx


def prepare(workload: str) -> Callable[[], Any]:
    """A call of the program, whose weights are constants."""
    program = tt.onnx.load(Path(workload) / "model.onnx").compile()
    given = np.load(Path(workload) / "input.npy")
    return lambda: program(given)
