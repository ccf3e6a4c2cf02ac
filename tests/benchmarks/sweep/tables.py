"""The tables of a sweep."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import groupby

from rich.table import Table

from tests.benchmarks.sweep.measuring import Measured

LEVEL = 1.05
"""Ratios up to this are not behind."""


def by_class(found: Sequence[Measured]) -> Table:
    """A row a class, and one of all: how many, the share that is not behind, median and worst."""
    table = Table("class", title="Ours to the fastest peer", title_justify="left")
    for heading in ("workloads", "at most 1.05", "median", "90%", "worst"):
        table.add_column(heading, justify="right")
    raced = [each for each in found if each.fastest]
    for family, members in groupby(raced, lambda each: each.family):
        table.add_row(family, *_figures([each.ratio for each in members]))
    if raced:
        table.add_section()
        table.add_row("all", *_figures([each.ratio for each in raced]))
    return table


def _figures(ratios: list[float]) -> list[str]:
    share = sum(ratio <= LEVEL for ratio in ratios) / len(ratios)
    ninth = sorted(ratios)[round(0.9 * (len(ratios) - 1))]
    return [
        str(len(ratios)), f"{share:.0%}", f"{statistics.median(ratios):.2f}", f"{ninth:.2f}",
        f"{max(ratios):.2f}",
    ]  # fmt: skip


def slowest(found: Sequence[Measured], count: int) -> Table:
    """Where a peer is ahead, the worst first."""
    table = Table("workload", title="Behind", title_justify="left")
    for heading in ("us", "of", "us", "ratio"):
        table.add_column(heading, justify="right")
    behind = sorted((each for each in found if each.ratio > LEVEL), key=lambda each: -each.ratio)
    for each in behind[:count]:
        ours, theirs = each.seconds["ours"], each.seconds[each.fastest]
        table.add_row(
            f"{each.family}: {each.name}", f"{1e6 * ours:.1f}", each.fastest, f"{1e6 * theirs:.1f}",
            f"{each.ratio:.2f}",
        )  # fmt: skip
    return table
