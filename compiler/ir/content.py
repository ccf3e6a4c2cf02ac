"""The bytes of a large array, compared where they lie.

A constant is its bytes, and two equal ones are one. To copy and hash all of them takes as long as the rest of
compiling a small network: the hash is of a few of them here, and all are compared where that is equal.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

SAMPLES: Final = 64
"""How many bytes are hashed."""


class Content:
    """All bytes of a contiguous array that is never written again."""

    __slots__ = ("_all", "_hash")

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self._all = array.reshape(-1).view(np.uint8)
        self._hash = hash((self._all.size, self._all[:: max(1, self._all.size // SAMPLES)].tobytes()))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Content) or self._hash != other._hash:
            return False
        return self is other or np.array_equal(self._all, other._all)

    def __len__(self) -> int:
        return self._all.size

    def __getitem__(self, part: slice) -> bytes:
        return self._all[part].tobytes()

    def __bytes__(self) -> bytes:
        return self._all.tobytes()
