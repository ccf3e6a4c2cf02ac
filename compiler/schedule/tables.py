"""Tables as values and as text; what a kernel is called in them, and numbers with their units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from compiler.ir.node import Node
from compiler.ir.op import Trait
from compiler.schedule.schedule import Schedule

_SHOWN: Final = 3
"""How many values and ops of a kernel a table names; the rest are counted."""

_UNITS: Final = (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3))


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under headings, each row as long as these. `str` aligns the columns.

    The first `left` columns are flush left, the others, numbers mostly, flush right. `title` stands above,
    `notes` are lines below.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int
    title: str = ""
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        above = f"{self.title}\n" if self.title else ""
        return above + aligned([self.headings, *self.rows], self.left) + "".join(f"{n}\n" for n in self.notes)


def kernel_cells(schedule: Schedule) -> list[tuple[str, str, str]]:
    """For each kernel its name in texts and drawings, the values that leave it, and the ops that it does."""
    names = schedule.graph.names
    return [
        (
            f"kernel {place}",
            _listed([names.values[node] for node in schedule.outputs(kernel)]),
            _listed([verb(node) for node in kernel.members]),
        )
        for place, kernel in enumerate(schedule.kernels)
    ]


def verb(node: Node) -> str:
    """What tables call the op of a node."""
    return "contraction" if node.op.has(Trait.CONTRACTION) else node.op.name


def _listed(words: Sequence[str]) -> str:
    rest = len(words) - _SHOWN
    return ", ".join([*words[:_SHOWN], *([f"{rest} more"] if rest > 0 else [])])


def aligned(rows: Sequence[Sequence[str]], left: int) -> str:
    """Rows of equal length as lines; the first `left` columns are flush left, the others flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines: list[str] = []
    for row in rows:
        cells = [
            cell.ljust(width) if place < left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip() + "\n")
    return "".join(lines)


def scaled(count: float, unit: str = "") -> str:
    """`64 kB`, `1.05 M`: three digits, in powers of ten; nothing for NaN."""
    if math.isnan(count):
        return ""
    for prefix, size in _UNITS:
        if count >= size:
            return f"{digits(count / size)} {prefix}{unit}"
    return f"{digits(count)} {unit}".rstrip()


def digits(value: float) -> str:
    """At least three digits of a number, never in exponents; nothing for NaN."""
    if math.isnan(value):
        return ""
    if value >= 100 or value == 0:
        return f"{value:.0f}"
    shown = f"{value:.3g}"
    return shown if "e" not in shown else f"{value:.6f}"
