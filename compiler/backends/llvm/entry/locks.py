"""What the calls of a program share, and the words that are locks for native code and for Python.

A lock is a word: 0 when free and 1 when held. Native code tries the locks of a call, Python may wait for
them.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
import weakref
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from compiler.backends.llvm.jit.cache import default_cache
from compiler.backends.llvm.jit.code import Byte, Code
from compiler.backends.llvm.jit.engine import QUICKEST, Library
from compiler.backends.llvm.jit.memory import I64, Address, Struct, struct
from compiler.backends.llvm.jit.once import once
from compiler.backends.llvm.jit.routines import load_routines, part, routine
from compiler.backends.llvm.jit.values import Pointer, Word
from compiler.ir.op import Buffer


@struct
class ContextHeader(Struct):
    """How the memory begins that a program's calls share: a lock, and the slab with its size in bytes."""

    lock: I64
    slab: Address
    capacity: I64


Memory = TypeVar("Memory", bound=ContextHeader)


class Context(Generic[Memory]):
    """The memory that calls of a program share, one at a time. The slab begins on a 64-byte border."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.address = ctypes.addressof(memory)
        self._slab = np.empty(0, np.uint8)

    def reserve(self, size: int) -> None:
        """Make the slab at least `size` bytes; it loses its content if it grows. Hold the lock."""
        if size <= self.memory.capacity:
            return
        self._slab = np.empty(size + 64, np.uint8)
        self.memory.slab = -(-self._slab.ctypes.data // 64) * 64
        self.memory.capacity = size


@routine
def release_words(code: Code, locks: Pointer, count: Word) -> None:
    """Free the first `count` locks."""
    with code.each(count) as i:
        locks.pointers[i].store(0, "release")


@part
def acquire_words(code: Code, locks: Pointer, count: Word) -> Byte:
    """Take each lock, in order; or none of them, if one is held."""
    with code.each(count) as i, code.unless(locks.pointers[i].exchange(0, 1, "acquire", "monotonic")):
        release_words(code, locks, i)
        code.give(0)
    return code.word(1)


@once
def _library() -> Library:
    return load_routines([acquire_words, release_words], default_cache(), level=QUICKEST)


class Locks:
    """Locks, by their addresses, in the order in which everybody takes them (a context's own first).

    A lock that another thread held at the time of a fork stays held in the child: whoever owns the words
    sets them to 0 there.
    """

    def __init__(self, addresses: Sequence[int]) -> None:
        library, signature = _library(), (ctypes.c_void_p, ctypes.c_int64)
        # Called with the interpreter lock held: neither waits for anything.
        self._try = ctypes.PYFUNCTYPE(ctypes.c_bool, *signature)(library[acquire_words.name])
        self._release = ctypes.PYFUNCTYPE(None, *signature)(library[release_words.name])
        self._words = (ctypes.c_size_t * len(addresses))(*addresses)
        self._arguments = (ctypes.addressof(self._words), len(addresses))

    def try_acquire(self) -> bool:
        """Take all locks or none; whether it took them."""
        return bool(self._try(*self._arguments))

    def acquire(self) -> None:
        """Wait, giving way to other threads, until all locks are taken."""
        delay = 1e-6
        while not self.try_acquire():
            time.sleep(delay)
            delay = min(2 * delay, 1e-3)

    def release(self) -> None:
        """Free all locks."""
        self._release(*self._arguments)


class WordLock:
    """A re-entrant lock of Python that also holds a word, which native code tries."""

    def __init__(self) -> None:
        self._word = ctypes.c_int64()
        self.address = ctypes.addressof(self._word)
        self._words = Locks([self.address])
        self._lock = threading.RLock()
        self._depth = 0

    def free(self) -> None:
        """Nobody holds it: in the child of a fork."""
        self._lock = threading.RLock()
        self._depth = 0
        self._word.value = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """As a lock's: Python's first, then the word."""
        if not self._lock.acquire(blocking, timeout):
            return False
        if self._depth == 0:
            self._words.acquire()
        self._depth += 1
        return True

    def release(self) -> None:
        """As a lock's."""
        self._depth -= 1
        if self._depth == 0:
            self._words.release()
        self._lock.release()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


_known: weakref.WeakKeyDictionary[Buffer, WordLock] = weakref.WeakKeyDictionary()
_guard = threading.Lock()


def word_locks(buffers: Sequence[Buffer]) -> list[WordLock]:
    """The locks of buffers, each of which becomes a WordLock here if it is none yet."""
    with _guard:
        return [_word_lock(buffer) for buffer in buffers]


def _word_lock(buffer: Buffer) -> WordLock:
    if buffer not in _known:
        with buffer.lock:
            _known[buffer] = WordLock()
            _install(buffer, _known[buffer])
    return _known[buffer]


def _install(buffer: Any, lock: WordLock) -> None:
    buffer.lock = lock


def _free_all() -> None:
    for buffer, lock in _known.items():
        lock.free()
        _install(buffer, lock)
    for free in list(_others):
        free.after_fork()


class Freed:
    """Something whose locks are freed in the child of a fork."""

    def __init__(self) -> None:
        _others.add(self)

    def after_fork(self) -> None:
        """Frees what nobody in the child would ever release."""


_others: weakref.WeakSet[Freed] = weakref.WeakSet()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_all)
