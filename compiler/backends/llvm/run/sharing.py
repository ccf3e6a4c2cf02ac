"""Calls that threads share: rows, or matrices, are dealt out, as many to each."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from compiler.backends.llvm.threads import pool
from compiler.backends.reference import write_call
from compiler.ir.node import Node
from compiler.ir.op import Call, Shareable

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

_FROM: Final = 400_000.0
"""Nanoseconds of a call from which on threads share it: between calls of NumPy they wait for each other."""


@functools.cache
def _workers() -> ThreadPoolExecutor:
    """Threads that wait for parts of calls. They are begun when they are needed, and stay."""
    from concurrent.futures import ThreadPoolExecutor  # what most programs do without

    return ThreadPoolExecutor(max(1, (os.cpu_count() or 1) - 1), "tinytorch")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_workers.cache_clear)  # the threads are not there


def write_shared(node: Node, op: Call, operands: Sequence[Any], sizes: Mapping[str, int], out: Any) -> None:
    """The value of an opaque call, as `write_call` has it, by as many threads as programs use."""
    function = op.function
    if not isinstance(function, Shareable) or function.nanoseconds(operands) < _FROM:
        write_call(node, op, operands, sizes, out)
        return
    first, *others = function.parts(pool.get_num_threads(), out, operands)
    running = [_workers().submit(_run, function.write, part) for part in others]
    try:
        _write(function, first, running)
    except Exception:
        write_call(node, op, operands, sizes, out)  # the error of the call, which says where of all it is
        raise


def _write(function: Shareable, part: Sequence[Any], running: Sequence[Future[None]]) -> None:
    """One part, while others are written. Raises what any of them does, when nobody writes any more."""
    try:
        function.write(*part)
    finally:
        failures = [item.exception() for item in running]
    for failure in failures:
        if failure is not None:
            raise failure


def _run(write: Callable[..., None], part: Sequence[Any]) -> None:
    with np.errstate(all="ignore"):
        write(*part)
