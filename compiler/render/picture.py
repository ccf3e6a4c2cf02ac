"""What a picture says, as plain data: nothing here knows a graph, and nothing knows Graphviz.

Picture  ::= title, columns from left to right, boxes, arrows
Box      ::= id, lines of text, role, flags, tooltip, the column it stands in
Line     ::= Caption     pieces of text in the middle
           | Statement   one op: its name, what it does, its type
Arrow    ::= tail, head (ids of boxes), role, label, tooltip
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, Flag, auto
from typing import TypeAlias


class Role(Enum):
    """What a box is. The value is its word in the legend."""

    INPUT = "input"
    PARAMETER = "parameter"
    CONSTANT = "constant"
    FORWARD = "forward op"
    BACKWARD = "backward op"
    UPDATE = "update"


class Flags(Flag):
    """What a box may be besides its role."""

    NONE = 0
    OUTPUT = auto()
    SAVED = auto()
    """It has a forward value that a backward op reads, and that therefore lives until then."""

    @property
    def word(self) -> str:
        """Its word in the legend."""
        return {Flags.OUTPUT: "output", Flags.SAVED: "saved for backward"}.get(self, "")


class ArrowRole(Enum):
    """What an arrow carries. The value is its word in the legend."""

    VALUE = "value"
    READ = "read by backward"
    GRADIENT = "gradient"
    STEP = "into an update"
    BELOW = "below"
    """Nothing: it is not drawn, and its head stands lower than its tail."""

    @property
    def is_drawn(self) -> bool:
        return self is not ArrowRole.BELOW


class Style(Enum):
    """How a piece of text is set."""

    TITLE = auto()
    PLAIN = auto()
    FAINT = auto()
    MARK = auto()


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of text, any characters, in one style."""

    text: str
    style: Style = Style.PLAIN


@dataclass(frozen=True, slots=True)
class Caption:
    """A line in the middle of a box."""

    pieces: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """A line about one op. Statements of one box stand in columns: name, what, type."""

    name: Text
    what: tuple[Text, ...]
    type: str = ""
    """Empty where an arrow says it."""
    is_saved: bool = False


Line: TypeAlias = Caption | Statement


@dataclass(frozen=True, slots=True)
class Box:
    """One node of a graph, or several that are drawn as one: an update, straight-line code, a kernel."""

    id: str
    lines: tuple[Line, ...]
    role: Role
    column: str
    flags: Flags = Flags.NONE
    tooltip: str = ""


@dataclass(frozen=True, slots=True)
class Arrow:
    """A value on its way from one box to another."""

    tail: str
    head: str
    role: ArrowRole
    label: str = ""
    tooltip: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A part of the picture from top to bottom: forward, backward, updates."""

    id: str
    title: str


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything that is drawn, in the order in which it is drawn."""

    columns: tuple[Column, ...]
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    title: str = ""

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles of boxes that occur, in the order of the legend."""
        found = {box.role for box in self.boxes}
        return tuple(role for role in Role if role in found)

    @property
    def flags(self) -> tuple[Flags, ...]:
        """The flags that occur, in the order of the legend."""
        return tuple(flag for flag in Flags if any(flag in box.flags for box in self.boxes))

    @property
    def arrow_roles(self) -> tuple[ArrowRole, ...]:
        """The roles of drawn arrows that occur, in the order of the legend."""
        found = {arrow.role for arrow in self.arrows}
        return tuple(role for role in ArrowRole if role in found and role.is_drawn)


def beside(pictures: Mapping[str, Picture], title: str = "") -> Picture:
    """Several pictures side by side; each column's title begins with the name of its picture."""
    columns: list[Column] = []
    boxes: list[Box] = []
    arrows: list[Arrow] = []
    for number, (name, picture) in enumerate(pictures.items()):
        prefix = f"p{number}_"
        columns += [Column(prefix + column.id, f"{name}: {column.title}") for column in picture.columns]
        boxes += [replace(box, id=prefix + box.id, column=prefix + box.column) for box in picture.boxes]
        arrows += [
            replace(arrow, tail=prefix + arrow.tail, head=prefix + arrow.head) for arrow in picture.arrows
        ]
    return Picture(tuple(columns), tuple(boxes), tuple(arrows), title)
