"""What the proof knows of memory: which content lies where, for every value of the symbols at once.

A polynomial whose coefficients are all non-negative is never negative, as symbols are not. So two ranges are
apart if the distance from the end of one to the start of the other is such a polynomial. Ranges that hold
something are kept in the order that they have at one sample of sizes; each is shown to be apart from its
neighbours, and with that from all others, in logarithmic time.
"""

from __future__ import annotations

import bisect
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from compiler.ir.dims import Dim, Extent, Monomial, evaluate, symbols


def is_at_least(larger: Extent, smaller: Extent) -> bool:
    """Whether one extent is shown to be at least another for every value of the symbols."""
    if isinstance(larger, int) and isinstance(smaller, int):
        return larger >= smaller
    have = dict(_terms(larger))
    if any(have.pop(monomial, 0) < coefficient for monomial, coefficient in _terms(smaller)):
        return False
    return all(coefficient >= 0 for coefficient in have.values())


def _terms(extent: Extent) -> tuple[tuple[Monomial, int], ...]:
    return extent.terms if isinstance(extent, Dim) else (((), extent),)


def is_multiple(extent: Extent, of: int) -> bool:
    """Whether an extent is shown to be a multiple for every value of the symbols."""
    return all(coefficient % of == 0 for _, coefficient in _terms(extent))


@dataclass(frozen=True, slots=True, eq=False)
class Range:
    """Bytes of the slab with a content."""

    start: Extent
    end: Extent
    content: Hashable

    def is_before(self, other: Range) -> bool:
        """Whether it ends before another begins, whatever the sizes."""
        return is_at_least(other.start, self.end)


class Memory:
    """The slab, and what is a whole of its own: outputs, parameters, inputs."""

    def __init__(self, extents: Iterable[Extent]) -> None:
        names = sorted({name for extent in extents for name in symbols(extent)})
        self._sample = {name: 10007 + 1000 * place for place, name in enumerate(names)}
        self._ranges: list[Range] = []
        self._starts: list[int] = []
        self._held: set[Hashable] = set()
        self._wholes: dict[Hashable, Hashable] = {}

    def holds(self, content: Hashable) -> bool:
        """Whether a content lies in the slab where it was written, whole."""
        return content in self._held

    def write(self, start: Extent, end: Extent, content: Hashable) -> list[Hashable]:
        """Writes a range of the slab. Returns the contents that this destroys, in whole or in part."""
        lost = self.clear(start, end)
        at = self._sampled(start)
        place = bisect.bisect_left(self._starts, at)
        self._ranges.insert(place, Range(start, end, content))
        self._starts.insert(place, at)
        self._held.add(content)
        return lost

    def clear(self, start: Extent, end: Extent) -> list[Hashable]:
        """Destroys what lies in a range of the slab, or may for some sizes. Returns the contents."""
        wanted = Range(start, end, None)
        first = last = bisect.bisect_left(self._starts, self._sampled(start))
        while first > 0 and not self._ranges[first - 1].is_before(wanted):
            first -= 1
        while last < len(self._ranges) and not wanted.is_before(self._ranges[last]):
            last += 1
        lost = [found.content for found in self._ranges[first:last]]
        del self._ranges[first:last], self._starts[first:last]
        self._held.difference_update(lost)
        return lost

    def whole(self, name: Hashable) -> Hashable:
        """The content of an output, a parameter or an input; None if it was never written."""
        return self._wholes.get(name)

    def fill(self, name: Hashable, content: Hashable) -> Hashable:
        """Writes an output, a parameter or an input. Returns the content that this destroys."""
        lost = self._wholes.get(name)
        self._wholes[name] = content
        return lost

    def _sampled(self, start: Extent) -> int:
        return evaluate(start, self._sample)
