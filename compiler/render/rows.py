"""On which row each box of a picture stands: forward down, backward up beside it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from compiler.render.folding import Tree, lines_of, runs_of
from compiler.render.picture import Arrow, ArrowRole, Picture

Ends: TypeAlias = tuple[int, int, int]
"""The upper and the lower end of an arrow, and how many rows lie between them at least."""

Joined: TypeAlias = Mapping[int, Sequence[tuple[int, int]]]
"""For each box those to which arrows join it, and how many rows away they are at least."""


def rows_of(picture: Picture) -> dict[str, int]:
    """The row of each box, from 0 at the top. Linear in boxes and arrows.

    Every box stands below what it reads, and a backward op above the backward ops it reads; boxes of one
    family stand side by side. Boxes stand as high as they can; then what feeds more than it reads (a
    parameter) comes down to what it feeds. What a box alone reads, and reads nothing itself, does not count:
    it comes along; nor do values that are no longer read. Rows inside a frame are consecutive, and belong to
    it alone.
    """
    return framed_rows(picture)[0]


def framed_rows(picture: Picture) -> tuple[dict[str, int], dict[str, tuple[int, int]]]:
    """The row of each box, and the first and last of each frame."""
    number = {box.id: place for place, box in enumerate(picture.boxes)}
    family = [box.family for box in picture.boxes]
    joined: list[Ends] = []
    for arrow in picture.arrows:
        if arrow.role is ArrowRole.GONE:
            continue
        high, low = (number[end] for end in upper_and_lower(arrow))
        joined.append((high, low, 0 if family[high] and family[high] == family[low] else 1))
    if not picture.frames:
        rows = _highest(joined, range(len(number)))
        return {box.id: rows[place] for place, box in enumerate(picture.boxes)}, {}
    run_of: dict[int, int] = {}
    tree, frames = _tree(picture)
    for run in (item for part in tree.walk() for item in runs_of(part) if isinstance(item, list)):
        run_of |= dict.fromkeys(run, run[0])
    inside: dict[int, list[Ends]] = {}
    for ends in joined:
        if run_of[ends[0]] == run_of[ends[1]]:
            inside.setdefault(run_of[ends[0]], []).append(ends)
    lines, spans = lines_of(tree, lambda run: _closed_up(_highest(inside.get(run[0], []), run)))
    rows = {box.id: lines[place] for place, box in enumerate(picture.boxes)}
    return rows, {frame: spans[place] for frame, place in frames.items()}


def _tree(picture: Picture) -> tuple[Tree, dict[str, int]]:
    """The frames with the boxes in them, and the number of each."""
    parents = {frame.id: frame.parent for frame in picture.frames}
    trees = {"": Tree((), 0, -1)}
    for place, box in enumerate(picture.boxes):
        chain: list[str] = []
        frame = box.frame
        while frame not in trees:
            chain.append(frame)
            frame = parents[frame]
        for inner in reversed(chain):
            around = trees[parents[inner]]
            trees[inner] = Tree((*around.path, inner), len(trees), around.number)
            around.items.append(trees[inner])
        trees[box.frame].items.append(place)
    return trees[""], {frame: tree.number for frame, tree in trees.items() if frame}


def _closed_up(rows: dict[int, int]) -> dict[int, int]:
    """Without empty rows."""
    used = {row: place for place, row in enumerate(sorted(set(rows.values())))}
    return {box: used[row] for box, row in rows.items()}


def upper_and_lower(arrow: Arrow) -> tuple[str, str]:
    """The ids of an arrow's ends, the upper one first: gradients lead up."""
    return (arrow.head, arrow.tail) if arrow.role is ArrowRole.GRADIENT else (arrow.tail, arrow.head)


def _highest(joined: Sequence[Ends], boxes: Sequence[int]) -> dict[int, int]:
    below: dict[int, list[tuple[int, int]]] = {box: [] for box in boxes}
    above: dict[int, list[tuple[int, int]]] = {box: [] for box in boxes}
    for high, low, step in joined:
        below[high].append((low, step))
        above[low].append((high, step))
    order = _top_down(below, above)
    place = {box: position for position, box in enumerate(order)}
    rows = dict.fromkeys(order, 0)
    for box in order:
        rows[box] = max(
            (rows[high] + step for high, step in above[box] if place[high] < place[box]), default=0
        )
    for box in reversed(order):
        lower = [rows[low] - step for low, step in below[box] if place[low] > place[box]]
        held = sum(bool(above[high]) or len(below[high]) > 1 for high, _ in above[box])
        if lower and len(below[box]) > held:
            rows[box] = max(rows[box], min(lower))
    return rows


def _top_down(below: Joined, above: Joined) -> list[int]:
    """Each box after those above it. Where kernels make a circle, the first of its boxes goes first."""
    missing = {box: len(found) for box, found in above.items()}
    ready = deque(box for box, count in missing.items() if count == 0)
    rest = iter(missing)
    order: dict[int, None] = {}
    while len(order) < len(missing):
        box = ready.popleft() if ready else next(box for box in rest if box not in order)
        if box in order:
            continue
        order[box] = None
        for low, _ in below[box]:
            missing[low] -= 1
            if missing[low] == 0:
                ready.append(low)
    return list(order)
