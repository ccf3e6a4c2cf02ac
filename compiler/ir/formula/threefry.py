"""Threefry 2x32 in 20 rounds: random bits as a function of a key and a counter, each of 64 bits.

J. K. Salmon, M. A. Moraes, R. O. Dror and D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011).
Two words are added, rotated and mixed, and after every four rounds words of the key are added to them.
Nothing else is needed, so it fills vectors of 32 bits. 13 rounds pass every test of TestU01's BigCrush; the
authors recommend 20. The functions here are told in which arithmetic they compute: arrays of the oracle,
numbers of Python, or words of a kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

Word = TypeVar("Word")

ROTATIONS: Final = (13, 15, 26, 6, 17, 29, 16, 24)
PARITY: Final = 0x1BD11BDA
"""What the third word of the key is made with, so that no key has words of zeros alone."""
GROUPS: Final = 5
"""Four rounds each."""


@dataclass(frozen=True, slots=True)
class Words(Generic[Word]):
    """Arithmetic on words of 32 bits, modulo 2^32."""

    add: Callable[[Word, Any], Word]
    """Of words, or of a word and a small number."""
    xor: Callable[[Word, Any], Word]
    rotate: Callable[[Word, int], Word]
    """By so many bits to the left."""


def threefry(words: Words[Word], key: tuple[Word, Word], counter: tuple[Word, Word]) -> tuple[Word, Word]:
    """The two random words of a key and a counter; of each the upper word comes first."""
    keys = (*key, words.xor(words.xor(key[0], key[1]), PARITY))
    first, second = words.add(counter[0], keys[0]), words.add(counter[1], keys[1])
    for group in range(1, GROUPS + 1):
        for turn in range(4):
            first = words.add(first, second)
            second = words.rotate(second, ROTATIONS[turn + 4 * (1 - group % 2)])
            second = words.xor(second, first)
        first = words.add(first, keys[group % 3])
        second = words.add(second, words.add(keys[(group + 1) % 3], group))
    return first, second


_MASK: Final = (1 << 32) - 1


def _rotated(word: int, count: int) -> int:
    return (word << count | word >> (32 - count)) & _MASK


NUMBERS: Final[Words[int]] = Words(lambda x, y: (x + y) & _MASK, lambda x, y: x ^ y, _rotated)


def of_numbers(key: int, counter: int) -> tuple[int, int]:
    """The words of Python's integers, which are read modulo 2^64."""
    return threefry(NUMBERS, *((x >> 32 & _MASK, x & _MASK) for x in (key, counter)))


def signed(bits: int, width: int) -> int:
    """The number of so many bits that a pattern is."""
    half = 1 << (width - 1)
    return (bits + half) % (2 * half) - half
