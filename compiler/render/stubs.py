"""Values that are read far away or often are drawn again, as a small box beside each reader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from compiler.render.picture import (
    Arrow,
    ArrowRole,
    Box,
    Caption,
    Flags,
    Line,
    Picture,
    Role,
    Statement,
    Text,
)

FAR: Final = 4
"""Rows that an arrow from a leaf, or to another column, may lead over before it becomes a stub."""

MANY: Final = 4
"""Arrows that may leave such a box before all but the first become stubs."""

_LEAVES: Final = frozenset({Role.INPUT, Role.PARAMETER, Role.CONSTANT})


def stubbed(picture: Picture, rows: Mapping[str, int]) -> Picture:
    """The picture with stubs for leaves, and values that other columns read, with many or far readers."""
    boxes = {box.id: box for box in picture.boxes}
    readers = Counter(arrow.tail for arrow in picture.arrows if arrow.role.is_drawn)
    drawn: Counter[str] = Counter()
    stubs: dict[str, Box] = {}
    arrows: list[Arrow] = []
    for arrow in picture.arrows:
        tail = boxes[arrow.tail]
        drawn[tail.id] += 1
        is_far = abs(rows[arrow.head] - rows[tail.id]) > FAR
        is_one_of_many = readers[tail.id] > MANY and drawn[tail.id] > 1
        if not _may_be_stub(tail, arrow) or not (is_far or is_one_of_many):
            arrows.append(arrow)
            continue
        stub = _stub(tail, arrow, boxes[arrow.head])
        stubs[stub.id] = stub
        arrows.append(replace(arrow, tail=stub.id))
    return replace(picture, boxes=(*picture.boxes, *stubs.values()), arrows=tuple(arrows))


def _may_be_stub(tail: Box, arrow: Arrow) -> bool:
    if not arrow.role.is_drawn:
        return False
    return tail.role in _LEAVES or arrow.role in (ArrowRole.READ, ArrowRole.STEP)


def _stub(tail: Box, arrow: Arrow, head: Box) -> Box:
    """The name of a value; its tooltip is that of its box."""
    name = Text(arrow.tooltip.partition(" : ")[0] or _called(tail.lines[-1]))
    line = Statement(name, (), "", is_saved=True) if arrow.role is ArrowRole.READ else Caption((name,))
    place = f"{tail.id}_{arrow.head}"
    return Box(place, (line,), tail.role, head.column, Flags.NONE, tail.tooltip, head.frame)


def _called(line: Line) -> str:
    return line.name.text if isinstance(line, Statement) else line.pieces[0].text
