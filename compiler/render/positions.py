"""Where boxes stand: a layered layout, linear in boxes and edges, that knows nothing of what it lays out.

Each box has its row and its column. Inside a column every row is sorted by the barycentres of its neighbours
(Sugiyama, Tagawa and Toda 1981) and its boxes are moved as near to them as their sizes allow: least squares
under an order, solved by pooling adjacent violators (Barlow et al. 1972). Edges across rows have no dummies
on the rows between, which are what makes the textbook's layout quadratic: a long edge pulls less, and is led
around what stands in its way afterwards (`compiler.render.routes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final, TypeAlias

SWEEPS: Final = 4
"""Walks down and up; more change little."""

WIDEST: Final = 2400.0
"""Points of a row in one column; what does not fit stands on further lines below."""

Pulls: TypeAlias = Sequence[Sequence[tuple[int, float]]]
"""For each box its neighbours in its column, on one side, and how strongly they pull."""


@dataclass(frozen=True, slots=True)
class Slot:
    """What is placed: a size in points, a row from 0 at the top, a column from 0 at the left."""

    width: float
    height: float
    row: int
    column: int


@dataclass(frozen=True, slots=True)
class Gaps:
    """Points between boxes of a row, between rows, and between columns."""

    beside: float = 16.0
    below: float = 30.0
    columns: float = 60.0


@dataclass(frozen=True, slots=True)
class Positions:
    """Centres of the boxes in points, from the upper left corner, y downwards."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    lines: tuple[int, ...]
    """The line that each box stands on: its row, moved down by the rows above it that need several."""
    columns: tuple[tuple[float, float], ...]
    """The left and right edge of each column."""
    height: float


def place(
    slots: Sequence[Slot], edges: Sequence[tuple[int, int]], columns: int, gaps: Gaps | None = None
) -> Positions:
    """The positions of boxes that edges join, in so many columns."""
    gaps = gaps or Gaps()
    lines = _lines(slots, gaps)
    cells = _cells(slots, lines)
    x = _packed(slots, cells, gaps)
    above, below = _pulls(slots, lines, edges)
    for _ in range(SWEEPS):
        _sweep(slots, cells, above, x, gaps)
        _sweep(slots, cells[::-1], below, x, gaps)
    both = [[*up, *down] for up, down in zip(above, below, strict=True)]
    _sweep(slots, cells, both, x, gaps, keeps_order=True)
    spans = _spread(slots, x, columns, gaps)
    tall = heights(slots, lines)
    tops = [0.0, *accumulate(height + gaps.below for height in tall)]
    y = [tops[line] + tall[line] / 2 for line in lines]
    height = max(tops[-1] - gaps.below, 0.0)
    return Positions(tuple(x), tuple(y), tuple(lines), tuple(spans), height)


def _lines(slots: Sequence[Slot], gaps: Gaps) -> list[int]:
    """The line of each box: a row that is too wide is broken, and what is below it moves down."""
    rows: dict[int, list[int]] = {}
    for box, slot in enumerate(slots):
        rows.setdefault(slot.row, []).append(box)
    lines = [0] * len(slots)
    first = 0
    for row in sorted(rows):
        room: dict[int, tuple[int, float]] = {}
        for box in rows[row]:
            slot = slots[box]
            line, used = room.get(slot.column, (0, 0.0))
            if used and used + slot.width > WIDEST:
                line, used = line + 1, 0.0
            room[slot.column] = line, used + slot.width + gaps.beside
            lines[box] = first + line
        first += 1 + max(line for line, _ in room.values())
    return lines


def _cells(slots: Sequence[Slot], lines: Sequence[int]) -> list[list[int]]:
    """The boxes of each line of each column, from the top."""
    cells: dict[tuple[int, int], list[int]] = {}
    for box, slot in enumerate(slots):
        cells.setdefault((lines[box], slot.column), []).append(box)
    return [cells[key] for key in sorted(cells)]


