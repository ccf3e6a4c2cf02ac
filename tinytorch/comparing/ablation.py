"""What each pass is worth: data, and what is made of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from compiler.errors import ArgumentError
from compiler.schedule.tables import Table
from tinytorch.comparing.outcome import Comparison, Outcome

ALL: Final = "all"
NONE: Final = "none"
"""What the comparison calls the variants of all passes and of none."""


@dataclass(frozen=True, slots=True)
class Gain:
    """What a pass takes away from a call: what there is without it, less what there is with it."""

    without: Outcome
    with_it: Outcome

    @property
    def seconds(self) -> float:
        """Seconds of a call that the pass saves; negative where it costs some."""
        return self.without.seconds - self.with_it.seconds

    @property
    def speed(self) -> float:
        """How many times as long a call takes without it."""
        return self.without.seconds / self.with_it.seconds

    @property
    def is_clear(self) -> bool:
        """Whether the times are further apart than the rounds of each were among themselves.

        Never of one round, which says nothing about its noise.
        """
        noise = sum(item.seconds * item.spread for item in (self.without, self.with_it)) / 2
        return abs(self.seconds) > noise

    @property
    def bytes(self) -> int:
        """Bytes of the slab that it saves."""
        return self.without.predicted_bytes - self.with_it.predicted_bytes

    @property
    def kernels(self) -> int:
        """Kernels that it saves."""
        return self.without.kernels - self.with_it.kernels

    def to_dict(self) -> dict[str, Any]:
        """What it is worth, and in which variants that was measured."""
        return {
            "without": self.without.name,
            "with": self.with_it.name,
            "seconds": self.seconds,
            "speed": self.speed,
            "is_clear": self.is_clear,
            "bytes": self.bytes,
            "kernels": self.kernels,
        }


@dataclass(frozen=True, slots=True)
class Worth:
    """What one pass is worth beside all the others, and by itself."""

    name: str
    removed: Gain
    """Of all passes, only this one is taken away."""
    added: Gain
    """Of all passes, only this one runs."""

    def to_dict(self) -> dict[str, Any]:
        """The pass and both gains."""
        return {"name": self.name, "removed": self.removed.to_dict(), "added": self.added.to_dict()}


@dataclass(frozen=True, slots=True)
class Ablation:
    """The passes in their order; `ablation["simplify"]` is one. `str` is a table.

    What two passes do only together is in neither's worth when one of them is added alone, and in both's when
    one is taken away.
    """

    passes: tuple[Worth, ...]
    comparison: Comparison
    """Of the variants: all passes, none, each without one of them, and each with one of them only."""

    @property
    def all(self) -> Outcome:
        """What was found with every pass."""
        return self.comparison[ALL]

    @property
    def none(self) -> Outcome:
        """What was found without any."""
        return self.comparison[NONE]

    def __getitem__(self, name: str) -> Worth:
        for item in self.passes:
            if item.name == name:
                return item
        raise ArgumentError(f"no pass is named {name!r}; there are {', '.join(p.name for p in self.passes)}")

    def __iter__(self) -> Iterator[Worth]:
        return iter(self.passes)

    def __len__(self) -> int:
        return len(self.passes)

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Bars of what each pass saves in time, memory and kernels; the matplotlib figure.

        It is also written to `path` if given. Raises DrawingError where matplotlib is not installed.
        """
        from tinytorch.comparing.charts import plot_ablation  # noqa: PLC0415  # loaded by who asks for it

        return plot_ablation(self, path)

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Writes a page with the table, and the times and memory of every variant.

        One file that any browser opens, without a network. Returns the path.
        """
        from tinytorch.comparing.page import write_ablation  # noqa: PLC0415  # as in `plot`

        return write_ablation(self, path)

    def to_dict(self) -> dict[str, Any]:
        """What each pass is worth, and the comparison that says so."""
        return {"passes": [item.to_dict() for item in self.passes], "comparison": self.comparison.to_dict()}

    @property
    def tables(self) -> tuple[Table, ...]:
        """One, a row for each pass: what a call saves by it."""
        from tinytorch.comparing.tables import ablation_tables  # noqa: PLC0415  # as in `plot`

        return ablation_tables(self)

    def __str__(self) -> str:
        from tinytorch.comparing.tables import framed  # noqa: PLC0415  # as in `plot`

        return "".join(map(framed, self.tables))

    __repr__ = __str__
