"""Buffer: the array of a parameter or a constant, and the locks under which programs write to it."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterable
from typing import Any
from weakref import WeakSet

import numpy as np

from compiler.errors import UnboundArrayError
from compiler.ir.interrupts import forget, hold_back, let_through

_serials = itertools.count()
_buffers: WeakSet[Buffer] = WeakSet()


def _free_locks() -> None:
    """A fork copies locks that other threads held, and nobody in the child would ever release them."""
    forget()
    for buffer in _buffers:
        buffer.lock = threading.RLock()
        buffer.users = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_locks)


class Buffer:
    """The one mutable array of a parameter, with the lock that serialises programs which update it.

    Two buffers are never equal. `array` raises UnboundArrayError if the parameter was read from text alone.
    """

    __slots__ = ("__weakref__", "_array", "is_updated", "lock", "reference", "serial", "users")

    def __init__(self, array: np.ndarray[Any, Any] | None, reference: str = "") -> None:
        self._array = array
        self.reference = reference
        self.lock = threading.RLock()
        self.serial = next(_serials)
        self.is_updated = False
        """Whether some program writes to it; those that read it then take its lock, in order of `serial`."""
        self.users = 0
        """Calls that hold the lock: more than one only where a program is called within a call of one."""
        _buffers.add(self)

    @property
    def array(self) -> np.ndarray[Any, Any]:
        if self._array is None:
            raise UnboundArrayError(
                f"@{self.reference} was read from text without its array; "
                f"parse with arrays={{{self.reference!r}: array}}"
            )
        return self._array

    @array.setter
    def array(self, value: np.ndarray[Any, Any]) -> None:
        self._array = value

    @property
    def is_bound(self) -> bool:
        return self._array is not None


class Locks:
    """A context that holds the locks of buffers, taken in one order everywhere: nobody waits in a circle.

    Ctrl-C waits for its end: KeyboardInterrupt is raised when the locks are free.
    """

    __slots__ = ("buffers",)

    def __init__(self, buffers: Iterable[Buffer] = ()) -> None:
        self.buffers = tuple(sorted(set(buffers), key=lambda buffer: buffer.serial))

    def __enter__(self) -> None:
        taken = 0
        hold_back()
        try:
            for buffer in self.buffers:
                buffer.lock.acquire()
                taken += 1
        except BaseException:
            self._release(taken)
            let_through()
            raise

    def __exit__(self, *_: object) -> None:
        self._release(len(self.buffers))
        let_through()

    def _release(self, count: int) -> None:
        for buffer in reversed(self.buffers[:count]):
            buffer.lock.release()
