"""What passes may know of a backend: what it can do, never what it is called."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """The capabilities of a backend."""

    fuses: bool = False
    """Runs kernels of several nodes as one loop nest."""
    fuses_contractions: bool = False
    """Runs a contraction and the maps that follow it as one loop nest."""
    fuses_searches: bool = False
    """Runs a search (argmax, argmin) with other nodes over any loops, not only columns or the innermost."""
    fuses_gathers: bool = False
    """Reads elements where indices say in one loop nest with maps and reductions of what it reads."""
    reads_windows: bool = False
    """Multiplies windows, whose elements overlap, about as fast as what is dense."""
    copies_panels: bool = False
    """Copies panels of a product's factor for its tiles, and is fast where columns lie side by side."""
    writes_in_place: bool = False
    """Can write a result over an operand."""
