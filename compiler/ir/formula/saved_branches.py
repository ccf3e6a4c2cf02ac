"""From a form for every piece to one formula of the value, with break points mapped to values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from compiler.ir.formula.literals import Literals
from compiler.ir.formula.precise import Exact, close, evaluate_anywhere, evaluate_precisely, mpmath_context
from compiler.ir.formula.saved_pieces import Piece
from compiler.ir.formula.tape import Formula, Ref, Tape

_JOINED = 30
"""Digits to which two one-sided limits agree where the function does not jump."""
_CONVENTION = 12
"""Digits to which a form and the derivative, whose literals are rounded, agree at a break point."""


class Branches(NamedTuple):
    """The formula, and arguments whose values must be computed exactly for its conditions to be safe.

    With each, whether it is meant itself (a break point) or any number near it (on a flat piece).
    """

    derivative: Formula
    touching: tuple[tuple[Any, bool], ...]


@dataclass(slots=True)
class _Branch:
    """Pieces with one form, and the values that they take."""

    form: Formula
    pieces: list[Piece]
    low: Any
    high: Any

    @property
    def is_flat(self) -> bool:
        return all(piece.is_flat for piece in self.pieces)


class _Split(NamedTuple):
    """The value between two branches, whether it belongs to the lower one, and `Branches.touching` of it."""

    value: Any
    to_lower: bool
    touching: tuple[tuple[Any, bool], ...]


def assemble(
    formula: Formula, partial: Formula, pieces: Sequence[Piece], forms: Sequence[Formula], exact: Exact
) -> Branches | None:
    """A formula of the value that takes each piece's form where that piece's values lie.

    None where pieces of different forms share values. What comes out is a proposal that the caller proves.
    """
    branches = _merge(formula, pieces, forms)
    splits = [_split(formula, partial, lower, upper, exact) for lower, upper in pairwise(branches)]
    found = [split for split in splits if split is not None]
    if len(found) < len(splits):
        return None
    default = _branch_of_nan(partial, branches)
    touching = tuple(item for split in found for item in split.touching)
    return Branches(_write(partial.name, branches, found, default), touching)


def _merge(formula: Formula, pieces: Sequence[Piece], forms: Sequence[Formula]) -> list[_Branch]:
    """The branches in the order of their values."""
    found: list[_Branch] = []
    for piece, form in zip(pieces, forms, strict=True):
        values = [item.y for item in piece.samples] + _limits(formula, piece)
        found.append(_Branch(form, [piece], min(values), max(values)))
    found.sort(key=lambda branch: branch.low + branch.high)
    merged: list[_Branch] = []
    for branch in found:
        if merged and merged[-1].form == branch.form:
            last = merged[-1]
            merged[-1] = _Branch(
                last.form, last.pieces + branch.pieces, min(last.low, branch.low), max(last.high, branch.high)
            )
        else:
            merged.append(branch)
    return merged


def _limits(formula: Formula, piece: Piece) -> list[Any]:
    """The values just inside the ends of a piece."""
    step = mpmath_context().mpf(10) ** (-2 * _JOINED)
    inside = [] if piece.low is None else [piece.low + step]
    inside += [] if piece.high is None else [piece.high - step]
    values = [evaluate_precisely(formula, [x]) for x in inside]
    return [value for value in values if value is not None]


def _split(formula: Formula, partial: Formula, lower: _Branch, upper: _Branch, exact: Exact) -> _Split | None:
    if not close(lower.high, upper.low, _JOINED):
        return _Split((lower.high + upper.low) / 2, True, ()) if lower.high < upper.low else None
    for x in _ends(lower, upper):
        value, slope = evaluate_precisely(formula, [x]), evaluate_precisely(partial, [x])
        if value is None or slope is None or not close(value, lower.high, _JOINED):
            continue
        below = evaluate_precisely(lower.form, [value], exact)
        above = evaluate_precisely(upper.form, [value], exact)
        if below is None or above is None:
            return None
        fits_lower = close(below, slope, _CONVENTION) and not upper.is_flat
        touching = () if close(below, above, _CONVENTION) else _touching(x, lower, upper)
        return _Split(value, lower.is_flat or fits_lower, touching)
    return None


def _touching(x: Any, *branches: _Branch) -> tuple[tuple[Any, bool], ...]:
    """The break point, and for each flat branch an argument inside."""
    inside = [branch.pieces[0].samples[0].x for branch in branches if branch.is_flat]
    return ((x, True), *((other, False) for other in inside))


def _ends(lower: _Branch, upper: _Branch) -> list[Any]:
    pieces = [*lower.pieces, *upper.pieces]
    return [end for piece in pieces for end in (piece.low, piece.high) if end is not None]


def _branch_of_nan(partial: Formula, branches: Sequence[_Branch]) -> int:
    """The branch that NaN should take: the one whose form agrees with the derivative at NaN."""
    mp = mpmath_context()
    wanted = evaluate_anywhere(partial, [mp.nan])
    for number, branch in enumerate(branches):
        got = evaluate_anywhere(branch.form, [mp.nan])
        if got is None or wanted is None or mp.isnan(wanted):
            if got is None or mp.isnan(got):
                return number
        elif got == wanted:
            return number
    return len(branches) - 1


def _write(name: str, branches: Sequence[_Branch], splits: Sequence[_Split], default: int) -> Formula:
    """Nested `where`s, lowest branch first, then highest; NaN fails every condition and gets the default."""
    tape, literals = Tape(["y"]), Literals()
    values: list[Ref] = [tape.inline(branch.form, [0]) for branch in branches]
    result = values[default]
    for number in range(default, len(splits)):
        split = splits[number]
        test = tape.emit("gt" if split.to_lower else "ge", 0, literals(split.value))
        result = tape.emit("where", test, values[number + 1], result)
    for number in reversed(range(default)):
        split = splits[number]
        test = tape.emit("le" if split.to_lower else "lt", 0, literals(split.value))
        result = tape.emit("where", test, values[number], result)
    return tape.finish(name, result)
