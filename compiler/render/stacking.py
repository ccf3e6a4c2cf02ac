"""Lines one under the other, with room for the frames around them and for headings between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from compiler.render.picture import Frame

BELOW: Final = 30.0
"""Points between lines."""

PAGE: Final = 900.0
"""Points after which the columns' titles stand again: about the height of a screen."""

LEAST: Final = PAGE / 3
"""Points below which no titles stand above what is left."""

_HEADING: Final = 34.0
_HEAD: Final = 22.0
"""Points for the title of a frame."""

_FOOT: Final = 10.0
_INSET: Final = 10.0
"""Points between the sides of frames inside each other."""

_BESIDE: Final = 24.0
"""Points between the sides of the innermost frames and the columns."""


@dataclass(frozen=True, slots=True)
class Stack:
    """Points, y downwards: the tops of lines, the left, top and bottom edge of each frame, headings."""

    tops: tuple[float, ...]
    frames: Mapping[str, tuple[float, float, float]]
    headings: tuple[float, ...]
    height: float


def stack(tall: Sequence[float], spans: Mapping[str, tuple[int, int]], frames: Sequence[Frame]) -> Stack:
    """The lines of these heights, with a frame from the first to the last line of each span.

    Frames come behind those around them.
    """
    depth = _depths(frames)
    deepest = max(depth.values(), default=0)
    opening: dict[int, list[str]] = {}
    closing: dict[int, list[str]] = {}
    for name in depth:
        opening.setdefault(spans[name][0], []).append(name)
        closing.setdefault(spans[name][1], []).insert(0, name)
    y = heading = 0.0
    tops: list[float] = []
    headings: list[float] = []
    upper: dict[str, float] = {}
    lower: dict[str, float] = {}
    rest = sum(tall) + BELOW * len(tall)
    for line, height in enumerate(tall):
        if y - heading > PAGE and rest > LEAST:
            heading = y + _HEADING / 2 - BELOW / 2
            headings.append(heading)
            y += _HEADING
        for name in opening.get(line, ()):
            upper[name] = y
            y += _HEAD
        tops.append(y)
        y += height
        rest -= height + BELOW
        for name in closing.get(line, ()):
            y += _FOOT
            lower[name] = y
        y += BELOW
    sides = {name: -_BESIDE - _INSET * (deepest - depth[name]) for name in depth}
    edges = {name: (sides[name], upper[name], lower[name]) for name in depth}
    return Stack(tuple(tops), edges, tuple(headings), max(y - BELOW, 0.0))


def _depths(frames: Sequence[Frame]) -> dict[str, int]:
    """How many frames are around each, and itself."""
    depth: dict[str, int] = {"": 0}
    for frame in frames:
        depth[frame.id] = depth[frame.parent] + 1
    del depth[""]
    return depth
