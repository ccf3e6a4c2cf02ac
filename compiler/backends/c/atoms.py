"""Each atom of machines as an expression in C: one line of a table each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from compiler.backends.c.registers import Registers, Term, Type, type_of
from compiler.ir.types import BOOL, DType


class Site(NamedTuple):
    """Where an atom is written: the dtype that it reads, and the dtype and lanes of its value."""

    registers: Registers
    reads: DType
    dtype: DType
    lanes: int

    @property
    def type(self) -> Type:
        """The type of the value; of a truth, the narrow one."""
        return type_of(self.dtype, self.lanes)

    def each(self, kind: Type, terms: Sequence[Term], template: str, *, spread: bool = True) -> Term:
        """A value of a type, made of operands in registers, lane by lane.

        The template says `{kind}`, the type of what is made at once, `{of}`, the lanes of that as types end
        in them, and the operands by number. Literals may stay scalars beside vectors where not `spread`.
        """
        registers, is_mixed = self.registers, not all(term.is_literal for term in terms)

        def made(piece: Type, parts: Sequence[Term]) -> str:
            lanes = piece.name.removeprefix(piece.element)
            if spread or not is_mixed:
                parts = [registers.spread(part, piece) for part in parts]
            return template.format(*(part.text for part in parts), kind=piece.name, of=lanes)

        return registers.pieces(kind, terms, made)

    def truths(self, terms: Sequence[Term]) -> list[Term]:
        """Truths, all as wide as the first that is no literal."""
        kind = next((term.type for term in terms if term.type.lanes), self.type)
        return [self.registers.truth(term, kind) for term in terms]


Rule: TypeAlias = Callable[[Site, Sequence[Term]], Term]


def _infix(mark: str) -> Rule:
    def rule(site: Site, terms: Sequence[Term]) -> Term:
        template = f"{{0}} {mark} {{1}}"
        if site.reads is BOOL:
            terms = site.truths(terms)
            return site.each(terms[0].type, terms, template)
        if not site.lanes and all(term.is_literal for term in terms):
            template = f"({{kind}}){template}"
        return site.each(site.type, terms, template, spread=False)

    return rule


def _shift(mark: str) -> Rule:
    def rule(site: Site, terms: Sequence[Term]) -> Term:
        plain = f"(u{8 * site.reads.size}{{of}})"
        return site.each(site.type, terms, f"({{kind}})({plain}{{0}} {mark} {plain}{{1}})")

    return rule


def _compare(mark: str) -> Rule:
    def rule(site: Site, terms: Sequence[Term]) -> Term:
        if site.reads is BOOL:
            return _of_truths(site, terms, mark)
        return site.each(type_of(site.reads, site.lanes).truth, terms, f"{{0}} {mark} {{1}}")

    return rule


def _of_truths(site: Site, terms: Sequence[Term], mark: str) -> Term:
    """A comparison of truths, of which true is the greater: in lanes it is -1."""
    terms = site.truths(terms)
    if terms[0].type.lanes:
        mark = mark.translate(str.maketrans("<>", "><"))
    return site.each(terms[0].type, terms, f"{{0}} {mark} {{1}}")


def _not_less(site: Site, terms: Sequence[Term]) -> Term:
    kind = type_of(site.reads, site.lanes).truth
    return site.each(kind, terms, f"{'~' if kind.lanes else '!'}({{0}} < {{1}})")


def _unsigned_less(site: Site, terms: Sequence[Term]) -> Term:
    plain = f"(u{8 * site.reads.size}{{of}})"
    return site.each(type_of(site.reads, site.lanes).truth, terms, f"{plain}{{0}} < {plain}{{1}}")


def _call(name: str) -> Rule:
    """A helper that ends in the type of the value."""

    def rule(site: Site, terms: Sequence[Term]) -> Term:
        operands = ", ".join(f"{{{number}}}" for number in range(len(terms)))
        return site.each(site.type, terms, f"{name}_{{kind}}({operands})")

    return rule


def _is_nan(site: Site, terms: Sequence[Term]) -> Term:
    return site.each(type_of(site.reads, site.lanes).truth, terms, "{0} != {0}")


def _negative(site: Site, terms: Sequence[Term]) -> Term:
    return site.each(site.type, terms, "-({0})" if terms[0].is_literal else "-{0}")


def _not(site: Site, terms: Sequence[Term]) -> Term:
    (term,) = site.truths(terms) if site.reads is BOOL else terms
    return site.each(term.type, [term], "!{0}" if site.reads is BOOL and not term.type.lanes else "~{0}")


def _where(site: Site, terms: Sequence[Term]) -> Term:
    where, *items = site.truths(terms) if site.reads is BOOL else terms
    kind = items[0].type if site.reads is BOOL else site.type
    if not kind.lanes:
        return site.each(kind, [where, *items], "{0} ? {1} : {2}")
    return site.each(kind, [site.registers.truth(where, kind), *items], "select_{kind}({0}, {1}, {2})")


def _bits(site: Site, terms: Sequence[Term]) -> Term:
    return site.each(site.type, terms, f"bits_{type_of(site.reads, 0).element}{{of}}({{0}})")


def _half(site: Site, terms: Sequence[Term]) -> Term:
    return site.each(site.type, terms, "half_f32{of}({0})")


def _cast(site: Site, terms: Sequence[Term]) -> Term:
    (term,) = terms
    if site.reads is BOOL and term.type.lanes:
        term = site.each(term.type, [term], "(-{0})")
    return site.registers.spread(site.registers.cast(term, site.type.element), site.type)


def _splat(site: Site, terms: Sequence[Term]) -> Term:
    (term,) = terms
    if site.reads is BOOL and site.lanes and not term.is_literal:
        term = Term(f"-{term.text}", term.type)
    return site.registers.spread(term, site.type)


def _lanes(site: Site, terms: Sequence[Term]) -> Term:
    return _counted(site, "lanes", site.type, terms[0].text, "+")


def _first(site: Site, terms: Sequence[Term]) -> Term:
    return _counted(site, "first", site.type, terms[0].text, "-")


def _counted(site: Site, name: str, kind: Type, start: str, sign: str) -> Term:
    """A vector whose lanes are counted from a number."""
    if not site.registers.is_wide(kind):
        return Term(f"{name}_{kind.name}({start})", kind)
    half = kind.half
    behind = f"{start} {sign} {half.lanes}"
    low, high = (_counted(site, name, half, at, sign) for at in (start, behind))
    return site.registers.joined(kind, low, high)


def first_lanes(registers: Registers, count: str, lanes: int) -> Term:
    """The truths of the first so many lanes."""
    return _first(Site(registers, BOOL, BOOL, lanes), [Term(count, Type("i64"))])


def _part(*, is_high: bool) -> Rule:
    def rule(site: Site, terms: Sequence[Term]) -> Term:
        part = site.registers.part(terms[0], is_high=is_high)
        is_truth = site.reads is BOOL and not part.type.lanes
        return Term(f"-{part.text}", part.type) if is_truth else part

    return rule


def _every_other(name: str) -> Rule:
    """Lanes of one vector and of another behind it: of a pair, half of one and half of the other."""

    def chosen(registers: Registers, a: Term, b: Term) -> Term:
        if not registers.is_wide(a.type):
            return Term(f"{name}_{a.type.name}({a.text}, {b.text})", a.type)
        low, high = (
            chosen(registers, *(registers.part(item, is_high=is_high) for is_high in (False, True)))
            for item in (a, b)
        )
        return registers.joined(a.type, low, high)

    def rule(site: Site, terms: Sequence[Term]) -> Term:
        return chosen(site.registers, *(site.truths(terms) if site.reads is BOOL else terms))

    return rule


def _zip(*, is_high: bool) -> Rule:
    """Lanes of two halves in turn: of pairs, the lanes of two halves make both halves of a pair."""

    def chosen(registers: Registers, a: Term, b: Term, *, is_high: bool) -> Term:
        if not registers.is_wide(a.type):
            return Term(f"zip_{'high' if is_high else 'low'}_{a.type.name}({a.text}, {b.text})", a.type)
        half = [registers.part(item, is_high=is_high) for item in (a, b)]
        low, high = (chosen(registers, *half, is_high=is_high) for is_high in (False, True))
        return registers.joined(a.type, low, high)

    def rule(site: Site, terms: Sequence[Term]) -> Term:
        a, b = site.truths(terms) if site.reads is BOOL else terms
        return chosen(site.registers, a, b, is_high=is_high)

    return rule


def _lane(site: Site, terms: Sequence[Term]) -> Term:
    number, term = int(terms[0].text), terms[1]
    while site.registers.is_wide(term.type):
        is_high = number >= term.type.half.lanes
        number %= term.type.half.lanes
        term = site.registers.part(term, is_high=is_high)
    if not term.type.lanes:
        return term
    text = f"{term.text}[{number}]"
    return Term(f"-{text}", Type("i32")) if site.reads is BOOL else Term(text, Type(term.type.element))


def _of_mask(name: str, mark: str) -> Rule:
    def rule(site: Site, terms: Sequence[Term]) -> Term:
        parts = list(terms)
        while site.registers.is_wide(parts[0].type):
            parts = [
                site.registers.part(part, is_high=is_high) for part in parts for is_high in (False, True)
            ]
        together = f" {mark} ".join(part.text for part in parts)
        term = Term(f"({together})", parts[0].type) if len(parts) > 1 else parts[0]
        return Term(f"{name}_{term.type.name}({term.text})", Type("i32")) if term.type.lanes else term

    return rule


def _scalef(site: Site, terms: Sequence[Term]) -> Term:
    where, *items = terms
    found = _call("scalef")(site, items)
    if where.is_literal:
        return found
    zero = Term("0", Type(found.type.element), is_literal=True)
    where = site.registers.truth(where, found.type)

    return site.each(found.type, [where, *items, zero], "select_{kind}({0}, scalef_{kind}({1}, {2}), {3})")


RULES: Final[Mapping[str, Rule]] = {
    "add": _infix("+"),
    "sub": _infix("-"),
    "mul": _infix("*"),
    "div": _infix("/"),
    "rem": _infix("%"),
    "neg": _negative,
    "abs": _call("abs"),
    "floor": _call("floor"),
    "ceil": _call("ceil"),
    "round": _call("round"),
    "sqrt": _call("sqrt"),
    "copysign": _call("copysign"),
    "fma": _call("fma"),
    "lt": _compare("<"),
    "le": _compare("<="),
    "gt": _compare(">"),
    "ge": _compare(">="),
    "eq": _compare("=="),
    "ne": _compare("!="),
    "uge": _not_less,
    "ult": _unsigned_less,
    "isnan": _is_nan,
    "where": _where,
    "and": _infix("&"),
    "or": _infix("|"),
    "xor": _infix("^"),
    "not": _not,
    "shl": _shift("<<"),
    "lshr": _shift(">>"),
    "ashr": _infix(">>"),
    "bits": _bits,
    "from_bits": _call("from_bits"),
    "half": _half,
    "from_half": _call("from_half"),
    "cast": _cast,
    "splat": _splat,
    "lanes": _lanes,
    "first": _first,
    "low": _part(is_high=False),
    "high": _part(is_high=True),
    "evens": _every_other("evens"),
    "odds": _every_other("odds"),
    "zip_low": _zip(is_high=False),
    "zip_high": _zip(is_high=True),
    "lane": _lane,
    "any": _of_mask("any", "|"),
    "all": _of_mask("all", "&"),
    "scalef": _scalef,
    "getmant": _call("getmant"),
    "getexp": _call("getexp"),
}
"""How each atom of `compiler.loops.atoms` is written."""
