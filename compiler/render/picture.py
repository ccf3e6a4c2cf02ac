"""What a picture says, as plain data: nothing here knows a graph, and nothing knows Graphviz.

Picture  ::= title, clusters, boxes, arrows
Cluster  ::= id, title, part, the cluster around it         a part of the picture, a kernel, a whole picture
Box      ::= id, lines of text, role, flags, tooltip, the cluster around it
Arrow    ::= tail, head, role, label, tooltip               ends are ids of boxes
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, Flag, auto


class Part(Enum):
    """Where a cluster stands: forward left, backward right of it, updates at the far right."""

    FORWARD = "forward"
    BACKWARD = "backward"
    UPDATE = "updates"
    KERNEL = "kernel"
    """Boxes that run together, inside one of the other parts."""
    WHOLE = "picture"
    """A whole picture next to others."""


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
    """A forward value that a backward op reads, and that therefore lives until then."""

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
    LEVEL = ""
    """Nothing: it is not drawn and keeps the head from standing above the tail."""
    BELOW = " "
    """Nothing: it is not drawn and puts the head below the tail."""

    @property
    def is_drawn(self) -> bool:
        return bool(self.value.strip())


class Style(Enum):
    """How a piece of text in a box is set."""

    TITLE = auto()
    OP = auto()
    PLAIN = auto()
    FAINT = auto()
    MARK = auto()


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of text, any characters, in one style."""

    text: str
    style: Style = Style.PLAIN


Line = tuple[Text, ...]
"""The pieces of one line of a box, from left to right."""


@dataclass(frozen=True, slots=True)
class Box:
    """One node of the graph, or several that are drawn as one."""

    id: str
    lines: tuple[Line, ...]
    role: Role
    flags: Flags = Flags.NONE
    tooltip: str = ""
    cluster: str | None = None


@dataclass(frozen=True, slots=True)
class Arrow:
    """A value on its way from one box to another."""

    tail: str
    head: str
    role: ArrowRole
    label: str = ""
    tooltip: str = ""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A frame with a title around boxes and other frames."""

    id: str
    title: str
    part: Part
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything that is drawn, in the order in which it is drawn."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    clusters: tuple[Cluster, ...] = ()
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
        """The roles of visible arrows that occur, in the order of the legend."""
        found = {arrow.role for arrow in self.arrows}
        return tuple(role for role in ArrowRole if role in found and role.is_drawn)


def beside(pictures: Mapping[str, Picture], title: str = "") -> Picture:
    """Several pictures side by side in the order given, each in a frame under its name."""
    boxes: list[Box] = []
    arrows: list[Arrow] = []
    clusters: list[Cluster] = []
    for number, (name, picture) in enumerate(pictures.items()):
        frame = Cluster(f"p{number}", name, Part.WHOLE)
        clusters.append(frame)
        clusters += [_moved_cluster(cluster, frame) for cluster in picture.clusters]
        boxes += [
            replace(box, id=f"{frame.id}_{box.id}", cluster=_moved_id(box.cluster, frame))
            for box in picture.boxes
        ]
        arrows += [
            replace(arrow, tail=f"{frame.id}_{arrow.tail}", head=f"{frame.id}_{arrow.head}")
            for arrow in picture.arrows
        ]
    return Picture(tuple(boxes), tuple(arrows), tuple(clusters), title)


def _moved_cluster(cluster: Cluster, frame: Cluster) -> Cluster:
    return replace(cluster, id=f"{frame.id}_{cluster.id}", parent=_moved_id(cluster.parent, frame))


def _moved_id(id: str | None, frame: Cluster) -> str:
    return frame.id if id is None else f"{frame.id}_{id}"
