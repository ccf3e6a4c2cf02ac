"""The atoms of machines: all that a `Let` may say once a kernel is lowered.

An emitter has one line for each. An atom reads the dtype of its last operand. Those before it have it too,
but for the condition of `where`, the mask of `scalef` and the number of `lane`. A literal beside vectors
stands for itself in every lane.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from compiler.ir.types import BOOL, FLOAT32, FLOAT64, INT32, INT64, DType


class Gives(Enum):
    """The dtype of an atom's value."""

    SAME = "that which it reads"
    TRUTH = "bool"
    PLACE = "int64"
    BITS = "the integer as wide as the float"
    NUMBER = "the float as wide as the integer"
    ANY = "that of the value that is written"


class Lanes(Enum):
    """How the lanes of an atom's value follow from those of its operands."""

    EACH = "lane by lane"
    SPREAD = "a vector from a scalar"
    HALF = "half as many"
    ONE = "a scalar from a vector"


@dataclass(frozen=True, slots=True)
class Atom:
    """One atom: how many operands it has, what it reads, and its value.

    It reads f: floats, s: float32 alone, i: integers, w: int32 alone, b: bools.
    """

    name: str
    operands: int
    reads: str
    gives: Gives
    lanes: Lanes
    means: str

    def result(self, reads: DType) -> DType:
        """The dtype of its value; of a cast, which goes anywhere, the dtype that it reads."""
        return {
            Gives.TRUTH: BOOL,
            Gives.PLACE: INT64,
            Gives.BITS: INT32 if reads.size == 4 else INT64,
            Gives.NUMBER: FLOAT32 if reads.size == 4 else FLOAT64,
        }.get(self.gives, reads)


def _each(name: str, operands: int, reads: str, means: str, gives: Gives = Gives.SAME) -> Atom:
    return Atom(name, operands, reads, gives, Lanes.EACH, means)


def _test(name: str, operands: int, reads: str, means: str) -> Atom:
    return _each(name, operands, reads, means, Gives.TRUTH)


_ATOMS: Final = (
    _each("add", 2, "fi", "a + b; integers modulo 2^n, as in all that follows"),
    _each("sub", 2, "fi", "a - b"),
    _each("mul", 2, "fi", "a * b"),
    _each("div", 2, "fi", "a / b; integers are cut towards 0, and b is not 0"),
    _each("rem", 2, "i", "a - a / b * b"),
    _each("neg", 1, "fi", "-a, also of -0.0 and NaN"),
    _each("abs", 1, "f", "a without its sign"),
    _each("floor", 1, "f", "the greatest whole number that is not above a"),
    _each("ceil", 1, "f", "the least whole number that is not below a"),
    _each("round", 1, "f", "the nearest whole number, of two the even one"),
    _each("sqrt", 1, "f", "the square root, correctly rounded"),
    _each("copysign", 2, "f", "a with the sign of b"),
    _each("fma", 3, "f", "a * b + c, rounded once; only where the machine has it"),
    _test("lt", 2, "fib", "a < b; false beside NaN, as the five that follow but ne"),
    _test("le", 2, "fib", "a <= b"),
    _test("gt", 2, "fib", "a > b"),
    _test("ge", 2, "fib", "a >= b"),
    _test("eq", 2, "fib", "a = b"),
    _test("ne", 2, "fib", "a != b, or one is NaN"),
    _test("uge", 2, "f", "a >= b, or one is NaN"),
    _test("ult", 2, "i", "a < b, both read as unsigned"),
    _test("isnan", 1, "f", "whether a is NaN"),
    _each("where", 3, "fib", "b where a, else c"),
    _each("and", 2, "ib", "bit by bit"),
    _each("or", 2, "ib", "bit by bit"),
    _each("xor", 2, "ib", "bit by bit"),
    _each("not", 1, "ib", "bit by bit"),
    _each("shl", 2, "i", "a shifted left by b bits, 0 <= b < n"),
    _each("lshr", 2, "i", "a shifted right by b bits, zeros from the left"),
    _each("ashr", 2, "i", "a shifted right by b bits, its sign from the left"),
    _each("bits", 1, "f", "the pattern of a float", Gives.BITS),
    _each("from_bits", 1, "i", "the float of a pattern", Gives.NUMBER),
    _each("half", 1, "s", "the pattern of the float16 nearest to a float32; where it converts", Gives.BITS),
    _each("from_half", 1, "w", "the float32 of a float16's pattern; where it converts", Gives.NUMBER),
    _each("cast", 1, "fib", "as NumPy converts, but to bool; out of range as the machine does", Gives.ANY),
    Atom("splat", 1, "fib", Gives.SAME, Lanes.SPREAD, "a in every lane"),
    Atom("lanes", 1, "i", Gives.PLACE, Lanes.SPREAD, "a, a + 1, a + 2, ..."),
    Atom("first", 1, "i", Gives.TRUTH, Lanes.SPREAD, "true in the first a lanes"),
    Atom("low", 1, "fib", Gives.SAME, Lanes.HALF, "the first half of the lanes"),
    Atom("high", 1, "fib", Gives.SAME, Lanes.HALF, "the second half of the lanes"),
    _each("evens", 2, "fib", "lanes 0, 2, 4, ... of a and of b behind it"),
    _each("odds", 2, "fib", "lanes 1, 3, 5, ... of a and of b behind it"),
    _each("zip_low", 2, "fib", "lane 0 of a, lane 0 of b, lane 1 of a, ...: the first halves of both"),
    _each("zip_high", 2, "fib", "the second halves of both, lane by lane"),
    Atom("lane", 2, "fib", Gives.SAME, Lanes.ONE, "lane a, a literal, of b"),
    Atom("any", 1, "b", Gives.TRUTH, Lanes.ONE, "whether a lane is true"),
    Atom("all", 1, "b", Gives.TRUTH, Lanes.ONE, "whether every lane is true"),
    _each("scalef", 3, "f", "b * 2^floor(c) where a, else 0; only where the machine scales"),
    _each("getmant", 1, "f", "m in [3/4, 3/2) of a = m * 2^k; NaN below 0, 1 for 0 and inf; where it scales"),
    _each("getexp", 1, "f", "floor(log2 |a|), -inf for 0, inf for infinities; where it scales"),
)

ATOMS: Final[Mapping[str, Atom]] = {atom.name: atom for atom in _ATOMS}
"""Every atom of machines by its name."""
