"""Each atom of machines as builder calls: one line of a table each.

No instruction carries a fast-math flag, and bools are compared as unsigned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Final, NamedTuple, TypeAlias

from compiler.backends.llvm.emit import words, x86
from compiler.backends.llvm.emit.registers import constant, register
from compiler.backends.llvm.jit.building import Builder
from compiler.backends.llvm.jit.kinds import Constant, Type, Value, f16, i32, integer, numbers_of, vector_of
from compiler.ir.types import BOOL, DType


class Site(NamedTuple):
    """Where an atom is written: the dtype that it reads, and the dtype and lanes of its value."""

    builder: Builder
    reads: DType
    dtype: DType
    lanes: int
    saturates: bool
    """Whether conversions to integers take numbers out of range to the nearest there is."""

    @property
    def type(self) -> Type:
        """The type of the value."""
        return register(self.dtype, self.lanes)


Rule: TypeAlias = Callable[[Site, Sequence[Value]], Value]


def _call(method: str) -> Rule:
    """A method of the builder."""
    return lambda site, operands: getattr(site.builder, method)(*operands)


def _by_kind(of_floats: str, of_integers: str) -> Rule:
    """A method of the builder for floats, another for integers."""
    floats, integers = _call(of_floats), _call(of_integers)
    return lambda site, operands: (floats if site.reads.is_float else integers)(site, operands)


def _intrinsic(name: str) -> Rule:
    """One of LLVM's overloaded intrinsics."""

    def rule(site: Site, operands: Sequence[Value]) -> Value:
        kind = site.type
        return words.intrinsic(site.builder, f"llvm.{name}.{words.suffix(kind)}", kind, operands)

    return rule


def _compare(relation: str) -> Rule:
    def rule(site: Site, operands: Sequence[Value]) -> Value:
        builder = site.builder
        if site.reads.is_float:
            compare = builder.fcmp_unordered if relation == "!=" else builder.fcmp_ordered
        else:
            compare = builder.icmp_unsigned if site.reads is BOOL else builder.icmp_signed
        return compare(relation, *operands)

    return rule


def _cast(site: Site, operands: Sequence[Value]) -> Value:
    builder, kind, (value,) = site.builder, site.type, operands
    given, wanted = site.reads, site.dtype
    if given is BOOL:
        return builder.uitofp(value, kind) if wanted.is_float else builder.zext(value, kind)
    if given.is_float and wanted.is_float:
        return builder.fpext(value, kind) if wanted.size > given.size else builder.fptrunc(value, kind)
    if given.is_float:
        return _truncated(site, value, kind)
    if wanted.is_float:
        return builder.sitofp(value, kind)
    return builder.sext(value, kind) if wanted.size > given.size else builder.trunc(value, kind)


def _truncated(site: Site, value: Value, kind: Type) -> Value:
    """Floats rounded towards zero, to integers.

    LLVM promises nothing for numbers out of range. On x86 all instructions that it chooses give them the same
    integer; on ARM scalars saturate where vectors wrap around, unless saturation is asked for.
    """
    if not site.saturates:
        return site.builder.fptosi(value, kind)
    name = f"llvm.fptosi.sat.{words.suffix(kind)}.{words.suffix(value.type)}"
    return words.intrinsic(site.builder, name, kind, [value])


def _half(site: Site, operands: Sequence[Value]) -> Value:
    """The pattern of the nearest float16."""
    builder = site.builder
    kind, pattern = (vector_of(item, site.lanes) if site.lanes else item for item in (f16, integer(16)))
    return builder.zext(builder.bitcast(builder.fptrunc(operands[0], kind), pattern), site.type)


def _from_half(site: Site, operands: Sequence[Value]) -> Value:
    builder = site.builder
    kind, pattern = (vector_of(item, site.lanes) if site.lanes else item for item in (f16, integer(16)))
    return builder.fpext(builder.bitcast(builder.trunc(operands[0], pattern), kind), site.type)


def _splat(site: Site, operands: Sequence[Value]) -> Value:
    return words.splat(site.builder, operands[0], site.lanes) if site.lanes else operands[0]


def _lanes(site: Site, operands: Sequence[Value]) -> Value:
    steps = numbers_of(site.type.element, *range(site.lanes))
    return site.builder.add(words.splat(site.builder, operands[0], site.lanes), steps)


