"""The curves of arrows between boxes that stand already: down from box to box, around what is in the way.

A curve is a chain of cubic Beziers: a start, then three points for each piece. Arrows between the lines of a
column leave below and arrive above, side by side where a box has several; one that leads over other lines
goes down the nearest lane that no box there blocks. Arrows between columns lead from side to side.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias

Point: TypeAlias = tuple[float, float]
Curve: TypeAlias = tuple[Point, ...]

MOST: Final = 96
"""Boxes among which a lane is looked for; an arrow that leads over more goes beside its column."""

_PORT: Final = 12.0
"""Points between arrows that leave a box side by side."""

_LANE: Final = 8.0
"""Points between a lane and the boxes beside it, and between lanes."""

_LANES: Final = 6
"""Lanes side by side before they lie over each other."""

_BEND: Final = 24.0
"""Points in which an arrow turns into its lane."""


@dataclass(frozen=True, slots=True)
class Rect:
    """A box in points, y downwards: its centre and its size, and the line and column it stands on."""

    x: float
    y: float
    width: float
    height: float
    line: int
    column: int

    @property
    def left(self) -> float:
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        return self.x + self.width / 2

    @property
    def top(self) -> float:
        return self.y - self.height / 2

    @property
    def bottom(self) -> float:
        return self.y + self.height / 2


def routes(rects: Sequence[Rect], edges: Sequence[tuple[int, int]]) -> list[Curve]:
    """The curve of each edge, from the border of its tail to that of its head."""
    ports = _ports(rects, edges)
    blocked = _Blocked(rects)
    found: list[Curve] = []
    for number, (tail, head) in enumerate(edges):
        start, end = ports[number]
        one, other = rects[tail], rects[head]
        if one.line == other.line and blocked.is_between(one, other):
            found.append(_beneath(one, other, number))
        elif one.column != other.column or one.line == other.line:
            found.append(_sideways(one, other))
        else:
            found.append(_down(start, end, one, other, blocked, number))
    return found


def _ports(rects: Sequence[Rect], edges: Sequence[tuple[int, int]]) -> list[tuple[Point, Point]]:
    """Where each edge meets its tail and its head, those of one side in the order of their other ends."""
    sides: dict[tuple[int, bool], list[tuple[float, int, int]]] = {}
    for number, ends in enumerate(edges):
        for end, (box, far) in enumerate((ends, ends[::-1])):
            is_below = rects[far].line > rects[box].line
            sides.setdefault((box, is_below), []).append((rects[far].x, number, end))
    ports: list[list[Point]] = [[(0.0, 0.0), (0.0, 0.0)] for _ in edges]
    for (box, is_below), meeting in sides.items():
        rect = rects[box]
        step = min(_PORT, 0.8 * rect.width / len(meeting))
        for place, (_, number, end) in enumerate(sorted(meeting)):
            x = rect.x + (place - (len(meeting) - 1) / 2) * step
            ports[number][end] = x, rect.bottom if is_below else rect.top
    return [(start, end) for start, end in ports]


def _sideways(tail: Rect, head: Rect) -> Curve:
    """From one side to the other, level where it leaves and arrives."""
    is_right = head.x >= tail.x
    start = (tail.right if is_right else tail.left), tail.y
    end = (head.left if is_right else head.right), head.y
    bend = max(abs(end[0] - start[0]) / 2, _BEND) * (1 if is_right else -1)
    return start, (start[0] + bend, start[1]), (end[0] - bend, end[1]), end


def _beneath(tail: Rect, head: Rect, number: int) -> Curve:
    """From box to box on one line, below what stands between."""
    shift = (number % _LANES - (_LANES - 1) / 2) * _LANE
    start, end = (tail.x + shift, tail.bottom), (head.x + shift, head.bottom)
    low = max(tail.bottom, head.bottom) + _BEND + abs(shift) / 2
    return start, (start[0], low), (end[0], low), end


def _down(start: Point, end: Point, tail: Rect, head: Rect, blocked: _Blocked, number: int) -> Curve:
    """From line to line, in a lane of its own where other boxes stand between."""
    bend = (end[1] - start[1]) / 2
    straight = start, (start[0], start[1] + bend), (end[0], end[1] - bend), end
    first, last = sorted((tail.line, head.line))
    wanted = (start[0] + end[0]) / 2
    lane = blocked.lane(tail.column, first + 1, last, wanted, min(start[0], end[0]), max(start[0], end[0]))
    if lane is None:
        return straight
    x = lane[0] + lane[1] * (number % _LANES) * _LANE / 2
    sign = 1 if end[1] > start[1] else -1
    high, low = start[1] + sign * _BEND, end[1] - sign * _BEND
    return _bent([start, (x, high), (x, low), end])


def _bent(points: Sequence[Point]) -> Curve:
    """Through all points, upright at each."""
    curve = [points[0]]
    for (x1, y1), (x2, y2) in pairwise(points):
        middle = (y1 + y2) / 2
        curve += [(x1, middle), (x2, middle), (x2, y2)]
    return tuple(curve)


class _Blocked:
    """What each line of each column is taken up by."""

    def __init__(self, rects: Iterable[Rect]) -> None:
        self.lines: dict[tuple[int, int], list[tuple[float, float]]] = {}
        self.right: dict[int, float] = {}
        for rect in rects:
            self.lines.setdefault((rect.column, rect.line), []).append((rect.left, rect.right))
            self.right[rect.column] = max(self.right.get(rect.column, rect.right), rect.right)

    def is_between(self, one: Rect, other: Rect) -> bool:
        """Whether boxes stand on the line of two, between them."""
        left, right = (one, other) if one.x < other.x else (other, one)
        columns = range(left.column, right.column + 1)
        return any(
            low > left.x and high < right.x
            for column in columns
            for low, high in self.lines.get((column, one.line), ())
        )

    def lane(
        self, column: int, first: int, last: int, wanted: float, left: float, right: float
    ) -> tuple[float, int] | None:
        """The nearest free x on the lines from `first` to before `last`, and the side to which there is room.

        None where nothing stands in the way of a direct curve.
        """
        taken: list[tuple[float, float]] = []
        for line in range(first, last):
            taken += self.lines.get((column, line), ())
            if len(taken) > MOST:
                return self.right[column] + _LANE, 1
        taken.sort()
        if not any(low < right + 1 and high > left - 1 for low, high in taken):
            return None
        low, high = _around(taken, wanted)
        is_left = wanted - low < high - wanted
        return (low - _LANE, -1) if is_left else (high + _LANE, 1)


def _around(taken: Iterable[tuple[float, float]], wanted: float) -> tuple[float, float]:
    """The interval around a point that is taken, without gaps too small for a lane."""
    found = wanted, wanted
    merged: list[tuple[float, float]] = []
    for low, high in taken:
        if merged and low - merged[-1][1] < 3 * _LANE:
            merged[-1] = merged[-1][0], max(merged[-1][1], high)
        else:
            merged.append((low, high))
    for low, high in merged:
        if low - _LANE < wanted < high + _LANE:
            found = low, high
    return found
