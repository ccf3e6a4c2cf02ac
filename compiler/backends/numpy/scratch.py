"""The scratch arrays of one map: each is free again after the last line that reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from compiler.backends.numpy.tiles import Tiles
from compiler.ir.formula.tape import Const, Ref, TypedLine
from compiler.ir.types import DType


class Scratch:
    """Takes arrays of a tile's shape, and gives them back."""

    def __init__(self, tiles: Tiles, shape: tuple[int, ...], lines: Sequence[TypedLine], result: Ref) -> None:
        self.tiles = tiles
        self.shape = shape
        self.taken: dict[str, None] = {}
        self.last = {ref: line for line, typed in enumerate(lines) for ref in typed.line.arguments}
        """The last line that reads a value."""
        self.last[result] = len(lines)

    def take(self, dtype: DType) -> str:
        """A further array."""
        name = self.tiles.take(dtype, self.shape)
        self.taken[name] = None
        return name

    def release(self, line: int, values: Sequence[str | Const], ahead: Mapping[int, str]) -> None:
        """After a line: all but what a later one reads, of `values` or of those that are known `ahead`."""
        known = {**dict(enumerate(values)), **ahead}
        read = {value for ref, value in known.items() if self.last.get(ref, -1) > line}
        for name in [name for name in self.taken if name not in read]:
            del self.taken[name]
            self.tiles.give_back(name)

    def release_all(self) -> None:
        """After the last line."""
        for name in self.taken:
            self.tiles.give_back(name)
