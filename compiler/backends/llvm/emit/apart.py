"""Vectors whose lanes lie a few elements apart, or backwards: loads and stores of neighbours, and shuffles.

No element is touched that lies before the first lane or behind the last one, or in a lane outside a mask.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from compiler.backends.llvm.emit import words
from compiler.backends.llvm.jit.building import Builder
from compiler.backends.llvm.jit.kinds import Type, i32, numbers_of, undefined, zero
from compiler.backends.llvm.jit.kinds import Value as Register


@dataclass(frozen=True, slots=True)
class Apart:
    """Lane k lies `step` * k elements behind the first one. The step is negative, or 2 or more."""

    step: int

    def load(self, builder: Builder, first: Register, kind: Type, mask: Register | None) -> Register:
        """The vector, of as many as it covers."""
        if self.step < 0:
            chosen, last = mask and _turned(builder, mask), self._last(builder, first, kind)
            return _turned(builder, self._ahead().load(builder, last, kind, chosen))
        if self.step == 1:
            return words.load(builder, first, kind, mask)
        lanes = kind.count
        found = undefined(kind)
        for part, inside in self._parts(lanes):
            start = (
                part * lanes if mask is not None else min(part * lanes, self.step * (lanes - 1) + 1 - lanes)
            )
            address = words.offset(builder, first, words.index(start), kind.element)
            chosen = None if mask is None else self._chosen(builder, mask, part, inside)
            loaded = words.load(builder, address, kind, chosen)
            places = [lanes + self.step * k - start if k in inside else k for k in range(lanes)]
            found = builder.shuffle_vector(found, loaded, _lanes(places))
        return found

    def store(self, builder: Builder, value: Register, first: Register, mask: Register | None) -> None:
        """Stores a vector; the elements between its lanes are not touched."""
        kind = value.type
        if self.step < 0:
            last = self._last(builder, first, kind)
            chosen = mask and _turned(builder, mask)
            self._ahead().store(builder, _turned(builder, value), last, chosen)
            return
        if self.step == 1:
            words.store(builder, value, first, mask)
            return
        every = words.every_lane(kind.count) if mask is None else mask
        for part, inside in self._parts(kind.count):
            chosen = self._chosen(builder, every, part, inside)
            places = [0] * kind.count
            for lane in inside:
                places[self.step * lane - part * kind.count] = lane
            spread = _shuffled(builder, value, places)
            address = words.offset(builder, first, words.index(part * kind.count), kind.element)
            words.store(builder, spread, address, chosen)

    def _ahead(self) -> Apart:
        """The same lanes, the last one first."""
        return Apart(-self.step)

    def _last(self, builder: Builder, first: Register, kind: Type) -> Register:
        return words.offset(builder, first, words.index(self.step * (kind.count - 1)), kind.element)

    def _parts(self, lanes: int) -> Iterator[tuple[int, range]]:
        """The vectors of neighbours that are covered, and which lanes lie in each."""
        for part in range(self.step):
            yield part, range(-(-part * lanes // self.step), -(-(part + 1) * lanes // self.step))

    def _chosen(self, builder: Builder, mask: Register, part: int, inside: range) -> Register:
        """The elements of a part whose lanes are in the mask."""
        lanes = mask.type.count
        places = [lanes] * lanes
        for lane in inside:
            places[self.step * lane - part * lanes] = lane
        return builder.shuffle_vector(mask, zero(mask.type), _lanes(places))


def _turned(builder: Builder, value: Register) -> Register:
    """The last lane first."""
    return _shuffled(builder, value, range(value.type.count)[::-1])


def _shuffled(builder: Builder, value: Register, lanes: Sequence[int]) -> Register:
    return builder.shuffle_vector(value, undefined(value.type), _lanes(lanes))


def _lanes(lanes: Sequence[int]) -> Register:
    return numbers_of(i32, *lanes)
