"""Arrays of TensorProtos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tinytorch.onnx.reading.library import onnx


def array_of(tensor: Any, folder: Path | None) -> np.ndarray[Any, Any]:
    """The array that a TensorProto holds; data beside the model are looked for in its folder."""
    return onnx.numpy_helper.to_array(tensor, "" if folder is None else str(folder))
