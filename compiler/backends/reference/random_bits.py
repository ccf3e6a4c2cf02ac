"""Random bits on arrays of keys and counters."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import numpy as np

from compiler.ir.formula.threefry import Words, threefry

Array: TypeAlias = np.ndarray[Any, Any]


def _number(value: Any) -> Any:
    return np.uint32(value) if isinstance(value, int) else value


def _rotate(word: Array, count: int) -> Array:
    return np.bitwise_or(word << np.uint32(count), word >> np.uint32(32 - count))


_WORDS: Final[Words[Array]] = Words(
    lambda x, y: np.add(x, _number(y)), lambda x, y: np.bitwise_xor(x, _number(y)), _rotate
)


def _words(x: Any) -> tuple[Array, Array]:
    wide = np.atleast_1d(np.asarray(x, np.int64)).view(np.uint64)
    return (wide >> np.uint64(32)).astype(np.uint32), wide.astype(np.uint32)


def _pair(key: Any, counter: Any) -> tuple[Array, Array, tuple[int, ...]]:
    first, second = threefry(_WORDS, _words(key), _words(counter))
    return first, second, np.broadcast_shapes(np.shape(key), np.shape(counter))


def random32(key: Any, counter: Any) -> Array:
    """Both random words of a key and a counter in one, as int32."""
    first, second, shape = _pair(key, counter)
    return np.bitwise_xor(first, second).view(np.int32).reshape(shape)


def random64(key: Any, counter: Any) -> Array:
    """Both random words of a key and a counter, as int64, the first one above."""
    first, second, shape = _pair(key, counter)
    wide = first.astype(np.uint64) << np.uint64(32) | second
    return wide.view(np.int64).reshape(shape)
