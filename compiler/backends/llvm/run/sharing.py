"""Calls that threads share: rows are dealt out, as many to each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from compiler.backends.llvm.threads import pool
from compiler.backends.reference import write_call
from compiler.ir.node import Node
from compiler.ir.op import ArrayFunction, Call

_FROM: Final = 1 << 19
"""Elements from which on threads are begun.

Measured on two cores that others used, too: of 300,000 elements the first few and ranks took longer with a
second thread, of a million nothing did, and sorts took less.
"""


def write_shared(node: Node, op: Call, operands: Sequence[Any], sizes: Mapping[str, int], out: Any) -> None:
    """The value of an opaque call, as `write_call` has it, by as many threads as programs use."""
    function = op.function
    if not isinstance(function, ArrayFunction) or max(item.size for item in operands) < _FROM:
        write_call(node, op, operands, sizes, out)
        return
    first, *others = function.parts(pool.get_num_threads(), out, operands)
    failures: list[BaseException] = []
    threads = [threading.Thread(target=_run, args=(function.write, part, failures)) for part in others]
    for thread in threads:
        thread.start()
    try:
        function.write(*first)
    finally:
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]


def _run(write: Callable[..., None], part: Sequence[Any], failures: list[BaseException]) -> None:
    try:
        with np.errstate(all="ignore"):
            write(*part)
    except BaseException as error:  # noqa: BLE001  # who waits for the thread raises it
        failures.append(error)
