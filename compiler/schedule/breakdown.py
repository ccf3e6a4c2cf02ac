"""Costs and times by part of the model, or by the user's line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from compiler.analysis.cost import Cost, Ratio
from compiler.errors import ArgumentError
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.ir.printing import print_path
from compiler.schedule.tables import Table, digits, scaled

Key: TypeAlias = Callable[[Node], str]
"""What a node is counted under."""

HEADINGS = ("flops", "read", "written", "flop/byte")


@dataclass(frozen=True, slots=True)
class Row:
    """What some nodes cost together, and the microseconds that they took where that was measured."""

    label: str
    nodes: int
    cost: Cost
    microseconds: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The row, with the time only where it was measured."""
        times = {} if self.microseconds is None else {"microseconds": self.microseconds}
        return {"label": self.label, "nodes": self.nodes, **times, **self.cost.to_dict()}


@dataclass(frozen=True, repr=False)
class Breakdown:
    """A row for each part, the most expensive first. `str` is a table.

    Costs that are polynomials stand before those that are numbers, in the order of the graph.
    `breakdown["encoder"]` is the row of that label.
    """

    rows: tuple[Row, ...]

    def __getitem__(self, label: str) -> Row:
        for row in self.rows:
            if row.label == label:
                return row
        raise ArgumentError(
            f"nothing is counted under {label!r}; there are {', '.join(r.label for r in self.rows)}"
        )

    def to_dict(self) -> dict[str, Any]:
        """The rows in their order."""
        return {"rows": [row.to_dict() for row in self.rows]}

    @property
    def tables(self) -> tuple[Table, ...]:
        """One, of these rows."""
        return (_table(self),)

    def __str__(self) -> str:
        return str(_table(self))

    def __repr__(self) -> str:
        return f"<Breakdown of {len(self.rows)} parts>"


def break_down(
    costs: Mapping[Node, Cost], key: Key, microseconds: Mapping[Node, float] | None = None
) -> Breakdown:
    """The costs, and times if there are some, of all nodes that have one key."""
    rows: dict[str, Row] = {}
    for node, cost in costs.items():
        label = key(node)
        row = rows.get(label, Row(label, 0, Cost(), None if microseconds is None else 0.0))
        rows[label] = replace(row, nodes=row.nodes + 1, cost=row.cost + cost)
        if microseconds is not None and row.microseconds is not None:
            spent = row.microseconds + microseconds.get(node, 0.0)
            rows[label] = replace(rows[label], microseconds=spent)
    return Breakdown(tuple(sorted(rows.values(), key=_place)))


def _place(row: Row) -> tuple[bool, float]:
    if row.microseconds is not None:
        return False, -row.microseconds
    work = row.cost.work
    return (True, -work) if isinstance(work, int) else (False, 0)


def by_scope(graph: Graph, depth: int | None = None) -> Key:
    """Nodes are counted under their scope, or its first names; the label is empty for those in none."""
    return lambda node: print_path(graph.scopes[node][:depth])


def by_line(graph: Graph) -> Key:
    """Nodes are counted under the user's line, and the scope where they are in one.

    Behind one line that calls a network stand all of its layers, which are told apart by their scopes.
    """

    def key(node: Node) -> str:
        scope = print_path(graph.scopes[node])
        line = str(node.origin.source or "")
        return f"{scope}  {line}".strip()

    return key


def cost_cells(cost: Cost) -> tuple[str, str, str, str]:
    """The cells under HEADINGS. Bytes in powers of ten; a question mark stands for what nobody can count."""
    intensity = cost.intensity
    return (
        _shown(cost.flops) + " + ?" * bool(cost.opaque),
        _shown(cost.bytes_read, "B"),
        _shown(cost.bytes_written, "B"),
        str(intensity) if isinstance(intensity, Ratio) else digits(intensity),
    )


def _shown(count: object, unit: str = "") -> str:
    return scaled(count, unit) if isinstance(count, int) else f"{count} {unit}".rstrip()


def _table(breakdown: Breakdown) -> Table:
    is_timed = any(row.microseconds is not None for row in breakdown.rows)
    whole = sum(row.microseconds or 0.0 for row in breakdown.rows)
    headings = ("", "nodes", *(("us", "share") if is_timed else ()), *HEADINGS)
    rows: list[tuple[str, ...]] = []
    for row in breakdown.rows:
        spent = row.microseconds or 0.0
        times = (digits(spent), f"{spent / whole if whole else 0:.1%}") if is_timed else ()
        rows.append((row.label or "(no scope)", str(row.nodes), *times, *cost_cells(row.cost)))
    return Table(headings, tuple(rows), left=1)
