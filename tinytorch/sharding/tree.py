"""Sums over shards in a fixed binary tree, whoever adds, and in which order parts come.

    level 2           0
    level 1       0       1
    level 0     0   1   2   3      shards

A block (level, place) is the sum of the shards from `place << level` on. It is always left half plus right
half, so its bits depend on the shards alone. A shard without rows is no summand.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np

from compiler.errors import ArgumentError
from compiler.ir.numbers import whole_number
from compiler.ir.types import DType, dtype_of

Array: TypeAlias = np.ndarray[Any, Any]
Arrays: TypeAlias = list[Array]
ArrayType: TypeAlias = tuple[str, tuple[int, ...]]


class Block(NamedTuple):
    """An aligned subtree."""

    level: int
    place: int

    @property
    def shards(self) -> range:
        """The shards that it has."""
        return range(self.place << self.level, (self.place + 1) << self.level)


def checked_shards(shards: Any) -> int:
    """A count of shards. Raises ArgumentError for one that is no power of two."""
    count = whole_number(shards)
    if count is None or count < 1 or count & (count - 1):
        raise ArgumentError(f"shards are a power of two, whose sums make a binary tree: shards={shards!r}")
    return count


def top_of(shards: int) -> Block:
    """The block that is all shards."""
    return Block(shards.bit_length() - 1, 0)


def blocks(start: int, stop: int) -> list[Block]:
    """The fewest aligned subtrees that are the shards of a range, in their order."""
    found: list[Block] = []
    while start < stop:
        level = (stop - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        found.append(Block(level, start >> level))
        start += 1 << level
    return found


def shares(shards: int, workers: int) -> list[list[Block]]:
    """The subtrees of each worker: ranges of shards whose lengths differ by at most one."""
    edges = [shards * k // workers for k in range(workers + 1)]
    return [blocks(start, stop) for start, stop in pairwise(edges)]


def rows_of(shard: int, shards: int, rows: int) -> slice:
    """The rows of a batch that a shard has: as many as another, or one more or less."""
    return slice(rows * shard // shards, rows * (shard + 1) // shards)


class Tree:
    """A sum that grows as blocks come, which must each come once."""

    def __init__(self) -> None:
        self._kept: dict[Block, Arrays | None] = {}

    def add(self, block: Block, arrays: Arrays | None) -> None:
        """Takes the sum of a block, None for one without rows. The arrays are the tree's from now on."""
        while (other := Block(block.level, block.place ^ 1)) in self._kept:
            beside = self._kept.pop(other)
            arrays = _sum(arrays, beside) if block < other else _sum(beside, arrays)
            block = Block(block.level + 1, block.place >> 1)
        self._kept[block] = arrays

    def sum(self, block: Block) -> Arrays | None:
        """The sum of a block whose parts have all come."""
        return self._kept[block]

    def has(self, block: Block) -> bool:
        """Whether all parts of a block have come, and no part of more."""
        return block in self._kept


def _sum(left: Arrays | None, right: Arrays | None) -> Arrays | None:
    if left is None or right is None:
        return right if left is None else left
    return [_added(a, b) for a, b in zip(left, right, strict=True)]


def _added(left: Array, right: Array) -> Array:
    """left + right, in the array of the left where it is one that may be written to."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.add(left, right, out=left if left.ndim and left.flags.writeable else None)


_ALIGNED: Final = 64
"""Bytes of a cache line."""


def pack(arrays: Sequence[Array]) -> Array:
    """Arrays behind one another in one buffer of bytes, each where a cache line begins."""
    buffer = np.empty(sum(_room(array.nbytes) for array in arrays), np.uint8)
    for array, part in zip(arrays, unpack(buffer, [type_of(array) for array in arrays]), strict=True):
        np.copyto(part, array)
    return buffer


def unpack(buffer: Array, types: Sequence[ArrayType]) -> Arrays:
    """Views of a buffer that `pack` has filled with arrays of some types."""
    found: Arrays = []
    start = 0
    for name, shape in types:
        dtype = DType(name).numpy
        size = math.prod(shape) * dtype.itemsize
        found.append(buffer[start : start + size].view(dtype).reshape(shape))
        start += _room(size)
    return found


def type_of(array: Array) -> ArrayType:
    """The name of an array's dtype, and its shape."""
    return dtype_of(array.dtype).value, array.shape


def _room(size: int) -> int:
    return -(-size // _ALIGNED) * _ALIGNED
