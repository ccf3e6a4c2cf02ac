"""The measured errors of activations, as data: what `ACCURACY.md` beside this file states.

That file is written by `python -m tests.accuracy`, is shipped, and is the only place of these numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from compiler.ir.plain import Plain, plain

PLACE: Final = Path(__file__).parent / "ACCURACY.md"
SYSTEMS: Final = ("llvm", "numpy", "PyTorch")
NONE: Final = "-"
"""What stands for a function that a system has not."""


class Case(NamedTuple):
    """What was measured: `kind` is `value` or `slope`, `system` one of SYSTEMS."""

    dtype: str
    kind: str
    activation: str
    system: str


@dataclass(frozen=True, slots=True)
class Stated:
    """Errors that no number of the sample exceeds; `ulps` are units in the last place.

    Infinite where NaN or an overflow stood for a number in range.
    """

    units: float
    """In units of one ULP of the result and what one ULP of the argument changes."""
    ulps: float
    most_ulps: float
    """What 99.9 % of the sample stay below."""
    absolute: float
    """The largest absolute error near 0, where the file says."""

    def to_dict(self) -> dict[str, Plain]:
        """The numbers."""
        return {
            "units": plain(self.units),
            "ulps": plain(self.ulps),
            "most_ulps": plain(self.most_ulps),
            "absolute": plain(self.absolute),
        }


@cache
def measured() -> Mapping[Case, Stated]:
    """What the file says."""
    return stated(PLACE.read_text(encoding="utf-8"))


def stated(source: str) -> dict[Case, Stated]:
    """What the text of such a file says; systems without the function are left out."""
    return dict(_stated(source))


def _stated(source: str) -> Iterator[tuple[Case, Stated]]:
    dtype = kind = ""
    for line in source.splitlines():
        if title := re.fullmatch(r"## (\w+), (\w+)", line):
            dtype, kind = title.groups()
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("| ") or cells[0] == "activation":
            continue
        for k, system in enumerate(SYSTEMS):
            found = cells[1 + 4 * k : 5 + 4 * k]
            if found[0] != NONE:
                yield Case(dtype, kind, cells[0], system), Stated(*map(float, found))
