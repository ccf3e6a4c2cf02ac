"""Ctrl-C while locks are held: it waits until they are free.

Python raises KeyboardInterrupt between any two instructions of the main thread: also between taking a lock
and knowing that it is taken, or between two parameters that an update writes. Nobody would free the one, and
half an update would stay of the other. So it is raised when the locks are free again. Only Python's own
handler is held back; one that the user has set is the user's.

`_signal` is what `signal` itself calls, whose own functions make enums of the numbers: 16 us for 1.
"""

from __future__ import annotations

import importlib
import signal
import threading
from collections.abc import Callable
from threading import get_ident
from typing import Any

_own: Any = importlib.import_module("_signal")
getsignal: Callable[[int], object] = _own.getsignal
set_handler: Callable[[int, object], object] = _own.signal

_SIGINT = int(signal.SIGINT)
_raise = signal.default_int_handler

_main = threading.main_thread().ident
_depth = 0
"""How often the main thread has entered; it means something while `_wait` is the handler."""
_is_pressed = False


def _wait(*_: Any) -> None:
    global _is_pressed
    _is_pressed = True


def hold_back() -> None:
    """From here to `let_through` Ctrl-C waits. Calls nest, and do nothing outside the main thread."""
    global _depth
    if get_ident() != _main:
        return
    handler = getsignal(_SIGINT)
    if handler is _raise:
        set_handler(_SIGINT, _wait)
        _depth = 1
    elif handler is _wait:
        _depth += 1


def let_through() -> None:
    """The end of what `hold_back` began. Raises KeyboardInterrupt if Ctrl-C was pressed meanwhile."""
    global _depth, _is_pressed
    if get_ident() != _main or getsignal(_SIGINT) is not _wait:
        return
    _depth -= 1
    if _depth:
        return
    set_handler(_SIGINT, _raise)
    if _is_pressed:
        _is_pressed = False
        raise KeyboardInterrupt


def forget() -> None:
    """In the child of a fork: what the parent's main thread held back is not there to end."""
    global _main, _is_pressed
    _main, _is_pressed = get_ident(), False
    if getsignal(_SIGINT) is _wait:
        set_handler(_SIGINT, _raise)
