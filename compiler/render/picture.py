"""What a picture says, as plain data: nothing here knows a graph, and nothing knows Graphviz.

Picture  ::= title, columns from left to right, frames, boxes, arrows, what fills mean
Frame    ::= id, title, the frame around it
Box      ::= id, lines of text, role, flags, tooltip, column, frame, family, fill
Line     ::= Caption     pieces of text in the middle
           | Statement   one op: its name, what it does, its type
Arrow    ::= tail, head (ids of boxes), role, label, tooltip
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, Flag, auto
from typing import Final, TypeAlias


class Role(Enum):
    """What a box is. The value is its word in the legend."""

    INPUT = "input"
    PARAMETER = "parameter"
    CONSTANT = "constant"
    FORWARD = "forward op"
    BACKWARD = "backward op"
    MIXED = "forward and backward ops"
    """A kernel that computes both."""
    UPDATE = "update"


class Flags(Flag):
    """What a box may be besides its role."""

    NONE = 0
    OUTPUT = auto()
    SAVED = auto()
    """It has a forward value that a backward op reads, and that therefore lives until then."""
    FOLDED = auto()
    """It stands for a part of the model."""
    ASKED = auto()
    """It is what the picture is about."""
    SAME = auto()
    """Nothing in it differs."""

    @property
    def word(self) -> str:
        """Its word in the legend."""
        return _WORDS.get(self, "")


_WORDS: Final = {
    Flags.OUTPUT: "output",
    Flags.SAVED: "saved for backward",
    Flags.FOLDED: "folded part of the model",
    Flags.ASKED: "what was asked for",
    Flags.SAME: "unchanged",
}


class ArrowRole(Enum):
    """What an arrow carries. The value is its word in the legend."""

    VALUE = "value"
    READ = "read by backward"
    GRADIENT = "gradient"
    STEP = "into an update"
    GONE = "no longer read"
    """From what is there no more, or not like this."""
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
    """One node of a graph, or several that are drawn as one: an update, a kernel, a part of the model.

    Boxes of one `family` stand side by side in their columns. `fill` is a color in the place of the role's.
    """

    id: str
    lines: tuple[Line, ...]
    role: Role
    column: str
    flags: Flags = Flags.NONE
    tooltip: str = ""
    frame: str = ""
    family: str = ""
    fill: str = ""


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
class Frame:
    """Around the boxes of an open part of the model, in all columns; `parent` is empty for the outermost."""

    id: str
    title: str
    parent: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything that is drawn, in the order in which it is drawn.

    `fills` are the colors of boxes, and what each of them means, where it is not the role.
    """

    columns: tuple[Column, ...]
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    title: str = ""
    frames: tuple[Frame, ...] = ()
    fills: tuple[tuple[str, str], ...] = ()

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
        boxes += [
            replace(
                box, id=prefix + box.id, column=prefix + box.column, frame="",
                family=prefix + box.family if box.family else "",
            )
            for box in picture.boxes
        ]  # fmt: skip
        arrows += [
            replace(arrow, tail=prefix + arrow.tail, head=prefix + arrow.head) for arrow in picture.arrows
        ]
    fills = dict.fromkeys(fill for picture in pictures.values() for fill in picture.fills)
    return Picture(tuple(columns), tuple(boxes), tuple(arrows), title, fills=tuple(fills))
