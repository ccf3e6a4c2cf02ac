"""Parcels: facts and arrays in one block of bytes. Facts are JSON, and nothing in a parcel is executed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]

BORDER: Final = 64
"""Bytes: where the parcel begins on such a border, its blocks do."""

_MAGIC: Final = b"tinytorch parcel"
_WORD: Final = 8


def packed(facts: Any, blocks: Sequence[bytes | Array]) -> bytes:
    """A parcel. The blocks are bytes, or dense arrays, of which the bytes are kept."""
    views = [_bytes_of(block) for block in blocks]
    text = json.dumps({"facts": facts, "sizes": [len(view) for view in views]}).encode()
    parts = [_padded(_MAGIC + len(text).to_bytes(_WORD, "little") + text), *map(_padded, views)]
    return b"".join(parts)


def unpacked(content: memoryview) -> tuple[Any, list[memoryview]]:
    """The facts and the blocks of a parcel, which stay in its memory. Raises ValueError for anything else."""
    start = len(_MAGIC) + _WORD
    if bytes(content[: len(_MAGIC)]) != _MAGIC:
        raise ValueError("no parcel")
    stop = start + int.from_bytes(content[len(_MAGIC) : start], "little")
    found: dict[str, Any] = json.loads(bytes(content[start:stop]))
    blocks: list[memoryview] = []
    for size in found["sizes"]:
        begin = _next(stop)
        stop = begin + size
        blocks.append(content[begin:stop])
    return found["facts"], blocks


def _bytes_of(block: bytes | Array) -> memoryview:
    return memoryview(block) if isinstance(block, bytes) else block.reshape(-1).view(np.uint8).data


def _next(place: int) -> int:
    return -(-place // BORDER) * BORDER


def _padded(block: bytes | memoryview) -> bytes:
    return bytes(block) + bytes(_next(len(block)) - len(block))
