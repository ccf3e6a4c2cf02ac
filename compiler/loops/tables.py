"""Tables that products follow, as polynomials still: what each says is known when sizes are bound."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

from compiler.ir.dims import Extent, product
from compiler.ir.node import Node
from compiler.loops.borders import Border, Walk

BLOCK_DEPTH: Final = 256
"""Terms that are summed before the sum is added to the total; part of the definition of the result."""


@dataclass(frozen=True, slots=True)
class Zeros:
    """A product that leaves zeros out: how its left operand is walked, and where it has them."""

    rows: Walk
    terms: Walk
    border: Border


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """How far each iteration of some loops, the last one innermost, is from the first in a value's memory.

    Of a product that leaves zeros out there are also `kinds`, `begins`, `ends` and `live`, as `sparing` says,
    and its rows are in the order that it says.
    """

    value: Node
    what: str
    """"rows" or "terms", or one of those."""
    loops: Walk
    zeros: Zeros | None = None

    @property
    def key(self) -> Hashable:
        """Equal tables have equal keys."""
        return self.loops if self.zeros is None else (self.what, self.loops, self.zeros)

    @property
    def entries(self) -> Extent:
        """How many numbers it has, at most."""
        if self.zeros is None or self.what in ("rows", "kinds"):
            return product(extent for extent, _ in self.loops)
        depth = product(extent for extent, _ in self.zeros.terms)
        assert isinstance(depth, int)
        kinds = 2 * self.zeros.border.patterns(self.zeros.rows, self.zeros.terms)
        return kinds * (depth if self.what == "live" else -(-depth // BLOCK_DEPTH))

    def __str__(self) -> str:
        steps = ", ".join(f"{extent} by {stride}" for extent, stride in self.loops)
        if self.zeros is None:
            return f"table of {steps}"
        return f"table of {steps}, sorted by zeros" if self.what == "rows" else f"table of {self.what}"
