"""Difference: data first, text second, picture third."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from compiler.difference.changes import Change, Kind, changes_between
from compiler.difference.kernels import fusions_between
from compiler.difference.matching import match_graphs
from compiler.difference.picture import difference_picture
from compiler.difference.text import Line, difference_lines, difference_text
from compiler.ir.finding import images
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.render.drawing import write
from compiler.schedule.schedule import Schedule


@dataclass(frozen=True, repr=False)
class Difference:
    """What two graphs do not share; false if there is nothing. `str` is a text like that of `diff -u`.

    `pairs` gives for each node on the left that has a counterpart that one. `is_guess` says that some were
    matched by what they compute, by name and by neighbours, because nothing else is known of them.
    """

    left: Graph
    right: Graph
    pairs: Mapping[Node, Node]
    changes: tuple[Change, ...]
    is_guess: bool
    names: tuple[str, str] = field(default=("left", "right"))

    def __bool__(self) -> bool:
        return bool(self.changes)

    @cached_property
    def back(self) -> dict[Node, Node]:
        """For each node on the right that has a counterpart that one."""
        return {right: left for left, right in self.pairs.items()}

    def of_kind(self, kind: Kind) -> tuple[Change, ...]:
        """The changes of one kind."""
        return tuple(change for change in self.changes if change.kind is kind)

    def to_dict(self) -> dict[str, Any]:
        """The changes by kind, as names and sentences: what JSON can hold."""
        left, right = self.left.names.values, self.right.names.values
        return {
            "left": self.names[0],
            "right": self.names[1],
            "differs": bool(self),
            "matched": len(self.pairs),
            "is_guess": self.is_guess,
            "changes": [
                {
                    "kind": change.kind.value,
                    "left": None if change.left is None else left[change.left],
                    "right": None if change.right is None else right[change.right],
                    "sentence": change.sentence,
                }
                for change in self.changes
            ],
        }

    def draw(self, path: str | os.PathLike[str]) -> Path:
        """Draws both graphs as one into a .svg, .png, .pdf or .dot file, and returns its path.

        What is added, removed or changed has a sign and a colour; what is not is dimmed, and folded where
        nothing near it differs. Raises DrawingError where Graphviz is missing; the `.dot` file is then still
        written.
        """
        return write(difference_picture(self), path)

    @property
    def lines(self) -> tuple[Line, ...]:
        """The text form of both graphs, line by line; `str` leaves out most of what is on both sides."""
        return difference_lines(self.left, self.right, self.pairs, self.changes)

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Writes a page with both graphs side by side, linked, the changes and both texts; returns its path.

        Any browser opens it, without a network.
        """
        from compiler.report.page import write_page  # noqa: PLC0415  # loaded by who asks for a page
        from compiler.report.sides import sides_data  # noqa: PLC0415  # likewise

        return write_page(sides_data(self), path, "sides")

    def __str__(self) -> str:
        return difference_text(self.left, self.right, self.pairs, self.changes, self.names)

    def __repr__(self) -> str:
        counts = {kind: len(self.of_kind(kind)) for kind in Kind}
        said = ", ".join(f"{count} {kind.value}" for kind, count in counts.items() if count)
        return f"<Difference: {said or 'none'}>"


def difference_of(
    left: Graph,
    right: Graph,
    known: Mapping[Node, Node] | None = None,
    names: tuple[str, str] = ("left", "right"),
    schedules: tuple[Schedule, Schedule] | None = None,
) -> Difference:
    """What differs. `known` are pairs that a caller is sure of.

    What passes replaced by what is known, too, where one graph was made from the other. With the `schedules`
    of programs made of the graphs, what they fuse otherwise is a difference.
    """
    sure = {**_provenance(left, right), **(known or {})}
    pairs = match_graphs(left, right, sure)
    is_guess = any(a is not b and sure.get(a) is not b for a, b in pairs.items())
    changes = list(changes_between(left, right, pairs))
    if schedules is not None:
        changes += fusions_between(left, right, pairs, schedules)
    return Difference(left, right, pairs, tuple(changes), is_guess, names)


def _provenance(left: Graph, right: Graph) -> dict[Node, Node]:
    """What nodes on the left became on the right, or the other way round: one of several that became one."""
    onward = images(right, left)
    pairs = onward.items() if onward else ((a, b) for b, a in images(left, right).items())
    first = {b: a for a, b in reversed(list(pairs))}
    return {a: b for b, a in first.items()}
