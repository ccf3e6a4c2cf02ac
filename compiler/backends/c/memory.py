"""Loads and stores: whole vectors, one element in every lane, and lanes that lie apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compiler.backends.c.registers import IN_MEMORY, Registers, Term, Type, type_of
from compiler.backends.c.values import Values, moved
from compiler.ir.types import BOOL, DType
from compiler.loops.language import Load, Ref, Store, Value, lanes_of


def load_text(values: Values, stmt: Load) -> Term:
    """The loaded value."""
    ref, dtype = stmt.ref, stmt.ref.memory.dtype
    kind = type_of(stmt.value.dtype, stmt.value.lanes)
    if stmt.mask is None and not (kind.lanes and (_has_places(ref) or ref.step != 0)):
        return values.registers.spread(_element(values, ref, stmt.value.dtype), kind)
    access = _access(values, "load", "gather", ref, dtype, stmt.mask)
    return access.loaded(_Part(kind, values.place(ref), *_beside(values, stmt, kind)))


def store_text(values: Values, stmt: Store) -> list[str]:
    """The statements that store a value."""
    ref, dtype, registers = stmt.ref, stmt.ref.memory.dtype, values.registers
    lanes = stmt.mask.lanes if stmt.mask is not None else lanes_of(stmt)
    kind = type_of(stmt.operand.dtype, lanes)
    value = values.operand(stmt.operand, lanes)
    if not kind.lanes and stmt.mask is None:
        return [f"{values.element(ref)} = {value.text};"]
    value = registers.truth(value, kind) if dtype is BOOL else registers.spread(value, kind)
    if stmt.first:
        return _first(registers, _word("store", dtype), kind, values.place(ref), value, stmt.first)
    access = _access(values, "store", "scatter", ref, dtype, stmt.mask)
    terms, count = _beside(values, stmt, kind)
    return access.stored(_Part(kind, values.place(ref), [*terms, value], count))


def _element(values: Values, ref: Ref, dtype: DType) -> Term:
    """One element, a truth from its byte."""
    text = values.element(ref)
    return Term(f"({text} != 0)" if dtype is BOOL else text, Type(type_of(dtype, 0).element))


def _beside(values: Values, stmt: Load | Store, kind: Type) -> tuple[list[Term], str]:
    """The places and the mask, if there are any; or of a mask of the first lanes, how many those are."""
    ref, found = stmt.ref, list[Term]()
    if _has_places(ref) and ref.at is not None:
        found.append(values[ref.at])
    count = _count(values, ref, stmt.mask)
    if stmt.mask is not None and not count:
        found.append(values.registers.truth(values[stmt.mask], kind))
    return found, count


def _count(values: Values, ref: Ref, mask: Value | None) -> str:
    """How many of the first lanes exist, where they are neighbours; empty where a mask is asked."""
    is_plain = ref.step == 1 and not _has_places(ref) and ref.memory.dtype not in IN_MEMORY
    return values.counts.get(mask, "") if mask is not None and is_plain else ""


def _has_places(ref: Ref) -> bool:
    """Whether the lanes of a vector have a place each."""
    return ref.at is not None and ref.at.lanes > 1


def _word(name: str, dtype: DType) -> str:
    if dtype is BOOL:
        return f"{name}_truth"
    return f"{name}_{IN_MEMORY[dtype]}" if dtype in IN_MEMORY else name


def _access(values: Values, walked: str, placed: str, ref: Ref, dtype: DType, mask: Value | None) -> _Access:
    has_places = _has_places(ref)
    word = _word(placed if has_places else walked, dtype)
    if not has_places and ref.step != 1:
        word += "_by"
    if mask is not None:
        word += "_first" if _count(values, ref, mask) else "_where"
    step, scale = ("", values.number(ref.stride)) if has_places else (values.number(ref.step), "1")
    return _Access(values.registers, word, step, scale)


@dataclass(frozen=True)
class _Part:
    """Some lanes of a vector: where they are, what is given beside, and how many exist, if that is said."""

    kind: Type
    place: str
    terms: Sequence[Term]
    count: str = ""


@dataclass(frozen=True)
class _Access:
    """A helper, the distance of lanes, and what places are multiplied by."""

    registers: Registers
    word: str
    step: str
    scale: str

    def loaded(self, part: _Part) -> Term:
        """The expression of some lanes."""
        if not self.is_wide(part):
            return Term(self.call(part), part.kind)
        low, high = map(self.loaded, self.halves(part))
        return self.registers.joined(part.kind, low, high)

    def stored(self, part: _Part) -> list[str]:
        """The statements of some lanes."""
        if not self.is_wide(part):
            return [self.call(part) + ";"]
        return [text for half in self.halves(part) for text in self.stored(half)]

    def is_wide(self, part: _Part) -> bool:
        """Whether anything is wider than a register."""
        return any(map(self.registers.is_wide, (part.kind, *(term.type for term in part.terms))))

    def halves(self, part: _Part) -> tuple[_Part, _Part]:
        """Both halves, the second further on."""
        half, lanes = part.kind.half, part.kind.half.lanes
        low, high = (
            [self.registers.part(term, is_high=is_high) for term in part.terms] for is_high in (False, True)
        )
        behind = moved(part.place, [(str(lanes), self.step)]) if self.step else part.place
        left = part.count and f"{part.count} - {lanes}"
        return _Part(half, part.place, low, part.count), _Part(half, behind, high, left)

    def call(self, part: _Part) -> str:
        """The helper's call."""
        texts = [term.text for term in part.terms]
        if self.scale != "1":
            texts[0] = f"{texts[0]} * {self.scale}"
        if "_by" in self.word:
            texts.insert(0, self.step)
        if part.count:
            texts.insert(0, part.count)
        return f"{self.word}_{part.kind.name}({', '.join([part.place, *texts])})"


def _first(registers: Registers, word: str, kind: Type, place: str, value: Term, count: int) -> list[str]:
    """The first lanes, in pieces of 2^k lanes, the largest first."""
    if not count:
        return []
    if count == max(1, kind.lanes) and not registers.is_wide(kind):
        return [f"{word}_{kind.name}({place}, {value.text});"]
    half = kind.half
    low, high = (registers.part(value, is_high=is_high) for is_high in (False, True))
    size = half.lanes or 1
    if count < size:
        return _first(registers, word, half, place, low, count)
    behind = moved(place, [(str(size), "1")])
    return [
        *_first(registers, word, half, place, low, size),
        *_first(registers, word, half, behind, high, count - size),
    ]
