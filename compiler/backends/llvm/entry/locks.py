"""The locks of parameters as native code takes them: a word beside Python's lock."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from compiler.backends.llvm.entry.making import Locks
from compiler.backends.llvm.run.binding import address_of
from compiler.ir.op import Buffer


class WordLock:
    """A re-entrant lock that also holds a word, which the fast entry tries: 0 when free and 1 when held."""

    def __init__(self) -> None:
        self._word = np.zeros(1, np.int64)
        self.address = address_of(self._word)
        self._words = Locks([self.address])
        self.free()

    def free(self) -> None:
        """Nobody holds it: in the child of a fork."""
        self._lock = threading.RLock()
        self._depth = 0
        self._word[0] = 0

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
