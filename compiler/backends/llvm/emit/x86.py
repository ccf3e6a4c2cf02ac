"""AVX-512's instructions that scale by powers of two and take exponents apart, on 128 to 2048 bits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from compiler.backends.llvm.emit import words
from compiler.backends.llvm.jit.building import Builder
from compiler.backends.llvm.jit.kinds import Constant, Value, f64, i32, integer, numbers_of, zero

_FROM_THREE_QUARTERS: Final = 3
"""getmant's interval [3/4, 3/2)."""
_NAN_BELOW_ZERO: Final = 3 << 2
"""Its sign control: NaN for negative numbers, +1 for both zeros."""
_CURRENT_ROUNDING: Final = 4


def scalef(builder: Builder, where: Value, x: Value, k: Value) -> Value:
    """x * 2^k, 0 where not `where`."""
    return _masked(builder, "scalef", [x, k], None, where)


def getmant(builder: Builder, x: Value) -> Value:
    """The mantissa of x in [3/4, 3/2), NaN for negative numbers."""
    return _masked(builder, "getmant", [x], _FROM_THREE_QUARTERS | _NAN_BELOW_ZERO, None)


def getexp(builder: Builder, x: Value) -> Value:
    """The exponent of x, as a float."""
    return _masked(builder, "getexp", [x], None, None)


def _masked(
    builder: Builder, name: str, operands: Sequence[Value], immediate: int | None, where: Value | None
) -> Value:
    """The instruction, or two on halves of lanes that fill several registers.

    Its intrinsic takes the operands, an immediate where it has one, a source for masked lanes, the mask, and
    for 512 bits the rounding mode.
    """
    kind = operands[0].type
    width = kind.count * words.element_bytes(kind.element) * 8
    if width > 512:
        return _halved(builder, name, operands, immediate, where)
    extra = [] if immediate is None else [Constant(i32, immediate)]
    arguments = [*operands, *extra, zero(kind), _mask(builder, where, kind.count)]
    arguments += [Constant(i32, _CURRENT_ROUNDING)] if width == 512 else []
    suffix = "pd" if kind.element == f64 else "ps"
    return words.intrinsic(builder, f"llvm.x86.avx512.mask.{name}.{suffix}.{width}", kind, arguments)


def _halved(
    builder: Builder, name: str, operands: Sequence[Value], immediate: int | None, where: Value | None
) -> Value:
    count = operands[0].type.count // 2

    def half(first: int) -> Value:
        given = [words.some_lanes(builder, item, first, count) for item in operands]
        chosen = None if where is None or _is_true(where) else words.some_lanes(builder, where, first, count)
        return _masked(builder, name, given, immediate, chosen)

    return builder.shuffle_vector(half(0), half(count), numbers_of(i32, *range(2 * count)))


def _mask(builder: Builder, where: Value | None, lanes: int) -> Value:
    kind = integer(max(8, lanes))
    if where is None or _is_true(where):
        return Constant(kind, -1)
    bits = builder.bitcast(where, integer(lanes))
    return bits if lanes == kind.width else builder.zext(bits, kind)


def _is_true(where: Value) -> bool:
    """Whether a mask is the literal true."""
    return isinstance(where, Constant)


def hidden(builder: Builder, number: Value, lanes: int) -> Value:
    """A number in every lane, of which LLVM does not know which one it is."""
    found = builder.hidden(number, "=x,0")
    return words.splat(builder, found, lanes) if lanes else found
