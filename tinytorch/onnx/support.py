"""Which operators of the standard are to be had here, in every opset that the library knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from compiler.schedule.tables import Table


@dataclass(frozen=True, slots=True)
class OperatorSupport:
    """An operator of the standard, and what it is here."""

    domain: str
    """Of the operator; empty for the main one, `ai.onnx`."""
    name: str
    opsets: tuple[int, ...]
    """Since which its meaning is another one."""
    supported: tuple[int, ...]
    """Those of them whose meaning is to be had."""
    by: str
    """`function` of ours, `body` that the standard says it in, or `absent`."""
    note: str
    """What of it is not supported, or why it is absent; empty if there is nothing to say."""

    def to_dict(self) -> dict[str, Any]:
        """The row."""
        return {
            "domain": self.domain or "ai.onnx", "name": self.name, "opsets": [*self.opsets],
            "supported": [*self.supported], "by": self.by, "note": self.note,
        }  # fmt: skip


@dataclass(frozen=True, repr=False)
class OperatorTable:
    """The operators of the standard by domain and name. `str` is a table, `len` counts what is there."""

    rows: tuple[OperatorSupport, ...]

    def __iter__(self) -> Iterator[OperatorSupport]:
        return iter(self.rows)

    def __len__(self) -> int:
        return sum(row.by != "absent" for row in self.rows)

    def __getitem__(self, name: str) -> OperatorSupport:
        """The row of an operator, `Gemm`, or `ai.onnx.ml.Scaler`. Raises KeyError for a name that is none."""
        for row in self.rows:
            if name in (row.name if not row.domain else "", f"{row.domain or 'ai.onnx'}.{row.name}"):
                return row
        raise KeyError(name)

    def to_dict(self) -> dict[str, Any]:
        """The rows in their order."""
        return {"operators": [row.to_dict() for row in self.rows]}

    @property
    def tables(self) -> tuple[Table, ...]:
        """One, of these rows."""
        counts = Counter(row.by for row in self.rows)
        notes = (
            f"{len(self)} of {len(self.rows)}: {counts['function']} as functions, "
            f"{counts['body']} as bodies of the standard",
        )
        cells = tuple(_cells(row) for row in self.rows)
        return (Table(("operator", "since", "by", "but"), cells, 4, notes=notes),)

    def __str__(self) -> str:
        return str(self.tables[0])

    def __repr__(self) -> str:
        return f"<{len(self)} of {len(self.rows)} operators>"


def _cells(row: OperatorSupport) -> tuple[str, ...]:
    title = f"{row.domain}.{row.name}" if row.domain else row.name
    return title, " ".join(map(str, row.supported)), row.by, row.note
