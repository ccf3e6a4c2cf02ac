"""Buffer: the array of a parameter or a constant, and the locks under which programs write to it."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterable
from enum import StrEnum
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


class Role(StrEnum):
    """What a parameter is to a network. No pass asks for it."""

    TRAINED = "trained"
    FROZEN = "frozen"
    """A weight that optimisers leave as it is."""
    STATE = "state"
    """A buffer: no weight, but saved with them, as running statistics."""
    TRANSIENT = "transient"
    """A buffer that is not saved with them, as counters of random draws."""

    @property
    def is_weight(self) -> bool:
        return self in (Role.TRAINED, Role.FROZEN)


class Buffer:
    """The one mutable array of a parameter, with the lock that serialises programs which update it.

    Two buffers are never equal. Without an array, `make` makes it when it is first needed; `array` raises
    UnboundArrayError where there is neither, as in a parameter that was read from text alone.
    """

    __slots__ = (
        "__weakref__", "_array", "is_named", "is_updated", "lock", "make", "reference", "role", "serial",
        "users",
    )  # fmt: skip

    def __init__(
        self,
        array: np.ndarray[Any, Any] | None,
        reference: str = "",
        *,
        make: Callable[[], np.ndarray[Any, Any]] | None = None,
        is_named: bool = False,
        role: Role = Role.TRAINED,
    ) -> None:
        self._array = array
        self.make = make
        self.reference = reference
        self.is_named = is_named
        """Whether a user chose the name: no other parameter of a program has it then, and it stays."""
        self.role = role
        self.lock = threading.RLock()
        self.serial = next(_serials)
        self.is_updated = False
        """Whether some program writes to it; those that read it then take its lock, in order of `serial`."""
        self.users = 0
        """Calls that hold the lock: more than one only where a program is called within a call of one."""
        _buffers.add(self)

    @property
    def array(self) -> np.ndarray[Any, Any]:
        return self._made() if self._array is None else self._array

    @array.setter
    def array(self, value: np.ndarray[Any, Any]) -> None:
        self._array = value

    @property
    def is_bound(self) -> bool:
        return self._array is not None or self.make is not None

    @property
    def is_made(self) -> bool:
        """Whether there is an array already."""
        return self._array is not None

    def _made(self) -> np.ndarray[Any, Any]:
        with self.lock:
            if self._array is None and self.make is None:
                raise UnboundArrayError(
                    f"@{self.reference} was read from text without its array; "
                    f"parse with arrays={{{self.reference!r}: array}}"
                )
            if self._array is None and self.make is not None:
                self._array, self.make = self.make(), None
            assert self._array is not None
            return self._array


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
