"""Values out of nothing: constants."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinytorch.onnx.calling.operator import operator
from tinytorch.onnx.calling.values import Array, Unsupported


@operator("Constant", since=1)
def constant(
    *, value: Any = None, value_float: float | None = None, value_floats: Any = None,
    value_int: int | None = None, value_ints: Any = None, value_string: str | None = None,
    value_strings: Any = None,
) -> Array:  # fmt: skip
    """The array that the node holds, in one of seven forms."""
    for given, dtype in (
        (value, None), (value_float, np.float32), (value_floats, np.float32), (value_int, np.int64),
        (value_ints, np.int64), (value_string, object), (value_strings, object),
    ):  # fmt: skip
        if given is not None:
            return np.asarray(given, dtype)
    raise Unsupported("it holds no value that is an array")
