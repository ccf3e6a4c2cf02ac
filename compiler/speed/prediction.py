"""What a kernel is predicted to take, and what of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from compiler.ir.plain import Plain, plain

ISSUE: Final = "issue"
LAUNCH: Final = "launch"
THREADS: Final = "threads"
PYTHON: Final = "Python"


@dataclass(frozen=True, slots=True)
class Prediction:
    """How long a kernel is predicted to take, and what of.

    `parts` are microseconds by what takes them: `issue` (instructions), a cache or `memory` (bytes that come
    from there), `launch`, and `threads` (handing chunks to them). Instructions and bytes overlap.
    """

    microseconds: float
    """NaN for what Python computes."""
    parts: Mapping[str, float]

    @property
    def bound(self) -> str:
        """The part that takes longest; empty where there is nothing to do."""
        return max(self.parts, key=self.parts.__getitem__, default="")

    def to_dict(self) -> dict[str, Plain]:
        """The time and its bound."""
        return {"predicted_microseconds": plain(self.microseconds), "bound": self.bound}

    @classmethod
    def of(cls, found: Iterable[Prediction]) -> Prediction:
        """Of several kernels one after the other."""
        parts: dict[str, float] = {}
        total = 0.0
        for item in found:
            total += item.microseconds
            for name, part in item.parts.items():
                parts[name] = parts.get(name, 0.0) + part
        return cls(total, parts)
