"""Offsets in one slab of memory, so that values that live at the same time never overlap, for every size.

The slab is cut into one region for each monomial of the symbols. Inside a region only the integer
coefficients count: a value of `256*batch` bytes at coefficient 512 lies at `512*batch`, whatever the batch,
so the offsets and the peak are polynomials. Negative terms are dropped (symbols are not negative: `batch*seq
- batch` fits into `batch*seq`); a sum of several monomials is a unit of its own.

Every offset that can be a multiple of 64 bytes is one. Regions begin at multiples of 64 (their sizes are
rounded up to them, but for the last), and so does a value in a region if its coefficient in there is a
multiple of 64, which is asked of all constants and of every value with at least 64 bytes per unit. Smaller
ones (a number for each row of a batch) are aligned to the largest power of two that divides their
coefficient, at least to their elements.

Inside a region: offsets are given to the largest values first, each in the smallest gap that it fits into
among those that live at the same time (Greedy by Size in Pisarchyk and Lee, "Efficient Memory Management for
Deep Neural Net Inference", 2020). Where more than `MOST_PAIRS` pairs of values live at the same time, and
where it is better, values take the best fitting free block in the order in which they are written, as an
allocator would.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from compiler.ir.dims import Dim, Extent, Monomial, product, symbol

ALIGNMENT: Final = 64
"""Bytes: a cache line, and the widest vector."""

MOST_PAIRS: Final = 1 << 20
"""The most pairs of values alive at the same time for which all gaps are looked at."""


@dataclass(frozen=True, slots=True)
class Request:
    """Bytes that are needed from kernel `first` to kernel `last`, both included."""

    first: int
    last: int
    bytes: Extent


Unit: TypeAlias = tuple[tuple[Monomial, int], ...]


@dataclass(frozen=True, slots=True)
class _Block:
    """A request inside a region: a number of units, at a multiple of `alignment` units."""

    first: int
    last: int
    size: int
    alignment: int


def lay_out(requests: Sequence[Request]) -> tuple[list[Extent], Extent]:
    """The offset of every request, and the bytes that all take together."""
    regions: dict[Unit, list[int]] = {}
    sizes: list[int] = []
    for number, request in enumerate(requests):
        unit, size = _split(request.bytes)
        sizes.append(size)
        regions.setdefault(unit, []).append(number)
    offsets: list[Extent] = [0] * len(requests)
    packed: list[tuple[Unit, int]] = []
    places: dict[Unit, list[int]] = {}
    for unit, numbers in sorted(regions.items()):
        blocks = [_block(unit, requests[number], sizes[number]) for number in numbers]
        places[unit], total = pack(blocks)
        packed.append((unit, total))
    # Totals that need no rounding come first, so that at most one is rounded less than it could be.
    packed.sort(key=lambda item: (item[0] != (((), 1),), item[1] % ALIGNMENT != 0, item[0]))
    start: Extent = 0
    end: Extent = 0
    for unit, total in packed:
        scale = _extent(unit)
        for number, place in zip(regions[unit], places[unit], strict=True):
            offsets[number] = start + scale * place
        end = start + scale * total
        start = start + scale * _rounded(total, ALIGNMENT)
    return offsets, end


def _split(size: Extent) -> tuple[Unit, int]:
    """The unit and the coefficient of the region in which bytes lie."""
    terms: Unit = size.terms if isinstance(size, Dim) else (((), size),)
    kept = [(monomial, coefficient) for monomial, coefficient in terms if coefficient > 0]
    if not kept:
        return (((), 1),), 0
    common = math.gcd(*(coefficient for _, coefficient in kept))
    return tuple((monomial, coefficient // common) for monomial, coefficient in kept), common


def _extent(unit: Unit) -> Extent:
    total: Extent = 0
    for monomial, coefficient in unit:
        total = (
            total + product([symbol(name) for name, power in monomial for _ in range(power)]) * coefficient
        )
    return total


def _block(unit: Unit, request: Request, size: int) -> _Block:
    is_wide = size >= ALIGNMENT or unit == (((), 1),)
    alignment = ALIGNMENT if is_wide or size == 0 else size & -size
    return _Block(request.first, request.last, size, alignment)


def _rounded(count: int, to: int) -> int:
    return -(-count // to) * to


def pack(blocks: Sequence[_Block]) -> tuple[list[int], int]:
    """Offsets and total of blocks of integer sizes. The better of two orders."""
    in_order = _by_time(blocks)
    least, pairs = _load(blocks)
    if in_order[1] <= least or pairs > MOST_PAIRS:
        return in_order
    return min(_by_size(blocks), in_order, key=lambda found: found[1])


def _load(blocks: Sequence[_Block]) -> tuple[int, int]:
    """The most units alive at once, which no packing goes below, and the pairs of blocks alive at once."""
    ends = sorted((block.last, block.size) for block in blocks)
    most = now = pairs = gone = 0
    for number, block in enumerate(sorted(blocks, key=lambda item: item.first)):
        while ends[gone][0] < block.first:
            now -= ends[gone][1]
            gone += 1
        now += block.size
        most = max(most, now)
        pairs += number - gone
    return most, pairs


# Greedy by size


def _by_size(blocks: Sequence[_Block]) -> tuple[list[int], int]:
    neighbours = _neighbours(blocks)
    offsets: dict[int, int] = {}
    order = sorted(
        range(len(blocks)), key=lambda number: (-blocks[number].size, blocks[number].first, number)
    )
    for number in order:
        taken = sorted((offsets[k], offsets[k] + blocks[k].size) for k in neighbours[number] if k in offsets)
        offsets[number] = _smallest_gap(taken, blocks[number])
    return [offsets[k] for k in range(len(blocks))], max(
        (offsets[k] + b.size for k, b in enumerate(blocks)), default=0
    )


def _neighbours(blocks: Sequence[_Block]) -> list[list[int]]:
    """For each block those that live at the same time."""
    found: list[list[int]] = [[] for _ in blocks]
    active: list[int] = []
    ends: list[int] = []
    for number in sorted(range(len(blocks)), key=lambda k: blocks[k].first):
        gone = bisect.bisect_left(ends, blocks[number].first)
        del active[:gone], ends[:gone]
        for other in active:
            found[number].append(other)
            found[other].append(number)
        place = bisect.bisect_right(ends, blocks[number].last)
        ends.insert(place, blocks[number].last)
        active.insert(place, number)
    return found


def _smallest_gap(taken: Sequence[tuple[int, int]], block: _Block) -> int:
    """The start of the smallest gap between sorted ranges that a block fits into; else behind all of them."""
    best, least = -1, -1
    free = 0
    for start, end in taken:
        place = _rounded(free, block.alignment)
        gap = start - free
        if place + block.size <= start and (best < 0 or gap < least):
            best, least = place, gap
        free = max(free, end)
    return best if best >= 0 else _rounded(free, block.alignment)


# In the order of time


def _by_time(blocks: Sequence[_Block]) -> tuple[list[int], int]:
    """Best fit in time order. All sizes are rounded up to the largest alignment."""
    coarse = max((block.alignment for block in blocks), default=1)
    free = _FreeList()
    offsets = [0] * len(blocks)
    for number, is_birth in _events(blocks):
        size = _rounded(blocks[number].size, coarse)
        if is_birth:
            offsets[number] = free.take(size)
        else:
            free.give_back(offsets[number], size)
    return offsets, max((offsets[k] + block.size for k, block in enumerate(blocks)), default=0)


def _events(blocks: Sequence[_Block]) -> Iterator[tuple[int, bool]]:
    """Births and deaths in order; what dies at a kernel is free for the next one only."""
    events = [(block.first, 1, number) for number, block in enumerate(blocks)]
    events += [(block.last + 1, 0, number) for number, block in enumerate(blocks)]
    for _, is_birth, number in sorted(events):
        yield number, bool(is_birth)


class _FreeList:
    """Free ranges below `end`, joined with their neighbours, by start, by end and by size."""

    def __init__(self) -> None:
        self.end = 0
        self._size_at: dict[int, int] = {}
        self._start_to: dict[int, int] = {}
        self._by_size: list[tuple[int, int]] = []

    def take(self, size: int) -> int:
        """The start of the smallest free range that is large enough, or of new space at the end."""
        if size == 0:
            return 0
        place = bisect.bisect_left(self._by_size, (size, -1))
        if place == len(self._by_size):
            return self._extend(size)
        have, start = self._by_size[place]
        self._remove(start)
        if have > size:
            self._add(start + size, have - size)
        return start

    def give_back(self, start: int, size: int) -> None:
        """Frees a range."""
        if size == 0:
            return
        if start in self._start_to:
            before = self._start_to[start]
            size += self._remove(before)
            start = before
        if start + size in self._size_at:
            size += self._remove(start + size)
        self._add(start, size)

    def _extend(self, size: int) -> int:
        start = self.end
        if self.end in self._start_to:
            start = self._start_to[self.end]
            self._remove(start)
        self.end = start + size
        return start

    def _add(self, start: int, size: int) -> None:
        self._size_at[start] = size
        self._start_to[start + size] = start
        bisect.insort(self._by_size, (size, start))

    def _remove(self, start: int) -> int:
        size = self._size_at.pop(start)
        del self._start_to[start + size]
        del self._by_size[bisect.bisect_left(self._by_size, (size, start))]
        return size
