"""Programs of which NumPy computes some, as the native function that an entry calls: Python over a frame.

An entry has checked the arguments, made the results and taken the locks when it calls, which is dearer in
Python than what NumPy does with short rows. The arrays that NumPy sees lie where the frame says.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from compiler.backends.llvm.run.binding import Binding, Lying, Seen
from compiler.backends.llvm.run.context import NativeContext
from compiler.backends.llvm.run.driver import UNBOUND
from compiler.backends.llvm.run.looking import seen_of
from compiler.backends.llvm.run.python_steps import run_segments
from compiler.ir.node import Node
from compiler.loops.places import Places

Array: TypeAlias = np.ndarray[Any, Any]

_PROTOTYPE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class FrameProgram:
    """Runs the bindings of a context for the extents of a frame, which has so many words.

    `bound` says which those are. What is refused, and what fails, is computed again by the fallback of the
    entry, which says why. So the program may write nothing that outlives a call but its results.
    """

    def __init__(
        self,
        places: Places,
        context: NativeContext,
        bound: Callable[[Sequence[int]], Binding | None],
        words: int,
    ) -> None:
        self._places, self._context, self._bound = places, context, bound
        self._words: Any = ctypes.c_int64 * words
        self._function = _PROTOTYPE(self._run)
        self._interrupts: dict[int, KeyboardInterrupt] = {}
        """By thread, what the native code that is called would not hand on."""
        context.context.memory.called = ctypes.cast(self._function, ctypes.c_void_p).value or 0

    def hand_on(self) -> None:
        """Raises what has interrupted this thread in the program."""
        if self._interrupts and (interrupt := self._interrupts.pop(threading.get_ident(), None)) is not None:
            raise interrupt

    def _run(self, frame: int) -> None:
        try:
            self._context.context.memory.answer = self._answer(frame)
        except KeyboardInterrupt as interrupt:
            self._interrupts[threading.get_ident()] = interrupt
        except Exception:  # noqa: BLE001 (the fallback meets it again)
            return

    def _answer(self, frame: int) -> int:
        words = self._words.from_address(frame)[:]
        binding = self._bound(words)
        if binding is None:
            return UNBOUND
        return run_segments(binding, frame, partial(self._look, binding, words))

    def _look(self, binding: Binding, words: Sequence[int], node: Node) -> Array:
        """The array of a stored value."""
        known = binding.lying.get(node)
        if known is None or (known.slot and known.base != words[known.slot]):
            seen = seen_of(self._places, node, binding.sizes)
            slot, base = binding.base(seen.region, seen.number, words)
            known = binding.lying[node] = Lying(slot, base, _array_at(base + seen.offset, seen))
        return known.array


def _array_at(address: int, seen: Seen) -> Array:
    if 0 in seen.shape:
        return np.empty(seen.shape, seen.dtype)
    far = [(extent - 1) * stride for extent, stride in zip(seen.shape, seen.strides, strict=True)]
    before = -sum(distance for distance in far if distance < 0)
    size = before + sum(distance for distance in far if distance > 0) + seen.dtype.itemsize
    memory: Any = (ctypes.c_uint8 * size).from_address(address - before)
    return np.ndarray(seen.shape, seen.dtype, memory, before, seen.strides)