def _part(is_high: bool) -> Rule:
    def rule(site: Site, operands: Sequence[Value]) -> Value:
        first = site.lanes if is_high else 0
        return words.some_lanes(site.builder, operands[0], first, site.lanes)

    return rule


def _every_other(start: int) -> Rule:
    def rule(site: Site, operands: Sequence[Value]) -> Value:
        lanes = list(range(start, 2 * site.lanes, 2))
        low, high = operands
        return site.builder.shuffle_vector(low, high, numbers_of(i32, *lanes))

    return rule


def _zip(is_high: bool) -> Rule:
    @cache  # a square of vectors has as many as 64, and numbers are written once where they are one object
    def chosen(lanes: int) -> Value:
        first = lanes // 2 if is_high else 0
        pairs = [(lane, lanes + lane) for lane in range(first, first + lanes // 2)]
        return numbers_of(i32, *(lane for pair in pairs for lane in pair))

    def rule(site: Site, operands: Sequence[Value]) -> Value:
        one, two = operands
        return site.builder.shuffle_vector(one, two, chosen(site.lanes))

    return rule


def _lane(site: Site, operands: Sequence[Value]) -> Value:
    number, vector = operands
    return site.builder.extract_element(vector, number)


def _of_mask(relation: str, bits: int) -> Rule:
    """A comparison of a mask's bits with all of them or none."""

    def rule(site: Site, operands: Sequence[Value]) -> Value:
        mask = operands[0]
        if not mask.type.count:
            return mask
        whole = site.builder.bitcast(mask, integer(mask.type.count))
        return site.builder.icmp_unsigned(relation, whole, Constant(whole.type, bits))

    return rule


def _fma(site: Site, operands: Sequence[Value]) -> Value:
    """A fused multiply-add. LLVM would make an addition of one by 1, so it is not told that it is 1."""
    a, b, c = operands
    if b is constant("1.0", site.dtype, site.lanes):
        b = x86.hidden(site.builder, constant("1.0", site.dtype), site.lanes)
    return _intrinsic("fma")(site, (a, b, c))


RULES: Final[Mapping[str, Rule]] = {
    "add": _by_kind("fadd", "add"),
    "sub": _by_kind("fsub", "sub"),
    "mul": _by_kind("fmul", "mul"),
    "div": _by_kind("fdiv", "sdiv"),
    "rem": _call("srem"),
    "neg": _by_kind("fneg", "neg"),
    "abs": _intrinsic("fabs"),
    "floor": _intrinsic("floor"),
    "ceil": _intrinsic("ceil"),
    "round": _intrinsic("rint"),
    "sqrt": _intrinsic("sqrt"),
    "copysign": _intrinsic("copysign"),
    "fma": _fma,
    "lt": _compare("<"),
    "le": _compare("<="),
    "gt": _compare(">"),
    "ge": _compare(">="),
    "eq": _compare("=="),
    "ne": _compare("!="),
    "uge": lambda site, operands: site.builder.fcmp_unordered(">=", *operands),
    "ult": lambda site, operands: site.builder.icmp_unsigned("<", *operands),
    "isnan": lambda site, operands: site.builder.fcmp_unordered("uno", operands[0], operands[0]),
    "where": _call("select"),
    "and": _call("and_"),
    "or": _call("or_"),
    "xor": _call("xor"),
    "not": _call("not_"),
    "shl": _call("shl"),
    "lshr": _call("lshr"),
    "ashr": _call("ashr"),
    "bits": lambda site, operands: site.builder.bitcast(operands[0], site.type),
    "from_bits": lambda site, operands: site.builder.bitcast(operands[0], site.type),
    "half": _half,
    "from_half": _from_half,
    "cast": _cast,
    "splat": _splat,
    "lanes": _lanes,
    "first": lambda site, operands: words.lane_mask(site.builder, words.index(0), operands[0], site.lanes),
    "low": _part(is_high=False),
    "high": _part(is_high=True),
    "evens": _every_other(0),
    "odds": _every_other(1),
    "zip_low": _zip(is_high=False),
    "zip_high": _zip(is_high=True),
    "lane": _lane,
    "any": _of_mask("!=", 0),
    "all": _of_mask("==", -1),
    "scalef": lambda site, operands: x86.scalef(site.builder, *operands),
    "getmant": lambda site, operands: x86.getmant(site.builder, *operands),
    "getexp": lambda site, operands: x86.getexp(site.builder, *operands),
}
"""How each atom of `compiler.loops.atoms` is written."""
