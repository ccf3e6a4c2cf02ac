"""Random bits in lanes: Threefry on words of 32 bits (`compiler.ir.formula.threefry`).

Words of a key or counter that is a literal are numbers, and what is made of numbers alone is a number too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from compiler.ir.formula.threefry import NUMBERS, Words, of_numbers, threefry
from compiler.ir.types import INT32
from compiler.loops.language import Literal
from compiler.loops.mathematics.words import Lanes, Operand

Half: TypeAlias = Operand | int


def random32(m: Lanes, key: Operand, counter: Operand) -> Operand:
    """Return both random words of a key and a counter in one."""
    first, second = _pair(m, key, counter)
    words = m.of(INT32)
    if isinstance(first, int) and isinstance(second, int):
        return words.operand(first ^ second)
    return words.xor(first, second)


def random64(m: Lanes, key: Operand, counter: Operand) -> Operand:
    """Return both random words of a key and a counter, the first one above."""
    first, second = _pair(m, key, counter)
    if isinstance(first, int) or isinstance(second, int):
        found = of_numbers(*(int(x.value) for x in (key, counter) if isinstance(x, Literal)))
        return m.operand(found[0] << 32 | found[1])
    return m.or_(m.shl(m.cast(first), 32), m.and_(m.cast(second), (1 << 32) - 1))


def _pair(m: Lanes, key: Operand, counter: Operand) -> tuple[Half, Half]:
    words = m.of(INT32)

    def rotate(word: Half, count: int) -> Half:
        if isinstance(word, int):
            return NUMBERS.rotate(word, count)
        return words.or_(words.shl(word, count), words.lshr(word, 32 - count))

    arithmetic = Words(_or_number(NUMBERS.add, words.add), _or_number(NUMBERS.xor, words.xor), rotate)
    return threefry(arithmetic, _halves(m, key), _halves(m, counter))


def _or_number(of_numbers: Callable[[int, int], int], of_words: Callable[..., Half]) -> Callable[..., Half]:
    def found(x: Half, y: Half) -> Half:
        if isinstance(x, int) and isinstance(y, int):
            return of_numbers(x, y)
        return of_words(x, y)

    return found


def _halves(m: Lanes, x: Operand) -> tuple[Half, Half]:
    if isinstance(x, Literal):
        return int(x.value) >> 32 & 0xFFFFFFFF, int(x.value) & 0xFFFFFFFF
    words = m.of(INT32)
    return words.cast(m.lshr(x, 32)), words.cast(x)
