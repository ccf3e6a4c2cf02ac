"""What was measured of this machine, kept beside compiled code: whoever asks first measures."""

from __future__ import annotations

import json
import threading
from dataclasses import fields
from typing import Final

from compiler.backends.llvm.jit.cache import default_cache, object_key
from compiler.backends.llvm.jit.engine import Target
from compiler.backends.llvm.measure.measuring import measure
from compiler.backends.llvm.threads.pool import get_num_threads
from compiler.speed.machine import VERSION, MeasuredMachine
from compiler.speed.processor import processor_name

_found: Final[dict[str, MeasuredMachine]] = {}
_lock = threading.Lock()


def known_machine(target: Target, *, again: bool = False) -> MeasuredMachine:
    """How fast this machine is: what this process or another one has measured, but for `again`.

    It is measured anew for another processor, number of threads, or version of what is measured.
    """
    what = ", ".join(item.name for item in fields(MeasuredMachine))
    name = f"machine {VERSION} ({what}) of {processor_name()}, {get_num_threads()} threads"
    key = object_key(name, target)
    with _lock:
        if again or key not in _found:
            _found[key] = _kept(key, target, again=again)
        return _found[key]


def _kept(key: str, target: Target, *, again: bool) -> MeasuredMachine:
    cache = default_cache()
    content = None if again else cache.get(key)
    if content is not None:
        return MeasuredMachine.from_dict(json.loads(content))
    found = measure(target)
    cache.put(key, found.to_json().encode())
    return found
