"""What a process has once: code that is loaded, and whose addresses others keep."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Hashable
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Made = TypeVar("Made")


def once(make: Callable[Given, Made]) -> Callable[Given, Made]:
    """The function, called once for each tuple of its hashable positional arguments, whoever asks first.

    `functools.cache` calls it in every thread that asks before the first is done, and keeps the last result:
    the others are freed, while the addresses of their code are in use.
    """
    known: dict[Hashable, Made] = {}
    lock = threading.RLock()

    @functools.wraps(make)
    def made(*arguments: Given.args, **named: Given.kwargs) -> Made:
        if arguments not in known:
            with lock:
                if arguments not in known:
                    known[arguments] = make(*arguments, **named)
        return known[arguments]

    return made
