"""What a report says more than once is stored once: texts, and polynomials in the symbolic dimensions."""

from __future__ import annotations

from typing import Any

from compiler.ir.dims import Dim, Extent


class Table:
    """Texts by number; `of` gives the number of one, which is then in the table."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._numbers: dict[str, int] = {}

    def of(self, text: object) -> int:
        key = str(text)
        if key not in self._numbers:
            self._numbers[key] = len(self.texts)
            self.texts.append(key)
        return self._numbers[key]


class Polynomials:
    """Extents by number. In JSON an int is itself, a polynomial a list of [factor, symbol, power, ...]."""

    def __init__(self) -> None:
        self.all: list[Any] = []
        self._numbers: dict[Extent, int] = {}

    def of(self, extent: Extent) -> int:
        if extent not in self._numbers:
            self._numbers[extent] = len(self.all)
            self.all.append(_data(extent))
        return self._numbers[extent]


def _data(extent: Extent) -> Any:
    if not isinstance(extent, Dim):
        return extent
    return [
        [coefficient, *(part for factor in monomial for part in factor)]
        for monomial, coefficient in extent.terms
    ]
