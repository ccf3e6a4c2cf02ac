"""A part of the model as an outline has it."""

from __future__ import annotations

from dataclasses import dataclass

from compiler.ir.printing import print_path
from compiler.ir.scope import Path


@dataclass(slots=True)
class Scope:
    """A part of the model: its lines from `first` to `last`, and the number of the scope around it.

    One that stands for several that are alike says how many in `repeats`, else 0.
    """

    path: Path
    parent: int
    first: int = 0
    last: int = -1
    repeats: int = 0

    @property
    def name(self) -> str:
        """Its own name, as it is printed."""
        return self.path[-1] if self.repeats else print_path(self.path[-1:])
