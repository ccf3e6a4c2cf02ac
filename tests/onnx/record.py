"""Which tests pass, as a file that the tests and the documentation read: a line for each operator."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

PLACE = Path(__file__).parent / "passed.json"

Record = dict[str, dict[str, dict[str, list[str]]]]
"""Names of tests, by suite, first operator, and what came of them.

They are `differentiated` (they pass, and the gradient agrees), `passed`, or `others`.
"""


def write_record(rows: Iterable[Mapping[str, Any]], versions: Mapping[str, str], place: Path = PLACE) -> None:
    """Writes what came of our tests."""
    every = list(rows)
    first = {row["name"]: row["operators"][0] for row in every}
    record: Record = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for row in every:
        outcome = row["ours"]
        passed = "differentiated" if outcome.get("gradient") == "agrees" else "passed"
        result = passed if outcome["result"] == "passed" else "others"
        # An expanded body is a test of the operator that it is the body of.
        operator = first.get(row["name"].partition("_expanded")[0], row["operators"][0])
        record[row["kind"]][operator if row["kind"] != "light" else "networks"][result].append(row["name"])
    lines = ["{", f'"versions": {json.dumps(versions)},']
    for kind, operators in record.items():
        lines.append(f"{json.dumps(kind)}: {{")
        lines.append(
            ",\n".join(
                f"{json.dumps(name)}: {json.dumps(found)}" for name, found in sorted(operators.items())
            )
        )
        lines.append("}" if kind == list(record)[-1] else "},")
    place.write_text("\n".join([*lines, "}", ""]), encoding="utf-8")


def read_record(place: Path = PLACE) -> Record:
    """What came of our tests when they were last all run."""
    found = json.loads(place.read_text(encoding="utf-8"))
    del found["versions"]
    return found


def names_of(results: Mapping[str, list[str]]) -> list[str]:
    """Those that pass."""
    return [*results.get("differentiated", ()), *results.get("passed", ())]
