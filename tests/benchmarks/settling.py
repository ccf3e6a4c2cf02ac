"""Waiting for the threads of a system that has been timed, before another one is."""

import time
from typing import Final

QUIET: Final = 2e-3
LONGEST: Final = 0.3
"""Seconds without work after which a process is taken to be idle, and for which that is awaited at most."""


def settle() -> None:
    """Waits until no thread of this process runs, for some spin for a while after a call.

    They would take a core from the next system, as much as half of its speed.
    """
    end = time.perf_counter() + LONGEST
    while time.perf_counter() < end:
        before = time.process_time()
        time.sleep(QUIET)
        if time.process_time() - before < QUIET / 4:
            return
