"""diff: what differs between two graphs, programs, or networks of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from compiler.difference.difference import Difference, difference_of
from compiler.errors import ArgumentError
from compiler.ir.graph import Graph
from compiler.program import Program
from tinytorch.api import graph_of
from tinytorch.tensor import Tensor

Side: TypeAlias = Tensor | Sequence[Tensor] | Graph | Program


def diff(left: Side, right: Side | None = None, *, names: tuple[str, str] = ("left", "right")) -> Difference:
    """What was added, removed, changed, rewired, renamed or moved from `left` to `right`.

    False if nothing was. Each side is a `Graph`, a `Program` (of which the graph as written is compared; give
    `program.graph` for the rewritten one), a tensor, or a sequence of tensors. Of two programs it says too
    what is fused with what in one of them alone. Nodes that both graphs share,
    as snapshots of one history do, are matched by identity; others by what they compute, by name and by their
    neighbours, and `is_guess` says so. `print` shows a text like that of `diff -u`, `report(path)` writes a
    page with both graphs side by side; `changes` and `to_dict()` are the data. Raises ArgumentError for
    anything else.
    """
    if right is None:
        fix = "\n  fix: x.diff() for the differences of a tensor's elements" * isinstance(left, Tensor)
        raise ArgumentError(f"diff compares two graphs, and one is given{fix}")
    schedules = None
    if isinstance(left, Program) and isinstance(right, Program):
        schedules = left.schedule, right.schedule
    return difference_of(graph_of(left), graph_of(right), names=names, schedules=schedules)
