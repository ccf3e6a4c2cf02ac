"""A difference as text: the lines of both graphs in one order, changed ones marked, unchanged ones shortened.

    --- before          a line that is there on the left only, or as it was
    +++ after           a line that is there on the right only, or as it is
    @ 12                so many lines of both sides are left out

A value has one name on both sides where it has a counterpart, so a line differs only where its op, operands,
type or scope do.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from compiler.difference.changes import Change, Kind
from compiler.ir.graph import Graph
from compiler.ir.naming import Names
from compiler.ir.node import Node
from compiler.ir.printing import print_node, print_path

_CONTEXT: Final = 2
"""Unchanged lines that are shown on both sides of a change."""


_BELOW: Final = (Kind.RESULT, Kind.VALUE, Kind.FUSED)
"""What no line of a node's text tells of: it is said below them."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of both graphs' text: `-` on the left only, `+` on the right only, or a space; and its node."""

    mark: str
    text: str
    node: Node


def difference_text(
    left: Graph,
    right: Graph,
    pairs: Mapping[Node, Node],
    changes: Sequence[Change],
    titles: tuple[str, str],
) -> str:
    """The text; empty where nothing differs."""
    if not changes:
        return ""
    lines = difference_lines(left, right, pairs, changes)
    shown = [f"--- {titles[0]}", f"+++ {titles[1]}", *_shortened(lines)]
    others = [str(change) for change in changes if change.kind in _BELOW]
    return "\n".join([*shown, *others]) + "\n"


def difference_lines(
    left: Graph, right: Graph, pairs: Mapping[Node, Node], changes: Sequence[Change]
) -> tuple[Line, ...]:
    """The lines of both graphs in one order, all of them."""
    ours, theirs = left.names, right.names
    names = ours, replace(theirs, values=_aligned(ours, theirs, right, pairs))
    return tuple(_merged(left, right, pairs, _touched(changes), names))


def _touched(changes: Sequence[Change]) -> set[Node]:
    ends = (node for change in changes if change.kind not in _BELOW for node in (change.left, change.right))
    return {node for node in ends if node is not None}


def _aligned(ours: Names, theirs: Names, right: Graph, pairs: Mapping[Node, Node]) -> dict[Node, str]:
    """The names on the right: those of counterparts, and numbers of its own for what is new."""
    back = {b: a for a, b in pairs.items()}
    taken = set(ours.values.values())
    free = (name for number in itertools.count(len(taken)) if (name := f"%{number}") not in taken)
    found: dict[Node, str] = {}
    for node in right.nodes:
        other = back.get(node)
        if other is not None and other.name == node.name:
            found[node] = ours.values[other]
        elif node.name is None and theirs.values[node] in taken:
            found[node] = next(free)
        else:
            found[node] = theirs.values[node]
    return found


def _merged(
    left: Graph, right: Graph, pairs: Mapping[Node, Node], touched: set[Node], names: tuple[Names, Names]
) -> Iterator[Line]:
    """The right's lines in their order; what is gone stands before what followed it on the left."""
    before: dict[Node | None, list[Node]] = {}
    gone: list[Node] = []
    for node in left.nodes:
        if node in pairs:
            before[pairs[node]], gone = gone, []
        else:
            gone.append(node)
    before[None] = gone
    back = {b: a for a, b in pairs.items()}
    for node in (*right.nodes, None):
        for lost in before.get(node, ()):
            yield Line("-", _text(lost, left, names[0]), lost)
        if node is None:
            return
        other = back.get(node)
        if other is not None and node in touched:
            yield Line("-", _text(other, left, names[0]), other)
        is_new = other is None or node in touched
        yield Line("+" if is_new else " ", _text(node, right, names[1]), node)


def _text(node: Node, graph: Graph, names: Names) -> str:
    path = print_path(graph.scopes[node])
    return print_node(node, names) + (f"    # {path}" if path else "")


def _shortened(lines: Sequence[Line]) -> Iterator[str]:
    marked = [k for k, line in enumerate(lines) if line.mark != " "]
    shown = {near for k in marked for near in range(k - _CONTEXT, k + _CONTEXT + 1)}
    for is_shown, group in itertools.groupby(enumerate(lines), key=lambda item: item[0] in shown):
        items = [line for _, line in group]
        if is_shown:
            yield from (f"{line.mark} {line.text}" for line in items)
        else:
            yield f"@ {len(items)}"
