"""Patience: how long a worker may be silent, by a deadline that was given or by what was seen before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from compiler.errors import ArgumentError

FIRST: Final = 60.0
"""Seconds that workers have at first, when they compile, and read data for the first time."""

_SHORTEST: Final = 10.0
_TIMES: Final = 20.0
"""What takes so many times as long as the longest wait before it is taken to hang."""


def check_deadline(deadline: float | None) -> None:
    """Raises ArgumentError for what is neither a positive number of seconds nor None."""
    if deadline is not None and not deadline > 0:
        raise ArgumentError(f"a deadline is a positive number of seconds, not {deadline!r}")


@dataclass
class Patience:
    """The seconds that a worker has for an answer."""

    deadline: float | None
    longest: float = 0.0
    """Seconds of the longest wait that ended with an answer."""

    @property
    def seconds(self) -> float:
        """The deadline; or what follows from the waits so far."""
        if self.deadline is not None:
            return self.deadline
        return max(_SHORTEST, _TIMES * self.longest) if self.longest else FIRST

    def took(self, seconds: float) -> None:
        """That an answer took so long."""
        self.longest = max(self.longest, seconds)

    def doubled(self) -> None:
        """That all are there, and take longer than was thought; a deadline that was given stays."""
        self.took(2 * self.seconds / _TIMES)
