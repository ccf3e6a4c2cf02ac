"""Formulas on scalars and vectors of every dtype, each line in the dtype that the IR states for it.

A bool is an i1 in a register and a byte in memory. Equal lines of equal values are computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from compiler.backends.llvm import emit, vector_math
from compiler.backends.llvm.jit.untyped import Builder, Type, Value, binding, ir
from compiler.backends.llvm.lanes import SPLAT_SINCE, Instructions, Lanes
from compiler.ir.formula.tape import Const, Ref, TypedLine
from compiler.ir.types import BOOL, FLOAT32, INT32, INT64, DType, Scalar

REGISTER: Final[Mapping[DType, Type]] = {
    BOOL: emit.i1,
    INT32: emit.i32,
    INT64: emit.i64,
    FLOAT32: emit.f32,
    DType.FLOAT64: emit.f64,
}
"""The scalar type of a value in a register."""

_COMPARISONS: Final = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}


def memory_type(dtype: DType) -> Type:
    """The scalar type of a value in memory."""
    return emit.i8 if dtype is BOOL else REGISTER[dtype]


class Evaluator:
    """Emits values of `lanes` elements (0: scalars) at the builder's position.

    What is remembered holds as long as the builder stays in blocks that the remembered code dominates;
    `forget` begins anew.
    """

    def __init__(self, builder: Builder, lanes: int, instructions: Instructions) -> None:
        self.builder, self.lanes, self.instructions = builder, lanes, instructions
        self._known: dict[tuple[Any, ...], Value] = {}

    def forget(self) -> None:
        """Remember nothing."""
        self._known.clear()

    def type(self, dtype: DType) -> Type:
        """The type of a value in a register."""
        scalar = REGISTER[dtype]
        return ir.VectorType(scalar, self.lanes) if self.lanes else scalar

    def constant(self, value: Scalar, dtype: DType) -> Value:
        """A literal in every lane."""
        scalar = REGISTER[dtype]
        number = float(value) if dtype.is_float else _integer(value, dtype)
        one = ir.Constant(scalar, number)
        return splatted(one, self.lanes) if self.lanes else one

    def splat(self, scalar: Value) -> Value:
        """A scalar in every lane."""
        return emit.splat(self.builder, scalar, self.lanes) if self.lanes else scalar

    def formula(
        self,
        lines: Sequence[TypedLine],
        result: Ref,
        dtype: DType,
        values: Sequence[Value],
        dtypes: Sequence[DType],
    ) -> Value:
        """The value of a formula at values of the given dtypes, converted to `dtype`."""
        known, types = list(values), list(dtypes)

        def look(ref: Ref, wanted: DType) -> Value:
            value = known[ref] if isinstance(ref, int) else ref
            if isinstance(value, Const):
                return self.constant(value.value, wanted)
            assert isinstance(ref, int)
            return self.cast(value, types[ref], wanted)

        for typed in lines:
            line = typed.line
            reads = [
                BOOL if line.atom == "where" and k == 0 else typed.reads for k in range(len(line.arguments))
            ]
            arguments = [look(ref, wanted) for ref, wanted in zip(line.arguments, reads, strict=True)]
            value = self.atom(line.atom, typed.reads, arguments)
            known.append(self.cast(value, atom_dtype(line.atom, typed.reads), typed.dtype))
            types.append(typed.dtype)
        return look(result, dtype)

    def atom(self, name: str, dtype: DType, arguments: Sequence[Value]) -> Value:
        """One atom of arguments of `dtype`."""
        key = (name, dtype, *(_key(item) for item in arguments))
        if key not in self._known:
            self._known[key] = self._atom(name, dtype, arguments)
        return self._known[key]

    def _atom(self, name: str, dtype: DType, arguments: Sequence[Value]) -> Value:
        if name == "stop":
            return arguments[0]
        if name == "pow" and dtype.is_float:
            found = self._known_power(arguments[0], arguments[1], dtype)
            if found is not None:
                return found
        if name == "xor":
            return self.builder.xor(*arguments)
        if name in ("fma", "fms"):
            x, y, z = arguments
            lanes = Lanes(self.builder, dtype.value, self.lanes, self.instructions)
            return lanes.fma(x, y, z if name == "fma" else lanes.neg(z))
        if dtype.is_float or name in ("and", "or", "not"):
            return vector_math.evaluate(
                self.builder, name, arguments, dtype.value if dtype.is_float else "float32", self.instructions
            )
        return self._of_integers(name, dtype, arguments)

    def _known_power(self, base: Value, exponent: Value, dtype: DType) -> Value | None:
        """A power with a small literal exponent, as NumPy computes it; None for any other."""
        square = self.atom("mul", dtype, [base, base])
        rules: dict[float, Callable[[], Value]] = {
            1.0: lambda: base,
            2.0: lambda: square,
            3.0: lambda: self.atom("mul", dtype, [square, base]),
            4.0: lambda: self.atom("mul", dtype, [square, square]),
            0.5: lambda: self.atom("sqrt", dtype, [base]),
            -1.0: lambda: self.atom("div", dtype, [self.constant(1.0, dtype), base]),
        }
        for number, rule in rules.items():
            if _key(exponent) == _key(self.constant(number, dtype)):
                return rule()
        return None

    def _of_integers(self, name: str, dtype: DType, arguments: Sequence[Value]) -> Value:
        builder, first = self.builder, arguments[0]
        if name in _COMPARISONS:
            compare = builder.icmp_unsigned if dtype is BOOL else builder.icmp_signed
            return compare(_COMPARISONS[name], *arguments)
        if name in ("maximum", "minimum"):
            compare = builder.icmp_unsigned if dtype is BOOL else builder.icmp_signed
            is_first = compare(">=" if name == "maximum" else "<=", *arguments)
            return builder.select(is_first, *arguments)
        zero = self.constant(0, dtype)
        rules: dict[str, Callable[[], Value]] = {
            "add": lambda: builder.add(*arguments),
            "sub": lambda: builder.sub(*arguments),
            "mul": lambda: builder.mul(*arguments),
            "zmul": lambda: builder.mul(*arguments),
            "neg": lambda: builder.sub(zero, first),
            "abs": lambda: builder.select(
                builder.icmp_signed("<", first, zero), builder.sub(zero, first), first
            ),
            "sign": lambda: self._sign(first, dtype, zero),
            "floor": lambda: first,
            "ceil": lambda: first,
            "round": lambda: first,
            "isnan": lambda: self.constant(False, BOOL),
            "where": lambda: builder.select(*arguments),
            "pow": lambda: self._power(first, arguments[1], dtype),
        }
        return rules[name]()

    def _sign(self, x: Value, dtype: DType, zero: Value) -> Value:
        builder = self.builder
        below = builder.select(builder.icmp_signed("<", x, zero), self.constant(-1, dtype), zero)
        return builder.select(builder.icmp_signed(">", x, zero), self.constant(1, dtype), below)

    def _power(self, base: Value, exponent: Value, dtype: DType) -> Value:
        """Square and multiply over the exponent's bits, modulo 2^n as integers are."""
        builder, width = self.builder, dtype.size * 8
        total, one, zero = self.constant(1, dtype), self.constant(1, dtype), self.constant(0, dtype)
        for bit in range(width - 1):
            position = self.constant(bit, dtype)
            is_set = builder.icmp_signed("!=", builder.and_(builder.lshr(exponent, position), one), zero)
            total = builder.select(is_set, builder.mul(total, base), total)
            base = builder.mul(base, base)
        return total

    def cast(self, value: Value, given: DType, wanted: DType) -> Value:
        """A value in another dtype, as NumPy converts it."""
        if given is wanted:
            return value
        key = ("cast", given, wanted, _key(value))
        if key not in self._known:
            self._known[key] = self._cast(value, given, wanted)
        return self._known[key]

    def _cast(self, value: Value, given: DType, wanted: DType) -> Value:
        builder, kind = self.builder, self.type(wanted)
        if wanted is BOOL:
            zero = self.constant(0, given)
            return (
                builder.fcmp_unordered("!=", value, zero)
                if given.is_float
                else builder.icmp_signed("!=", value, zero)
            )
        if given is BOOL:
            return builder.uitofp(value, kind) if wanted.is_float else builder.zext(value, kind)
        if given.is_float and wanted.is_float:
            return builder.fpext(value, kind) if wanted.size > given.size else builder.fptrunc(value, kind)
        if given.is_float:
            return self._truncated(value, given, wanted)
        if wanted.is_float:
            return builder.sitofp(value, kind)
        return builder.sext(value, kind) if wanted.size > given.size else builder.trunc(value, kind)

    def _truncated(self, value: Value, given: DType, wanted: DType) -> Value:
        """Floats rounded towards zero, to integers.

        LLVM promises nothing for numbers out of range. On x86 all instructions that it chooses give them the
        same integer; on ARM scalars saturate where vectors wrap around, unless saturation is asked for.
        """
        kind = self.type(wanted)
        if not self.instructions.saturates:
            return self.builder.fptosi(value, kind)
        source = Lanes(self.builder, given.value, self.lanes, self.instructions)
        integers = f"v{self.lanes}{wanted.short}" if self.lanes else wanted.short
        return source.call(f"llvm.fptosi.sat.{integers}.{source.suffix}", kind, [value])

    def from_memory(self, value: Value, dtype: DType) -> Value:
        """A loaded value as it is in registers."""
        if dtype is not BOOL:
            return value
        kind = ir.VectorType(emit.i8, self.lanes) if self.lanes else emit.i8
        return self.builder.icmp_unsigned("!=", value, ir.Constant(kind, None))

    def to_memory(self, value: Value, dtype: DType) -> Value:
        """A value as it is stored."""
        if dtype is not BOOL:
            return value
        return self.builder.zext(value, ir.VectorType(emit.i8, self.lanes) if self.lanes else emit.i8)


def splatted(one: Value, lanes: int) -> Value:
    """A constant in every lane, in the short form where LLVM's text has it."""
    kind = ir.VectorType(one.type, lanes)
    if binding.llvm_version_info[0] < SPLAT_SINCE:
        return ir.Constant(kind, [one] * lanes)
    found = ir.FormattedConstant(one.type, f"splat ({one})")
    found.type = kind  # at construction llvmlite would take the text for a sequence of lanes
    return found


def atom_dtype(name: str, reads: DType) -> DType:
    """The dtype that an atom of arguments of `reads` has here."""
    return BOOL if name in _COMPARISONS or name in ("isnan", "and", "or", "xor", "not") else reads


def _key(value: Value) -> Any:
    """Equal for equal constants, otherwise the value's identity."""
    return (str(value.type), str(value.constant)) if isinstance(value, ir.Constant) else id(value)


def _integer(value: Scalar, dtype: DType) -> int:
    if dtype is BOOL:
        return int(bool(value))
    bits = dtype.size * 8
    whole = int(value) & ((1 << bits) - 1)
    return whole - (1 << bits) if whole >> (bits - 1) else whole
