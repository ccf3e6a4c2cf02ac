"""The operators of ONNX, and what came of the tests that `python -m tests.onnx --write` records."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, TypeAlias

import tinytorch as tt

HEADINGS: Final = ("operator", "since", "by", "but", "tests that pass", "gradients that agree")

_PLACE: Final = Path(__file__).parents[3] / "tests" / "onnx" / "passed.json"

Results: TypeAlias = Mapping[str, list[str]]
"""Names of tests that are `differentiated` (and pass), `passed`, or `others`."""


def _suites() -> dict[str, dict[str, Results]]:
    """Results by suite and first operator."""
    found = json.loads(_PLACE.read_text(encoding="utf-8"))
    return {suite: results for suite, results in found.items() if suite != "versions"}


def operator_rows() -> Iterator[tuple[str, ...]]:
    """Each operator: the opsets that are supported, how, what is not, and its tests in all suites."""
    every: dict[str, list[Results]] = defaultdict(list)
    for suite in _suites().values():
        for name, results in suite.items():
            every[name].append(results)
    for row in tt.onnx.supported_operators():
        title = f"{row.domain}.{row.name}" if row.domain else row.name
        since = ", ".join(map(str, row.supported))
        yield (f"`{title}`", since, row.by, row.note, *_counts(every.get(title, ())))


def suite_rows() -> Iterator[tuple[str, ...]]:
    """Each suite: how many of its tests pass, and how many gradients of these agree."""
    for suite, results in _suites().items():
        yield (f"`{suite}`", *_counts(results.values()))


def _counts(found: Iterable[Results]) -> tuple[str, str]:
    counts = dict.fromkeys(("differentiated", "passed", "others"), 0)
    for results in found:
        for kind, names in results.items():
            counts[kind] += len(names)
    passed, total = counts["passed"] + counts["differentiated"], sum(counts.values())
    return (f"{passed} of {total}" if total else ""), str(counts["differentiated"] or "")
