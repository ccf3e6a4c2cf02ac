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
    """The member with each sigmoid of such a value in two branches."""
    chosen = {id(typed) for typed, values in _sigmoids(member) if _base(member, typed, values)[0] in both}
    if not chosen:
        return member
    lines: list[TypedLine] = []
    places: list[Ref] = list(range(len(member.sources)))

    def emit(atom: str, dtype: DType, *arguments: Ref, reads: DType) -> Ref:
        lines.append(TypedLine(Line(atom, arguments), reads, dtype))
        return len(member.sources) + len(lines) - 1

    for typed in member.lines:
        arguments = [places[ref] if isinstance(ref, int) else ref for ref in typed.line.arguments]
        if id(typed) not in chosen:
            places.append(emit(typed.line.atom, typed.dtype, *arguments, reads=typed.reads))
            continue
        dtype, argument = typed.dtype, arguments[0]
        (original,) = typed.line.arguments
        opposite = _opposite(member, original) if isinstance(original, int) else None
        base = argument if opposite is None else places[opposite] if isinstance(opposite, int) else opposite
        size = emit("abs", dtype, base, reads=dtype)
        low = emit("sigmoid", dtype, emit("neg", dtype, size, reads=dtype), reads=dtype)
        high = emit("sub", dtype, Const(1.0), low, reads=dtype)
        is_high = emit("ge", BOOL, argument, Const(0.0), reads=dtype)
        places.append(emit("where", dtype, is_high, high, low, reads=dtype))
    result = places[member.result] if isinstance(member.result, int) else member.result
    return replace(member, lines=tuple(lines), result=result)
