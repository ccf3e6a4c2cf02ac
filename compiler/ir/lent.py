"""Large arrays, whose memory is used again once nobody holds them.

The system gives memory of this size a page at a time, each filled with zeros when it is first touched, and
gets it back at once. That took a third of the time of a program that returns 40 MB.
"""

from __future__ import annotations

import ctypes
import math
import weakref
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from compiler.ir.aligned import Array, aligned_bytes

LARGE: Final = 1 << 25
"""Bytes of an array from which on its memory is lent: the C library of Linux always asks the system for so
much."""


class Lender:
    """Makes arrays; keeps the memory of at most `most` large ones that nobody holds any more.

    Memory is lent as long as the array or anything that refers to its memory lives. Several threads may use
    one lender.
    """

    def __init__(self, most: int) -> None:
        # Its operations are atomic: an array may be collected at any time, within these methods too.
        self._free: deque[Array] = deque(maxlen=most)

    @property
    def kept_bytes(self) -> int:
        """Memory that is kept and not lent."""
        return sum(memory.nbytes for memory in tuple(self._free))

    def empty(self, shape: Sequence[int], dtype: np.dtype[Any]) -> Array:
        """As `np.empty`. A large array does not own its memory: its `base` hands it back."""
        size = math.prod(shape) * dtype.itemsize
        if size < LARGE:
            return np.empty(shape, dtype)
        memory: Any = self._take(size)
        loan: Any = (ctypes.c_ubyte * size).from_buffer(memory)
        weakref.finalize(loan, self._free.append, memory).atexit = False
        return np.ndarray(shape, dtype, loan)

    def _take(self, size: int) -> Array:
        for _ in range(len(self._free)):
            try:
                memory = self._free.pop()
            except IndexError:  # another thread was faster
                break
            if memory.nbytes == size:
                return memory
            self._free.appendleft(memory)
        return aligned_bytes(size)
