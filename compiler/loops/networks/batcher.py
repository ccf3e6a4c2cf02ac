"""Batcher's odd-even merge sort of columns: a network of comparators, which each put two columns in order.

    sort every 8 columns in registers
    for p in 8, 16, .. below n:                        merge runs of p columns
        for base in 0 .. n - p by 2 * p:
            for k in p, p / 2, .. 1:
                for j in k mod p .. 2 * p - k by 2 * k:
                    for i in j .. j + k:
                        put columns base + i and base + i + k in order

(K. Batcher, "Sorting networks and their applications", 1968; D. Knuth, volume 3, 5.3.4.) Which columns meet
depends on no element, so that lanes hold rows, and every row of a vector is sorted at once. A comparator is an
operation or two, but two loads and two stores. So distances k = 2 * h and h are walked in one go, which takes
half of these: columns that are h apart are read four at a time, and one of them is carried on.

    before      for k = 2 * h:  (2, 4) (3, 5) (6, 8) (7, 9) ..        after      (2, 4) (3, 5)  (1, 2) (3, 4)
                for k = h:      (1, 2) (3, 4) (5, 6) (7, 8) ..                   (6, 8) (7, 9)  (5, 6) (7, 8)

Behind the last column stand greatest elements up to a power of two: they meet others, and stay where they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from compiler.ir.types import INT64
from compiler.loops.language import Operand, Value
from compiler.loops.networks.columns import Columns

BLOCK: Final = 8
"""How many columns are sorted in registers."""


def whole(count: int) -> int:
    """The columns that a network of so many walks over: a power of two."""
    return 1 << max(0, count - 1).bit_length()


def comparators(count: int, start: int = 1) -> Iterator[tuple[int, int]]:
    """The pairs of a network for so many elements, of which runs of `start` are sorted, in order."""
    size = start
    while size < count:
        distance = size
        while distance:
            for first in range(distance % size, 2 * size - distance, 2 * distance):
                for base in range(first, count, 2 * size):
                    inside = range(base, min(base + distance, count - distance))
                    yield from ((place, place + distance) for place in inside)
            distance //= 2
        size *= 2


class Network:
    """A network over the first `count` of some columns."""

    def __init__(self, columns: Columns, count: int) -> None:
        self.columns, self.way, self.count = columns, columns.way, count

    def sort(self) -> None:
        """Puts each row in order."""
        tail = self.count % BLOCK
        self.way.loop(0, self.count - tail, lambda first: self._block(first, BLOCK), step=BLOCK)
        if tail > 1:
            self._block(self.way.writer.sum(self.count - tail, 0), tail)
        size = BLOCK
        while size < self.count:
            self._merge(size)
            size *= 2

    def _block(self, first: Value, count: int) -> None:
        """Neighbours in order."""
        places = [self.way.writer.sum(first, number) for number in range(count)]
        items = [self.columns.item(place) for place in places]
        for low, high in comparators(count):
            items[low], items[high] = self.columns.kind.exchanged(items[low], items[high])
        for place, item in zip(places, items, strict=True):
            self.columns.put(place, item)

    def _merge(self, size: int) -> None:
        """Runs in order, two by two."""
        is_even = size.bit_length() % 2 == 0
        widest = size // 8 if is_even else size // 4

        def runs(base: Value) -> None:
            if is_even:
                self._two_layers(base, size // 2)
            else:
                self._layer(base, size)
            apart = widest
            while apart:
                self._pairs(base, apart, size)
                apart //= 4

        self.way.loop(0, self.count - size, runs, step=2 * size)

    def _layer(self, base: Value, size: int) -> None:
        """The comparators of a distance that is a run long."""
        writer = self.way.writer

        def inside(low: Value) -> None:
            self._exchange(low, writer.sum(low, size))

        stop = writer.minimum(writer.sum(base, size), writer.difference(self.count, size))
        self.way.loop(base, stop, inside)

    def _exchange(self, low: Value, high: Value) -> None:
        columns = self.columns
        items = columns.kind.exchanged(columns.item(low), columns.item(high))
        columns.put(low, items[0])
        columns.put(high, items[1])

    def _two_layers(self, base: Value, apart: int) -> None:
        """The comparators of a distance that is a run long, and of half of that."""
        columns, exchanged, writer = self.columns, self.columns.kind.exchanged, self.way.writer

        def inside(first: Value) -> None:
            places = [writer.sum(first, apart * number) for number in range(4)]
            a, b, c, d = map(columns.item, places)
            a, c = exchanged(a, c)
            b, d = exchanged(b, d)
            b, c = exchanged(b, c)
            for place, item in zip(places, (a, b, c, d), strict=True):
                columns.put(place, item)

        stop = writer.minimum(writer.sum(base, apart), writer.difference(self.count, 2 * apart))
        self.way.loop(base, stop, inside)

    def _pairs(self, base: Value, apart: int, size: int) -> None:
        """The comparators of the distance `2 * apart`, and of `apart`."""
        writer = self.way.writer
        stop = writer.minimum(writer.sum(base, 2 * size - 2 * apart), self.count)
        if apart == 1:
            self._walk(base, apart, stop)
        else:
            self.way.loop(base, writer.sum(base, apart), lambda first: self._walk(first, apart, stop))

    def _walk(self, first: Value, apart: int, stop: Value) -> None:
        """Those of columns that are so far apart, from one on."""
        columns, exchanged, writer = self.columns, self.columns.kind.exchanged, self.way.writer

        def inside(place: Value, before: Value, *carried: Value) -> Sequence[Operand]:
            places = [place, *(writer.sum(place, apart * number) for number in range(1, 4))]
            a, b, c, d = map(columns.item, places)
            a, c = exchanged(a, c)
            b, d = exchanged(b, d)
            last, a = exchanged(carried, a)
            b, c = exchanged(b, c)
            for where, item in zip((before, *places[:3]), (last, a, b, c), strict=True):
                columns.put(where, item)
            return places[3], *d

        begin = writer.sum(first, apart)
        start = writer.sum(first, 2 * apart)
        before, *carried = self.way.loop(
            start, stop, inside, first=[begin, *columns.item(begin)], step=4 * apart
        )
        beyond = writer.sum(before, apart)
        low, high = exchanged(tuple(carried), columns.item(beyond))
        columns.put(before, low)
        columns.put(beyond, high)
