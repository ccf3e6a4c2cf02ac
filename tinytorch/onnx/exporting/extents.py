"""Extents in a model: numbers, or arithmetic on the shapes of its inputs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np

from compiler.ir.dims import Dim, Extent, Shape, symbol, symbols
from compiler.ir.types import TensorType
from tinytorch.onnx.exporting.values import Unsayable, Value
from tinytorch.onnx.exporting.writer import Place, Writer

_INT64: Final = np.dtype(np.int64)
_PLACE: Final = Place("extents", "/extents")


class Extents:
    """Writes extents as rows of int64. Each is computed once in a model."""

    def __init__(self, writer: Writer, inputs: Iterable[tuple[Value, TensorType]]) -> None:
        self.writer = writer
        self._inputs = list(inputs)
        self._known: dict[object, Value] = {}

    def row(self, extent: Extent) -> Value:
        """An extent as a row of one."""
        if isinstance(extent, int):
            return self.writer.integers(extent)
        return self._once(extent, lambda: self._sum(extent))

    def number(self, extent: Extent) -> Value:
        """An extent as a number without axes."""
        if isinstance(extent, int):
            return self.writer.constant(extent, _INT64)
        return self._once(
            ("number", extent),
            lambda: self.writer.node("Squeeze", self.row(extent), self.writer.integers(0)),
        )

    def shape(self, shape: Shape) -> Value:
        """Extents in a row."""
        if all(isinstance(extent, int) for extent in shape):
            return self.writer.integers(*(extent for extent in shape if isinstance(extent, int)))
        if len(shape) == 1:
            return self.row(shape[0])
        return self._once(shape, lambda: self._joined(shape))

    def count(self, extent: Extent) -> Value:
        """0, 1, 2, ... below an extent."""
        if isinstance(extent, int):
            return self.writer.constant(np.arange(extent), _INT64)
        zero, one = (self.writer.constant(item, _INT64) for item in (0, 1))
        return self._once(
            ("count", extent), lambda: self.writer.node("Range", zero, self.number(extent), one)
        )

    def _once(self, key: object, write: Any) -> Value:
        if key not in self._known:
            place, self.writer.place = self.writer.place, _PLACE
            self._known[key] = write()
            self.writer.kept.add(self._known[key].name)
            self.writer.place = place
        return self._known[key]

    def _joined(self, shape: Sequence[Extent]) -> Value:
        pieces: list[Value] = []
        numbers: list[int] = []
        for extent in shape:
            if isinstance(extent, int):
                numbers.append(extent)
                continue
            pieces += [self.writer.integers(*numbers)] * bool(numbers)
            pieces.append(self.row(extent))
            numbers = []
        pieces += [self.writer.integers(*numbers)] * bool(numbers)
        return self.writer.node("Concat", *pieces, axis=0)

    def _sum(self, extent: Dim) -> Value:
        (name,) = symbols(extent) if len(symbols(extent)) == 1 else ("",)
        if name and extent == symbol(name):
            return self._symbol(name)
        total: Any = None
        for monomial, coefficient in reversed(extent.terms):
            term: Any = None
            for name, power in monomial:
                for _ in range(power):
                    item = self.row(symbol(name))
                    term = item if term is None else term * item
            term = coefficient if term is None else term if coefficient == 1 else term * coefficient
            total = term if total is None else total + term
        return total

    def _symbol(self, name: str) -> Value:
        """Of the first input that has an axis of it, or one from whose extent it follows."""
        for value, type in self._inputs:
            for axis, extent in enumerate(type.shape):
                if isinstance(extent, Dim) and (solved := _linear(extent, name)):
                    return self._solved(value, axis, *solved)
        raise Unsayable(f"no input has an axis from which {name!r} follows")

    def _solved(self, value: Value, axis: int, scale: int, offset: int) -> Value:
        found: Any = self.writer.node("Shape", value, kind=np.int64, start=axis, end=axis + 1)
        found = found - offset if offset else found
        return found if scale == 1 else self.writer.node("Div", found, self.writer.integers(scale))


def _linear(extent: Dim, name: str) -> tuple[int, int] | None:
    """a and b of an extent that is a * symbol + b; None for others."""
    if symbols(extent) != frozenset([name]):
        return None
    powers = {sum(power for _, power in monomial): scale for monomial, scale in extent.terms}
    if set(powers) - {0, 1}:
        return None
    return powers[1], powers.get(0, 0)
