"""Arrays that begin with a cache line, so that no vector of a row lies across two."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

Array = np.ndarray[Any, Any]

CACHE_LINE: Final = 64
"""Bytes."""


def aligned_bytes(size: int) -> Array:
    """Uninitialised bytes at an address that is a multiple of 64."""
    room = np.empty(size + CACHE_LINE, np.uint8)
    start = -room.ctypes.data % CACHE_LINE
    return room[start : start + size]


def aligned_copy(array: Any, dtype: np.dtype[Any]) -> Array:
    """A C-contiguous copy of what `np.asarray` takes, in `dtype`, at an address that is a multiple of 64."""
    given = np.asarray(array)
    copy = aligned_bytes(given.size * dtype.itemsize).view(dtype).reshape(given.shape)
    np.copyto(copy, given, casting="unsafe")
    return copy
