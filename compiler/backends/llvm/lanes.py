"""One arithmetic for scalars and vectors: the few LLVM instructions from which the mathematics is built.

Every value is a `float`, a `double` or a vector of them; a Python float stands for the constant in every
lane. No instruction carries a fast-math flag. Nothing depends on the number of lanes, so a scalar tail has
the bits of the body.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from compiler.backends.llvm.jit.engine import Target
from compiler.backends.llvm.jit.untyped import Builder, Type, Value, binding, ir
from compiler.errors import DTypeError

Operand: TypeAlias = Any  # a Value, or a Python float for the same constant in every lane

SPLAT_SINCE = 19  # the LLVM release whose text form knows `splat (float 1.0)`, many times shorter to parse


@dataclass(frozen=True)
class Format:
    """A binary interchange format of IEEE 754: widths in bits."""

    name: str
    width: int
    mantissa: int

    @property
    def bias(self) -> int:
        return (1 << (self.width - self.mantissa - 2)) - 1

    @property
    def largest(self) -> float:
        return 2.0**self.bias * (2.0 - 2.0**-self.mantissa)

    @property
    def smallest_normal(self) -> float:
        return 2.0 ** (1 - self.bias)

    @property
    def exponent_mask(self) -> int:
        """Return sign and exponent, as a signed integer."""
        return -(1 << self.mantissa)

    def bits(self, number: float) -> int:
        """Return the pattern of `number` as an unsigned integer."""
        code = "<f" if self.width == 32 else "<d"
        return int.from_bytes(struct.pack(code, number), "little")


FORMATS = {"float32": Format("float32", 32, 23), "float64": Format("float64", 64, 52)}


@dataclass(frozen=True)
class Instructions:
    """What the target offers beyond plain arithmetic. Results do not depend on `avx512`; on `fma` they do.

    `fma`: a fused multiply-add instruction; without it LLVM would call the C library once a lane, so mul
    and add are emitted. `avx512`: AVX-512 F and VL, which scale by powers of two and take exponents apart
    in one instruction. `saturates`: a conversion to integers takes numbers out of range to the nearest there
    is, and NaN to 0; elsewhere all of them become the smallest integer.
    """

    fma: bool = True
    avx512: bool = False
    saturates: bool = False

    @classmethod
    def of(cls, target: Target) -> Instructions:
        """What `target` has."""
        return cls(fma=target.has_fma, avx512=target.vector_bytes == 64, saturates=target.is_arm)


class Lanes:
    """Emits arithmetic on `lanes` numbers at once (0: on one scalar) at the builder's position.

    Raises:
        DTypeError: the dtype is neither float32 nor float64.
    """

    def __init__(self, builder: Builder, dtype: str, lanes: int, instructions: Instructions) -> None:
        if dtype not in FORMATS:
            raise DTypeError(f"vectorised mathematics is for float32 and float64, not {dtype}")
        self.builder, self.lanes, self.instructions = builder, lanes, instructions
        self.format = FORMATS[dtype]
        self.scalar_float = ir.FloatType() if self.format.width == 32 else ir.DoubleType()
        self.scalar_integer = ir.IntType(self.format.width)
        self.float_type = ir.VectorType(self.scalar_float, lanes) if lanes else self.scalar_float
        self.integer_type = ir.VectorType(self.scalar_integer, lanes) if lanes else self.scalar_integer
        self.suffix = f"v{lanes}f{self.format.width}" if lanes else f"f{self.format.width}"

    def constant(self, number: float) -> Value:
        """Return `number`, rounded to the dtype, in every lane."""
        return self._splat(ir.Constant(self.scalar_float, number), self.float_type)

    def integer(self, number: int) -> Value:
        """Return the integer as wide as the dtype in every lane."""
        return self._splat(ir.Constant(self.scalar_integer, number), self.integer_type)

    def _splat(self, one: Value, vector_type: Type) -> Value:
        if not self.lanes:
            return one
        if binding.llvm_version_info[0] < SPLAT_SINCE:
            return ir.Constant(vector_type, [one] * self.lanes)
        splat = ir.FormattedConstant(one.type, f"splat ({one})")
        splat.type = vector_type  # at construction llvmlite would take the text for a sequence of lanes
        return splat

    def value(self, operand: Operand) -> Value:
        return self.constant(operand) if isinstance(operand, int | float) else operand

    def call(self, name: str, result: Type, arguments: Sequence[Value]) -> Value:
        """Call the function or intrinsic `name`, declaring it in the module when it is new there."""
        known = self.builder.module.globals.get(name)
        function = known or ir.Function(
            self.builder.module, ir.FunctionType(result, [a.type for a in arguments]), name
        )
        return self.builder.call(function, arguments)

    def unary(self, intrinsic: str, a: Operand) -> Value:
        """Call one of LLVM's overloaded intrinsics of one argument, such as `sqrt`."""
        return self.call(f"llvm.{intrinsic}.{self.suffix}", self.float_type, [self.value(a)])

    def add(self, a: Operand, b: Operand) -> Value:
        return self.builder.fadd(self.value(a), self.value(b))

    def sub(self, a: Operand, b: Operand) -> Value:
        return self.builder.fsub(self.value(a), self.value(b))

    def mul(self, a: Operand, b: Operand) -> Value:
        return self.builder.fmul(self.value(a), self.value(b))

    def div(self, a: Operand, b: Operand) -> Value:
        return self.builder.fdiv(self.value(a), self.value(b))

    def neg(self, a: Operand) -> Value:
        return self.builder.fneg(self.value(a))

    def fma(self, a: Operand, b: Operand, c: Operand) -> Value:
        """Return a*b + c, rounded once where the target fuses and twice where it does not."""
        if not self.instructions.fma:
            return self.add(self.mul(a, b), c)
        return self.call(f"llvm.fma.{self.suffix}", self.float_type, [self.value(v) for v in (a, b, c)])

    def horner(self, coefficients: Sequence[float], x: Value) -> Value:
        """Evaluate the polynomial whose constant term comes first; two coefficients at least."""
        total = self.fma(x, coefficients[-1], coefficients[-2])
        for c in reversed(coefficients[:-2]):
            total = self.fma(x, total, c)
        return total

    def grouped(self, coefficients: Sequence[float], x: Value, square: Value, fourth: Value) -> Value:
        """Evaluate a polynomial given x, x^2 and x^4, constant term first.

        Neighbours are joined by x, then by x^2, the rest by Horner's rule in x^4 (after G. Estrin,
        "Organization of computer systems", 1960). Horner's rule alone would round once a coefficient where
        the highest terms lead, and wait for each.
        """
        terms = [self.value(c) for c in coefficients]
        for power in (x, square):
            joined = [self.fma(power, high, low) for low, high in zip(terms[::2], terms[1::2], strict=False)]
            terms = joined + terms[len(joined) * 2 :]
        total = terms[-1]
        for term in reversed(terms[:-1]):
            total = self.fma(fourth, total, term)
        return total

    def with_sign_of(self, x: Value, magnitude: Value) -> Value:
        """Return |magnitude| with the sign of x."""
        return self.call(f"llvm.copysign.{self.suffix}", self.float_type, [magnitude, x])

    def compare(self, relation: str, a: Operand, b: Operand) -> Value:
        """Compare; false where either is NaN, except `!=`, which is then true."""
        emit = self.builder.fcmp_unordered if relation == "!=" else self.builder.fcmp_ordered
        return emit(relation, self.value(a), self.value(b))

    def not_below(self, a: Operand, b: Operand) -> Value:
        """Whether a >= b, or either is NaN."""
        return self.builder.fcmp_unordered(">=", self.value(a), self.value(b))

    def has_sign(self, a: Value) -> Value:
        """Whether the bit of the sign is set, as in -0; a blend of vectors reads it without a comparison."""
        return self.builder.icmp_signed("<", self.bits(a), self.integer(0))

    def is_nan(self, a: Value) -> Value:
        return self.builder.fcmp_unordered("uno", a, a)

    def select(self, condition: Value, a: Operand, b: Operand) -> Value:
        return self.builder.select(condition, self.value(a), self.value(b))

    def at_least(self, x: Value, bound: float) -> Value:
        """Return max(x, bound), and NaN for NaN: an unordered comparison is false and keeps x."""
        return self.select(self.compare(">", bound, x), bound, x)

    def at_most(self, x: Value, bound: float) -> Value:
        """Return min(x, bound), and NaN for NaN."""
        return self.select(self.compare("<", bound, x), bound, x)

    def lane(self, x: Value, index: int) -> Value:
        """Return one lane of a vector as a scalar."""
        return self.builder.extract_element(x, ir.Constant(ir.IntType(32), index))

    def with_lane(self, x: Value, scalar: Value, index: int) -> Value:
        """Return the vector with one lane replaced."""
        return self.builder.insert_element(x, scalar, ir.Constant(ir.IntType(32), index))

    def bits(self, x: Value) -> Value:
        return self.builder.bitcast(x, self.integer_type)

    def from_bits(self, n: Value) -> Value:
        return self.builder.bitcast(n, self.float_type)

    @property
    def is_avx512(self) -> bool:
        """Whether the lanes fill registers of a machine with AVX-512, whose instructions take masks."""
        return self.instructions.avx512 and self.lanes * self.format.width in (128, 256, 512, 1024, 2048)

    def x86(
        self, name: str, arguments: Sequence[Value], immediate: int | None = None, where: Value | None = None
    ) -> Value | None:
        """Call the AVX-512 instruction `name`, or return None where there is none of this width.

        Lanes that are not `where` are 0. Its intrinsic takes the operands, an immediate where it has one, a
        source for masked lanes, the mask, and for 512 bits the rounding mode (4: the current one).
        """
        if not self.is_avx512:
            return None
        width = self.lanes * self.format.width
        if width > 512:
            return self._halved(name, arguments, immediate, where)
        kind = ir.IntType(max(8, self.lanes))
        mask = ir.Constant(kind, -1) if where is None else self._mask(where, kind)
        extra = [] if immediate is None else [ir.Constant(ir.IntType(32), immediate)]
        operands = [*arguments, *extra, ir.Constant(self.float_type, None), mask]
        operands += [ir.Constant(ir.IntType(32), 4)] if width == 512 else []
        suffix = "ps" if self.format.width == 32 else "pd"
        return self.call(f"llvm.x86.avx512.mask.{name}.{suffix}.{width}", self.float_type, operands)

    def _halved(
        self, name: str, arguments: Sequence[Value], immediate: int | None, where: Value | None
    ) -> Value | None:
        """The instruction on either half of lanes that fill several registers."""
        count = self.lanes // 2
        half = Lanes(self.builder, self.format.name, count, self.instructions)

        def part(first: int) -> Value | None:
            given = [_some(self.builder, item, first, count) for item in arguments]
            chosen = None if where is None else _some(self.builder, where, first, count)
            return half.x86(name, given, immediate, chosen)

        return _shuffled(self.builder, part(0), part(count), range(self.lanes))

    def _mask(self, where: Value, kind: Type) -> Value:
        bits = self.builder.bitcast(where, ir.IntType(self.lanes))
        return bits if self.lanes == kind.width else self.builder.zext(bits, kind)


def _some(builder: Builder, vector: Value, first: int, count: int) -> Value:
    """Some neighbouring lanes of a vector."""
    return _shuffled(builder, vector, ir.Constant(vector.type, ir.Undefined), range(first, first + count))


def _shuffled(builder: Builder, one: Value, other: Value, lanes: Sequence[int]) -> Value:
    kind = ir.VectorType(ir.IntType(32), len(lanes))
    return builder.shuffle_vector(one, other, ir.Constant(kind, list(lanes)))
