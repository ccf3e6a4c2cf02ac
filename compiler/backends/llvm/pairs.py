"""sigmoid(x) and sigmoid(-x), which a function and its slope need, by one exponential and one division.

    h = sigmoid(-|x|),   sigmoid(x) = 1 - h where x >= 0, and h elsewhere

Nothing cancels, since h is at most 1/2. It is how `exponentials.sigmoid` computes one alone: the bits are the
same with and without the other.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from compiler.backends.llvm.forms import Form, Member
from compiler.ir.formula.tape import Const, Line, Ref, TypedLine
from compiler.ir.types import BOOL, DType

Value = Hashable
"""What a line of a member is: equal for equal lines of equal values."""


def pair(form: Form) -> Form:
    """The form in which sigmoids of both signs of one value, in whatever members, share what is dear."""
    signs: dict[Value, set[bool]] = {}
    for member in form.members:
        for line, values in _sigmoids(member):
            base, is_negative = _base(member, line, values)
            signs.setdefault(base, set()).add(is_negative)
    both = {base for base, found in signs.items() if len(found) == 2}
    if not both:
        return form
    return replace(form, members=tuple(_written(member, both) for member in form.members))


def _sigmoids(member: Member) -> list[tuple[TypedLine, list[Value]]]:
    if not any(typed.line.atom == "sigmoid" for typed in member.lines):
        return []
    values = _values(member)
    return [(typed, values) for typed in member.lines if typed.line.atom == "sigmoid"]


def _values(member: Member) -> list[Value]:
    found: list[Value] = list(zip(member.sources, member.dtypes, strict=True))
    for typed in member.lines:
        arguments = [found[ref] if isinstance(ref, int) else ref for ref in typed.line.arguments]
        found.append((typed.line.atom, typed.reads, typed.dtype, *arguments))
    return found


def _base(member: Member, typed: TypedLine, values: list[Value]) -> tuple[Value, bool]:
    """The value of which, or of whose negative, a line is the sigmoid."""
    (argument,) = typed.line.arguments
    if not isinstance(argument, int):
        return argument, False
    opposite = _opposite(member, argument)
    return (values[argument], False) if opposite is None else (_at(opposite, values), True)


def _opposite(member: Member, ref: int) -> Ref | None:
    """What a value is the negative of."""
    first = len(member.sources)
    line = member.lines[ref - first].line if ref >= first else None
    return line.arguments[0] if line is not None and line.atom == "neg" else None


def _at(ref: Ref, values: list[Value]) -> Value:
    return values[ref] if isinstance(ref, int) else ref


def _written(member: Member, both: set[Value]) -> Member:
    """The member with each sigmoid of such a value in two branches, and the product of both without."""
    chosen = {id(typed) for typed, values in _sigmoids(member) if _base(member, typed, values)[0] in both}
    return _Writing(member, chosen).run() if chosen else member


class _Writing:
    """A member that is written anew."""

    def __init__(self, member: Member, chosen: set[int]) -> None:
        self.member = member
        self.chosen = chosen
        self.lines: dict[TypedLine, int] = {}
        self.places: list[Ref] = list(range(len(member.sources)))
        self.halves: dict[Ref, tuple[Ref, bool]] = {}
        """Of a sigmoid that is written so, the value and whether it is that of its negative."""

    def run(self) -> Member:
        for typed in self.member.lines:
            self.places.append(self.sigmoid(typed) if id(typed) in self.chosen else self.copy(typed))
        return replace(self.member, lines=tuple(self.lines), result=self.moved(self.member.result))

    def moved(self, ref: Ref) -> Ref:
        return self.places[ref] if isinstance(ref, int) else ref

    def emit(self, atom: str, dtype: DType, *arguments: Ref, reads: DType) -> Ref:
        typed = TypedLine(Line(atom, arguments), reads, dtype)
        return self.lines.setdefault(typed, len(self.member.sources) + len(self.lines))

    def copy(self, typed: TypedLine) -> Ref:
        arguments = [self.moved(ref) for ref in typed.line.arguments]
        halves = [self.halves.get(ref) for ref in arguments]
        if typed.line.atom == "mul" and None not in halves and len(set(halves)) == 2:
            (one, _), (other, _) = (half for half in halves if half is not None)
            if one == other:
                return self.emit("mul", typed.dtype, *self.parts(one, typed.dtype), reads=typed.reads)
        return self.emit(typed.line.atom, typed.dtype, *arguments, reads=typed.reads)

    def sigmoid(self, typed: TypedLine) -> Ref:
        (argument,), dtype = typed.line.arguments, typed.dtype
        opposite = _opposite(self.member, argument) if isinstance(argument, int) else None
        base = self.moved(argument if opposite is None else opposite)
        high, low = self.parts(base, dtype)
        branches = (high, low) if opposite is None else (low, high)
        is_high = self.emit("ge", BOOL, base, Const(0.0), reads=dtype)
        value = self.emit("where", dtype, is_high, *branches, reads=dtype)
        self.halves[value] = base, opposite is not None
        return value

    def parts(self, base: Ref, dtype: DType) -> tuple[Ref, Ref]:
        """The larger and the smaller of the two sigmoids."""
        size = self.emit("abs", dtype, base, reads=dtype)
        low = self.emit("sigmoid", dtype, self.emit("neg", dtype, size, reads=dtype), reads=dtype)
        return self.emit("sub", dtype, Const(1.0), low, reads=dtype), low
