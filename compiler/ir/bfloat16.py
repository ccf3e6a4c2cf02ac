"""The one room of `ml_dtypes`, which gives NumPy the dtype that it has not: bfloat16."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from compiler.errors import MissingLibraryError


def _ml_dtypes() -> Any:
    try:
        import ml_dtypes
    except ImportError:
        raise MissingLibraryError(
            "bfloat16 arrays need ml_dtypes, which gives NumPy the dtype\n"
            "  fix: pip install 'tinytorch-compiler[bfloat16]', or ml_dtypes itself"
        ) from None
    return ml_dtypes


@cache
def bfloat16() -> np.dtype[Any]:
    """NumPy's dtype of it. Raises MissingLibraryError where ml_dtypes is not installed."""
    found: np.dtype[Any] = np.dtype(_ml_dtypes().bfloat16)
    return found


def is_bfloat16(dtype: np.dtype[Any]) -> bool:
    """Whether a NumPy dtype is bfloat16, which is a kind of its own there."""
    return dtype.itemsize == 2 and dtype.kind == "V" and dtype.name == "bfloat16"  # a name takes microseconds


def float_limits(dtype: np.dtype[Any]) -> Any:
    """What `np.finfo` says of a dtype (`max`, `tiny`, `eps`), which knows nothing of bfloat16."""
    return _ml_dtypes().finfo(dtype) if is_bfloat16(dtype) else np.finfo(dtype)
