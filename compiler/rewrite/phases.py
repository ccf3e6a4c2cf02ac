"""The phases of a fold: which taps make which elements of its result, and from which positions.

Along an axis with a step, element `step * a + phase` is the sum over the taps t for which `t * dilation` is
`phase` modulo the step. They are every `step / gcd(step, dilation)`-th tap, and read the positions
`a - late`, `a - late - apart`, and so on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from compiler.ir.dims import Extent, divide_exactly
from compiler.ir.windows import WindowedAxis


@dataclass(frozen=True, slots=True)
class Phase:
    """Of one axis, the taps that make every `step`-th element of the result, and where they are read."""

    first: int
    """The first such tap."""
    taps: int
    late: int
    """How many positions the first tap is read before the element's own."""


@dataclass(frozen=True, slots=True)
class PhasedAxis:
    """One axis of a fold: its windows, its phases, and where its positions and taps stand in the factors."""

    windows: WindowedAxis
    position: int
    """The loop of the product that is its position, and `tap` the one that is its tap."""
    tap: int
    rows: Extent
    """The elements of each phase."""
    every: int
    """The distance between the taps of a phase, and `apart` that between the positions at which they read."""
    apart: int
    phases: tuple[Phase | None, ...]
    low: int
    high: int
    """Zeros before and behind the positions."""

    @property
    def is_even(self) -> bool:
        """Whether phase u has the taps u, u + step, ... read at the same positions as those of phase 0."""
        first = self.phases[0]
        assert first is not None, "0 is a multiple of any step"
        return self.phases == tuple(Phase(u, first.taps, first.late) for u in range(len(self.phases)))

    def start(self, phase: Phase) -> int:
        """Where in the padded positions the windows of a phase begin."""
        return self.low - phase.late - (phase.taps - 1) * self.apart


def phased_axis(item: WindowedAxis, position: int, tap: int) -> PhasedAxis | None:
    """The phases of an axis; None where they depend on symbols, or the axis has no elements."""
    rows = _rows(item.extent, item.step)
    if rows is None or not isinstance(item.taps, int) or item.taps == 0 or 0 in (item.extent, item.positions):
        return None
    beyond = rows - item.positions
    if not isinstance(beyond, int):
        return None
    common = math.gcd(item.step, item.dilation)
    apart = item.dilation // common
    phases = tuple(_phase(item, item.taps, phase) for phase in range(item.step))
    known = [phase for phase in phases if phase is not None]
    low = max(phase.late + (phase.taps - 1) * apart for phase in known)
    high = max(0, *(beyond - phase.late for phase in known))
    return PhasedAxis(item, position, tap, rows, item.step // common, apart, phases, low, high)


def _phase(item: WindowedAxis, taps: int, phase: int) -> Phase | None:
    chosen = [tap for tap in range(taps) if (tap * item.dilation - phase) % item.step == 0]
    if not chosen:
        return None
    return Phase(chosen[0], len(chosen), (chosen[0] * item.dilation - phase) // item.step)


def _rows(extent: Extent, step: int) -> Extent | None:
    """The elements of a phase: the extent over the step, upwards; None where that is no polynomial."""
    for missing in range(step):
        rows = divide_exactly(extent + missing, step)
        if rows is not None:
            return rows
    return None