def _packed(slots: Sequence[Slot], cells: Sequence[Sequence[int]], gaps: Gaps) -> list[float]:
    """Side by side as they come, each line around 0."""
    x = [0.0] * len(slots)
    for cell in cells:
        at = -(sum(slots[box].width for box in cell) + gaps.beside * (len(cell) - 1)) / 2
        for box in cell:
            x[box] = at + slots[box].width / 2
            at += slots[box].width + gaps.beside
    return x


def _pulls(
    slots: Sequence[Slot], lines: Sequence[int], edges: Sequence[tuple[int, int]]
) -> tuple[list[list[tuple[int, float]]], list[list[tuple[int, float]]]]:
    """For each box its neighbours above and below, in its column."""
    above: list[list[tuple[int, float]]] = [[] for _ in slots]
    below: list[list[tuple[int, float]]] = [[] for _ in slots]
    for edge in edges:
        high, low = sorted(edge, key=lines.__getitem__)
        span = lines[low] - lines[high]
        if span and slots[high].column == slots[low].column:
            above[low].append((high, 1 / span))
            below[high].append((low, 1 / span))
    return above, below


def _sweep(
    slots: Sequence[Slot],
    cells: Sequence[list[int]],
    pulls: Pulls,
    x: list[float],
    gaps: Gaps,
    keeps_order: bool = False,
) -> None:
    """Move the boxes of each line towards the neighbours that pull them."""
    for cell in cells:
        wanted = {box: _barycentre(pulls[box], x, x[box]) for box in cell}
        if not keeps_order:
            cell.sort(key=lambda box: wanted[box][0])
        offsets = [0.0, *accumulate(_apart(slots, left, right, gaps) for left, right in pairwise(cell))]
        targets = [wanted[box][0] - offset for box, offset in zip(cell, offsets, strict=True)]
        found = pooled(targets, [wanted[box][1] for box in cell])
        for box, value, offset in zip(cell, found, offsets, strict=True):
            x[box] = value + offset


def _barycentre(pulls: Sequence[tuple[int, float]], x: Sequence[float], here: float) -> tuple[float, float]:
    """Where a box is pulled to, and how strongly; one that nobody pulls stays, weakly."""
    weight = sum(strength for _, strength in pulls)
    if not weight:
        return here, 1e-3
    return sum(x[box] * strength for box, strength in pulls) / weight, weight


def _apart(slots: Sequence[Slot], left: int, right: int, gaps: Gaps) -> float:
    return (slots[left].width + slots[right].width) / 2 + gaps.beside


def pooled(targets: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The nondecreasing numbers nearest to the targets in weighted least squares."""
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(targets, weights, strict=True):
        count = 1
        while blocks and blocks[-1][0] >= value:
            before, heavy, many = blocks.pop()
            value = (before * heavy + value * weight) / (heavy + weight)
            weight, count = heavy + weight, many + count
        blocks.append((value, weight, count))
    return [value for value, _, count in blocks for _ in range(count)]


def _spread(slots: Sequence[Slot], x: list[float], columns: int, gaps: Gaps) -> list[tuple[float, float]]:
    """Put the columns side by side, and tell where each is."""
    edges: list[tuple[float, float]] = [(0.0, 0.0)] * columns
    for column in range(columns):
        boxes = [box for box, slot in enumerate(slots) if slot.column == column]
        left = min((x[box] - slots[box].width / 2 for box in boxes), default=0.0)
        right = max((x[box] + slots[box].width / 2 for box in boxes), default=0.0)
        edges[column] = left, right
    spans: list[tuple[float, float]] = []
    at = 0.0
    for left, right in edges:
        spans.append((at, at + right - left))
        at += right - left + gaps.columns
    for box, slot in enumerate(slots):
        x[box] += spans[slot.column][0] - edges[slot.column][0]
    return spans


def heights(slots: Sequence[Slot], lines: Sequence[int]) -> list[float]:
    """The height of each line."""
    tall = [0.0] * (max(lines, default=-1) + 1)
    for slot, line in zip(slots, lines, strict=True):
        tall[line] = max(tall[line], slot.height)
    return tall
