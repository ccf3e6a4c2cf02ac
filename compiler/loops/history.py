"""How a kernel of loops came to be: a record for each trick, as a program's history has one for each pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from compiler.schedule.tables import Table


@dataclass(frozen=True, slots=True)
class LoopRecord:
    """One trick in the history of a kernel: what the kernel was before and after, as text."""

    name: str
    sentence: str
    """What the trick does."""
    before: str
    after: str

    @property
    def changed(self) -> bool:
        return self.before != self.after

    @property
    def lines(self) -> tuple[int, int]:
        """How many lines the text had, and has."""
        return self.before.count("\n"), self.after.count("\n")

    def to_dict(self) -> dict[str, Any]:
        """The record with its texts."""
        return {
            "name": self.name, "sentence": self.sentence, "changed": self.changed, "lines": list(self.lines),
            "before": self.before, "after": self.after,
        }  # fmt: skip

    def __str__(self) -> str:
        count = "{} -> {} lines".format(*self.lines) if self.changed else "nothing changes"
        return f"{self.name}: {self.sentence}; {count}"

    def __repr__(self) -> str:
        return f"<{self}>"


class LoopHistory(tuple[LoopRecord, ...]):
    """The records of a kernel's tricks in their order: the first begins with the loops as they are written.

    What a record's kernel is after `hoist` is what `program.source` shows. `str` is the kernel as it is
    written, then each trick that changes it, and what it then is.
    """

    __slots__ = ()

    @classmethod
    def of(cls, tricks: Iterable[tuple[str, str]], texts: Iterable[str]) -> LoopHistory:
        """That of tricks by name and sentence, and of a kernel's texts: as it is written, and after each."""
        return cls(
            LoopRecord(name, sentence, before, after)
            for (name, sentence), (before, after) in zip(tricks, pairwise(texts), strict=True)
        )

    @property
    def tables(self) -> tuple[Table, ...]:
        """One: what each trick does, and how many lines the kernel has then."""
        rows = [(item.name, item.sentence, str(item.lines[1]) if item.changed else "same") for item in self]
        first = ("", "the loops as they are written", str(self[0].lines[0]))
        return (Table(("trick", "what it does", "lines"), (first, *rows), left=2),)

    def to_dict(self) -> dict[str, Any]:
        """The records in their order."""
        return {"records": [item.to_dict() for item in self]}

    def __str__(self) -> str:
        return "\n".join(self._parts())

    def _parts(self) -> Iterator[str]:
        yield f"the loops as they are written; {self[0].lines[0]} lines\n\n{self[0].before}"
        for item in self:
            yield f"{item}\n\n{item.after}" if item.changed else f"{item}\n"
