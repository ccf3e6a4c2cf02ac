"""Batcher's odd-even merge sort of columns: a network of comparators, which each put two columns in order.

    for p in run, 2 * run, .. below n:                 merge runs of p columns
        for base in 0 .. n - p by 2 * p:
            for k in p, p / 2, .. 1:                   a layer
                for j in k mod p .. 2 * p - k by 2 * k:
                    for i in j .. j + k:
                        put columns base + i and base + i + k in order

Which columns meet depends on no element, so that lanes hold rows, and all rows of a vector are sorted at once
(K. Batcher, "Sorting networks and their applications", 1968; D. Knuth, volume 3, 5.3.4). A comparator is an
operation or two, but two loads and two stores. So some layers are walked over in one go: of columns that are
a distance apart, an iteration reads as many as make a period, and carries some on to the next.

    before      for k = 2 * h:  (2, 4) (3, 5) (6, 8) (7, 9) ..        after      (2, 4) (3, 5)  (1, 2) (3, 4)
                for k = h:      (1, 2) (3, 4) (5, 6) (7, 8) ..                   (6, 8) (7, 9)  (5, 6) (7, 8)

Behind the last column stand items up to a power of two that no other comes behind: they stay where they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from compiler.loops.language import Operand, Value
from compiler.loops.networks.columns import Columns
from compiler.loops.networks.comparing import Item


def whole(count: int) -> int:
    """The columns that a network of so many walks over: a power of two."""
    return 1 << max(0, count - 1).bit_length()


def comparators(count: int, run: int = 1) -> Iterator[tuple[int, int]]:
    """The comparators between so many columns, of which runs are in order already."""
    size = run
    while size < count:
        distance = size
        while distance:
            for first in range(distance % size, 2 * size - distance, 2 * distance):
                for base in range(first, count, 2 * size):
                    inside = range(base, min(base + distance, count - distance))
                    yield from ((place, place + distance) for place in inside)
            distance //= 2
        size *= 2


def walked(layers: int, below: int) -> Iterator[tuple[int, int]]:
    """The comparators of the last layers of a merge that begin in one period of 2 ** layers columns.

    Columns are counted from 1, and the runs end before the column `below`.
    """
    period = 1 << layers
    for distance in (period >> layer for layer in range(1, layers + 1)):
        for first in range(distance, period, 2 * distance):
            inside = range(first, first + distance)
            yield from ((place, place + distance) for place in inside if place + distance < below - distance)


class Network:
    """A network over the first `count` of some columns, which walks over so many layers in one go."""

    def __init__(self, columns: Columns, count: int, layers: int) -> None:
        self.columns, self.way, self.count, self.layers = columns, columns.way, count, layers

    def in_order(self, items: Sequence[Item], pairs: Iterable[tuple[int, int]]) -> list[Item]:
        """The items after some comparators."""
        found = list(items)
        for low, high in pairs:
            found[low], found[high] = self.columns.kind.exchanged(found[low], found[high])
        return found

    def merge(self, run: int) -> None:
        """Makes one run of runs of a power of two."""
        while run < self.count:
            self.way.each((0, self.count - run), partial(self._merge, run), 2 * run)
            run *= 2

    def _merge(self, run: int, base: Value) -> None:
        """One run of two."""
        layers = run.bit_length()
        together = min(layers, 2 + (layers - 2) % self.layers)
        self._first_layers(base, run, 1 << together)
        apart = 2 * run >> together + self.layers
        while apart:
            self._last_layers(base, run, apart)
            apart >>= self.layers

    def _first_layers(self, base: Value, run: int, parts: int) -> None:
        """The greatest distances, which are those between so many parts of two runs."""
        writer, apart = self.way.writer, 2 * run // parts
        pairs = list(comparators(parts, parts // 2))

        def inside(first: Value) -> None:
            places = [writer.sum(first, apart * number) for number in range(parts)]
            self._store(places, self.in_order(self._load(places), pairs))

        if apart == 1:
            inside(base)
            return
        stop = writer.minimum(writer.sum(base, apart), writer.difference(self.count, run))
        self.way.each((base, stop), inside)

    def _last_layers(self, base: Value, run: int, apart: int) -> None:
        """Smaller distances, of which this is the smallest."""
        writer, half = self.way.writer, 1 << self.layers - 1
        stop = writer.minimum(writer.sum(base, 2 * run - half * apart), self.count)
        if apart == 1:
            self._walk(apart, stop, base)
        else:
            self.way.each((base, writer.sum(base, apart)), partial(self._walk, apart, stop))

    def _walk(self, apart: int, stop: Value, first: Value) -> None:
        """The same of columns that are so far apart."""
        writer, period, half = self.way.writer, 1 << self.layers, 1 << self.layers - 1
        parts = len(self.columns.kind.dtypes)
        pairs = [(low - 1, high - 1) for low, high in walked(self.layers, below=2 * period)]
        rest = [(low - 1, high - 1) for low, high in walked(self.layers, below=period)]

        def places_from(place: Value, count: int) -> list[Value]:
            return [place, *(writer.sum(place, apart * number) for number in range(1, count))]

        def inside(place: Value, state: Sequence[Value]) -> Sequence[Operand]:
            before, *carried = state
            kept = [tuple(carried[k : k + parts]) for k in range(0, len(carried), parts)]
            new = places_from(place, period)
            places = [*places_from(before, half - 1), *new]
            items = self.in_order([*kept, *self._load(new)], pairs)
            self._store(places[:period], items[:period])
            return places[period], *(value for item in items[period:] for value in item)

        begin = places_from(writer.sum(first, apart), half - 1)
        known = [value for item in self._load(begin) for value in item]
        start = writer.sum(first, half * apart)
        before, *carried = self.way.carry((start, stop), [begin[0], *known], inside, period * apart)
        places = places_from(before, period - 2)
        kept = [tuple(carried[k : k + parts]) for k in range(0, len(carried), parts)]
        self._store(places, self.in_order([*kept, *self._load(places[half - 1 :])], rest))

    def _load(self, places: Sequence[Value]) -> list[Item]:
        return [self.columns.item(place) for place in places]

    def _store(self, places: Sequence[Value], items: Sequence[Item]) -> None:
        for place, item in zip(places, items, strict=True):
            self.columns.put(place, item)
