"""A clock in generated code: it is read between kernels, and what lies between belongs to one of them."""

from __future__ import annotations

import time

from compiler.backends.numpy.source import Source


class Stopwatch:
    """Writes readings of the clock into a source, and adds up what they say when it has run."""

    def __init__(self, kernels: int) -> None:
        self.kernels = kernels
        self._owners: list[int] = []
        self._ticks: list[int] = []
        self._written = 0

    def begin(self, source: Source) -> None:
        """The first reading."""
        self._read(source)

    def split(self, source: Source, owner: int) -> None:
        """Everything written since the last reading belongs to kernel `owner`, or to the copies: -1."""
        if len(source.lines) > self._written:
            self._owners.append(owner)
            self._read(source)

    def _read(self, source: Source) -> None:
        source.write(
            f"{source.bind(self._ticks.append, 'tick_')}({source.bind(time.perf_counter_ns, 'now_')}())"
        )
        self._written = len(source.lines)

    def spent(self) -> list[int]:
        """Nanoseconds of the latest run: of each kernel, and last of the copies. Forgets the run."""
        found = [0] * (self.kernels + 1)
        for place, owner in enumerate(self._owners):
            found[owner] += self._ticks[place + 1] - self._ticks[place]
        self._ticks.clear()
        return found
