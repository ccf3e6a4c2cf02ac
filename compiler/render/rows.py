"""On which row each box of a picture stands: forward down, backward up beside it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TypeAlias

from compiler.render.picture import Arrow, ArrowRole, Picture

Joined: TypeAlias = Sequence[Sequence[int]]
"""For each box those to which arrows join it."""


def rows_of(picture: Picture) -> dict[str, int]:
    """The row of each box, from 0 at the top. Linear in boxes and arrows.

    Every box stands below what it reads, and a backward op above the backward ops it reads. Boxes stand as
    high as they can; then what feeds more than it reads (a parameter) comes down to what it feeds. What a box
    alone reads, and reads nothing itself, does not count: it comes along.
    """
    number = {box.id: place for place, box in enumerate(picture.boxes)}
    below: list[list[int]] = [[] for _ in number]
    above: list[list[int]] = [[] for _ in number]
    for arrow in picture.arrows:
        high, low = (number[end] for end in upper_and_lower(arrow))
        below[high].append(low)
        above[low].append(high)
    rows = _highest(below, above)
    return {box.id: row for box, row in zip(picture.boxes, rows, strict=True)}


def upper_and_lower(arrow: Arrow) -> tuple[str, str]:
    """The ids of an arrow's ends, the upper one first: gradients lead up."""
    return (arrow.head, arrow.tail) if arrow.role is ArrowRole.GRADIENT else (arrow.tail, arrow.head)


def _highest(below: Joined, above: Joined) -> list[int]:
    order = _top_down(below, above)
    place = {box: position for position, box in enumerate(order)}
    rows = [0] * len(order)
    for box in order:
        rows[box] = max((rows[high] + 1 for high in above[box] if place[high] < place[box]), default=0)
    for box in reversed(order):
        lower = [rows[low] - 1 for low in below[box] if place[low] > place[box]]
        held = sum(bool(above[high]) or len(below[high]) > 1 for high in above[box])
        if lower and len(below[box]) > held:
            rows[box] = max(rows[box], min(lower))
    return rows


def _top_down(below: Joined, above: Joined) -> list[int]:
    """Each box after those above it. Where kernels make a circle, the first of its boxes goes first."""
    missing = [len(found) for found in above]
    ready = deque(box for box, count in enumerate(missing) if count == 0)
    rest = iter(range(len(missing)))
    order: dict[int, None] = {}
    while len(order) < len(missing):
        box = ready.popleft() if ready else next(box for box in rest if box not in order)
        if box in order:
            continue
        order[box] = None
        for low in below[box]:
            missing[low] -= 1
            if missing[low] == 0:
                ready.append(low)
    return list(order)
