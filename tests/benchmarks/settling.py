"""Waiting for the threads of a system that has been timed, before another one is."""

import time
from typing import Final

QUIET: Final = 2e-3
LONGEST: Final = 0.3
"""Seconds without work after which a process is taken to be idle, and for which that is awaited at most."""

SLEEPING_SOON: Final = {"OPENBLAS_THREAD_TIMEOUT": "20"}
"""For the environment of a system: NumPy's threads sleep 2**20 cycles, 0.4 ms, after a call.

Else they spin for up to half a second on a core that the next system wants, whose times then double, or are
those of the slices of time that the operating system deals out: 8 ms. From call to call they are as fast.
"""


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
