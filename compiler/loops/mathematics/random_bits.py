"""Random bits in lanes: Threefry on words of 32 bits (`compiler.ir.formula.threefry`)."""

from __future__ import annotations

from compiler.ir.formula.threefry import Words, threefry
from compiler.ir.types import INT32
from compiler.loops.mathematics.words import Lanes, Operand


def random32(m: Lanes, key: Operand, counter: Operand) -> Operand:
    """Return both random words of a key and a counter in one."""
    first, second = _pair(m, key, counter)
    return m.of(INT32).xor(first, second)


def random64(m: Lanes, key: Operand, counter: Operand) -> Operand:
    """Return both random words of a key and a counter, the first one above."""
    first, second = _pair(m, key, counter)
    return m.or_(m.shl(m.cast(first), 32), m.and_(m.cast(second), (1 << 32) - 1))


def _pair(m: Lanes, key: Operand, counter: Operand) -> tuple[Operand, Operand]:
    words = m.of(INT32)

    def rotate(word: Operand, count: int) -> Operand:
        return words.or_(words.shl(word, count), words.lshr(word, 32 - count))

    return threefry(Words(words.add, words.xor, rotate), _halves(m, key), _halves(m, counter))


def _halves(m: Lanes, x: Operand) -> tuple[Operand, Operand]:
    words = m.of(INT32)
    return words.cast(m.lshr(x, 32)), words.cast(x)
