"""What one call at a time of a program uses: memory, a lock, and bindings for the sizes of late."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np

from compiler.backends.llvm.entry.locks import Context, Freed, Locks
from compiler.backends.llvm.run.binding import Binding
from compiler.backends.llvm.run.driver import ProgramContext

Array: TypeAlias = np.ndarray[Any, Any]

_KEPT: Final = 8
"""Bindings of one context that are kept; the oldest goes first."""


class NativeContext(Freed):
    """A context with its bindings and its lock."""

    def __init__(self) -> None:
        super().__init__()
        self.context = Context(ProgramContext())
        self.locks = Locks([self.context.address])
        self.bindings: list[Binding] = []

    def after_fork(self) -> None:
        """A call that ran in another thread is not there to end."""
        self.context.memory.lock = 0

    @property
    def slab(self) -> Array:
        """The slab's bytes."""
        known = self.context.memory
        memory: Any = (ctypes.c_uint8 * known.capacity).from_address(known.slab)
        return np.frombuffer(memory, np.uint8)

    def reserve(self, size: int) -> None:
        """Room in the slab; bindings hold its address, so they go when it moves."""
        if size > self.context.memory.capacity:
            self._replace([])
            self.context.reserve(size)

    def find(self, sizes: Mapping[str, int], buffers: Sequence[Any]) -> Binding | None:
        """The binding for some sizes."""
        for binding in self.bindings:
            if binding.sizes == sizes:
                arrays = zip(binding.arrays, buffers, strict=True)
                if all(array is buffer.array for array, buffer in arrays):
                    return binding
                self._replace([])
                return None
        return None

    def add(self, binding: Binding) -> None:
        """Puts a binding first."""
        self._replace([binding, *self.bindings[: _KEPT - 1]])

    def _replace(self, bindings: list[Binding]) -> None:
        following = [*(binding.address for binding in bindings[1:]), 0]
        self.context.memory.first = 0
        for binding, address in zip(bindings, following, strict=False):
            binding.record.next = address
        self.bindings = bindings
        if bindings:
            self.context.memory.first = bindings[0].address
