"""The garbage collector at rest while a program is made.

What a compilation makes lives as long as its program or goes when the last name for it goes; circles are few.
The collector looks all the same, again and again, at everything that is alive: that was a tenth of the time
that small networks take to compile, and a sixth of that of networks of hundreds of layers. Behind the first
programs of a process it does not look at what was made meanwhile, but takes it for old, which is another
thirtieth: modules and tables that are loaded once. Whoever makes programs on and on lets go of some, too, and
what is old is seldom looked at; so later ones are young at first.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

FIRST: Final = 4
"""How many programs are old from the beginning."""

_lock = threading.Lock()
_resting = 0
"""How many threads are inside."""
_was_enabled = False
_ended = 0
"""How often the collector was at rest."""


@contextmanager
def collector_at_rest() -> Generator[None]:
    """Nothing is collected inside, in any thread; behind it what was before is so again. Calls nest."""
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _resting, _was_enabled
    with _lock:
        if _resting == 0:
            _was_enabled = gc.isenabled()
            gc.disable()
        _resting += 1


def _leave() -> None:
    global _resting, _ended
    with _lock:
        _resting -= 1
        if _resting == 0 and _was_enabled:
            _ended += 1
            if _ended <= FIRST and gc.get_freeze_count() == 0:
                _age()
            gc.enable()


def _age() -> None:
    """What there is becomes old without being looked at: it is frozen, and thawed into the oldest."""
    gc.freeze()
    gc.unfreeze()
