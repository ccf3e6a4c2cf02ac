"""Worker threads for native programs: fixed chunks of a kernel, claimed by whoever is free.

A program calls one native function for each parallel kernel,

    void tinytorch_parallel(void (*kernel)(void *frame, int64 chunk), void *frame, int64 chunks)

which runs `kernel(frame, chunk)` once for every chunk from 0 to before `chunks`, in any order and on any
thread, and returns when all are done. What a chunk covers is the program's to decide, from extents alone,
never from the number of threads: so the results have the same bits for any number of them. A kernel
neither needs nor takes the interpreter lock, and must not be given chunks that write the same memory.

The caller takes part and waits only for chunks that a worker has begun; a pool that is busy with another
caller, a kernel called from inside a kernel, and one chunk run on the caller alone. Workers are threads of
the system that Python does not know. They start when the first job is published and sleep while there is
none; the child of a fork begins without any and starts its own. Where the system has no POSIX threads,
programs run on one thread.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import sys
import threading
from collections.abc import Callable
from typing import Final

from compiler.backends.llvm.jit.cache import ObjectCache, default_cache
from compiler.backends.llvm.jit.engine import QUICKEST
from compiler.backends.llvm.jit.once import once
from compiler.backends.llvm.jit.routines import load_routines
from compiler.backends.llvm.threads.routines import (
    MAXIMUM_WORKERS,
    NEEDED_FUNCTIONS,
    run_all,
    tinytorch_configure,
    tinytorch_forget,
    tinytorch_parallel,
    tinytorch_started,
)
from compiler.errors import ArgumentError
from compiler.ir.numbers import whole_number

PARALLEL: Final = tinytorch_parallel.name
"""The symbol a program declares; give `parallel_address()` for it among the imports of its library."""

ROUTINES: Final = (tinytorch_parallel, tinytorch_configure, tinytorch_forget, tinytorch_started)


def threads_available() -> bool:
    """Whether this system can run more than one thread in a program."""
    if sys.platform == "win32":
        return False
    process = ctypes.CDLL(None)
    return all(hasattr(process, name) for name in NEEDED_FUNCTIONS)


def set_num_threads(count: int) -> None:
    """Let programs use `count` threads, the caller among them; from the next parallel kernel on.

    Waits for a kernel that is running. Raises `ArgumentError` unless `count` is a positive integer.
    """
    wanted = whole_number(count)
    if wanted is None or wanted < 1:
        raise ArgumentError(f"the number of threads is a positive integer, not {count!r}")
    _pool().configure(wanted)


def get_num_threads() -> int:
    """How many threads programs may use, the caller among them."""
    return _pool().count


def started_workers() -> int:
    """How many workers this process has started and not ended."""
    return _pool().started()


def parallel_address() -> int:
    """The address of `tinytorch_parallel`, valid for the life of the process."""
    return _pool().parallel


class _Alone:
    """Where there are no threads: the caller runs every chunk."""

    def __init__(self, cache: ObjectCache) -> None:
        self.count = 1
        self._library = load_routines([run_all], cache, level=QUICKEST)
        self.parallel = self._library[run_all.name]

    def configure(self, count: int) -> None:
        """There is one thread, whatever is wanted."""

    def started(self) -> int:
        return 0


class _Pool:
    """The one pool of this process, and what Python says to it."""

    def __init__(self, cache: ObjectCache) -> None:
        self._library = load_routines(ROUTINES, cache, level=QUICKEST)
        self.parallel = self._library[PARALLEL]
        self.started: Callable[[], int] = self._function(tinytorch_started.name, ctypes.c_int64)
        self._configure = self._function(tinytorch_configure.name, None, ctypes.c_int64)
        self._forget = self._function(tinytorch_forget.name, None)
        self._lock = threading.Lock()
        self.count = 1
        self._forget()
        self.configure(_usual_count())
        os.register_at_fork(after_in_child=self.forget)
        # Workers must not run in code that is being unloaded.
        atexit.register(self._configure, 0)

    def _function(self, name: str, result: type | None, *arguments: type) -> Callable[..., int]:
        return ctypes.CFUNCTYPE(result, *arguments)(self._library[name])

    def configure(self, count: int) -> None:
        """Want `count` threads, or as many as there can be."""
        with self._lock:
            self.count = min(count, MAXIMUM_WORKERS + 1)
            self._configure(self.count - 1)

    def forget(self) -> None:
        """In the child of a fork: no worker exists, and nobody holds a lock."""
        self._lock = threading.Lock()
        self._forget()


@once
def _pool() -> _Pool | _Alone:
    cache = default_cache()
    return _Pool(cache) if threads_available() else _Alone(cache)


def _usual_count() -> int:
    """The processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
