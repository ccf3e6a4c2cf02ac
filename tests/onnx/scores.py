"""What came of a run, counted: by suite, by types, by operator; and the reasons."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rich.table import Table

Row = Mapping[str, Any]
"""A test: name, kind, operators, held, and a mapping for each system."""

_GRADIENTS = ("agrees", "kink", "differs", "refused", "error")


def score_table(
    title: str, rows: Iterable[Row], key: Callable[[Row], Iterable[str]], systems: tuple[str, ...]
) -> Table:
    """A line for each key: tests, and how many passed on each system, and in ours the gradients."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        for name in key(row):
            groups[name].append(row)
    table = Table("", "tests", *systems, "gradients", "kinks", "wrong", title=title, title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, members in groups.items():
        passed = [sum(row[system]["result"] == "passed" for row in members) for system in systems]
        shares = [f"{count} {count / len(members):7.1%}" for count in passed]
        slopes = Counter(row.get("ours", {}).get("gradient", "") for row in members)
        tried = sum(slopes[item] for item in _GRADIENTS)
        table.add_row(
            name, str(len(members)), *shares, f"{slopes['agrees']}/{tried}", str(slopes["kink"]),
            str(tried - slopes["agrees"] - slopes["kink"]),
        )  # fmt: skip
    return table


def reasons(rows: Iterable[Row], system: str, shown: int) -> list[str]:
    """Lines of reasons for what did not pass, the most frequent first, with the names of a few tests."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows:
        outcome = row[system]
        if outcome["result"] != "passed":
            groups[outcome["result"], outcome.get("reason", "")].append(row["name"])
        elif outcome.get("gradient") in ("differs", "refused", "error"):
            groups[f"gradient {outcome['gradient']}", outcome.get("gradient_reason", "")].append(row["name"])
    ordered = sorted(groups.items(), key=lambda item: -len(item[1]))
    lines = [
        f"{len(names):4} {result}: {reason}  [{', '.join(names[:3])}{', ...' if len(names) > 3 else ''}]"
        for (result, reason), names in ordered[:shown]
    ]
    left = sum(len(names) for _, names in ordered[shown:])
    return [*lines, f"     and {left} for {len(ordered) - shown} reasons more (--reasons)"] if left else lines
