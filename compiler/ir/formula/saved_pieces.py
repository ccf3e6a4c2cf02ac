"""The smooth pieces of a function of one argument, and for each a form of its slope in the function's value.

Forms are proposed and then compared at 50 digits; no equation is solved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, TypeAlias

from compiler.ir.formula.literals import Literals
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.formula.precise import Exact, close, evaluate_precisely, mpmath_context, slope_at
from compiler.ir.formula.proof import POINTS, TOLERANCE
from compiler.ir.formula.tape import Const, Formula, Ref, Tape

SHAPES: Final = (
    "y * (1 - y)", "1 - y * y", "(1 - y) * (1 - y)", "(1 + y) * (1 + y)", "y * y", "1 / y", "y * y * y",
    "-expm1(-y)", "-expm1(y)", "exp(-y)", "exp(y)",
)  # fmt: skip
"""Candidates, each up to a constant factor. Constants and what is affine in y come before them."""

_PARSED: Final = tuple(parse_formula(f"f(y) = {shape}") for shape in SHAPES)
_SCALES = (0.03, 0.4, 1.0, 2.5, 7.0, 18.0, 60.0)


@dataclass(frozen=True, slots=True)
class Sample:
    """An argument with the function's value and slope there, at 150 digits."""

    x: Any
    y: Any
    slope: Any


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the real line on which the function is smooth: between two neighbouring break points."""

    low: Any | None
    high: Any | None
    samples: tuple[Sample, ...]

    @property
    def is_flat(self) -> bool:
        return all(item.slope == 0 for item in self.samples)


def pieces_of(formula: Formula, breaks: Sequence[Any]) -> list[Piece]:
    """The pieces between break points, in ascending order, each with up to `POINTS` samples.

    A stretch on which the function has no real values is left out.
    """
    ends = [None, *breaks, None]
    found = [Piece(low, high, _sample(formula, _spread(low, high))) for low, high in pairwise(ends)]
    return [piece for piece in found if piece.samples]


def sample(formula: Formula, x: Any) -> Sample | None:
    """The value and slope at an argument; None where there is none."""
    y, slope = evaluate_precisely(formula, [x]), slope_at(formula, 0, [x])
    return None if y is None or slope is None else Sample(x, y, slope)


def _sample(formula: Formula, points: Iterator[Any]) -> tuple[Sample, ...]:
    found: list[Sample] = []
    for _ in range(3 * POINTS):
        item = sample(formula, next(points))
        found += [item] if item else []
        if len(found) == POINTS:
            break
    return tuple(found)


def _spread(low: Any | None, high: Any | None) -> Iterator[Any]:
    """Points between two ends, either of which may be infinite (None): Kronecker's, at several scales."""
    mp = mpmath_context()
    ratio, number = (mp.sqrt(5) - 1) / 2, 0
    while True:
        number += 1
        part, scale = mp.frac(number * ratio), _SCALES[number % len(_SCALES)]
        if low is not None and high is not None:
            yield low + (high - low) * part
        elif low is None and high is None:
            yield scale * (2 * part - 1)
        else:
            yield low + scale * part if low is not None else high - scale * part


Proposal: TypeAlias = Callable[[Sequence[Sample], Literals], "Formula | None"]


def form_of(piece: Piece, exact: dict[float, str]) -> Formula | None:
    """The simplest of the forms tried that is the slope all over the piece; None if none is.

    What its literals were before they were rounded is added to `exact`.
    """
    for propose in _PROPOSALS:
        literals = Literals()
        form = propose(piece.samples, literals)
        if form is not None and holds(form, piece.samples, literals.exact):
            exact |= literals.exact
            return form
    return None


def holds(form: Formula, samples: Sequence[Sample], exact: Exact) -> bool:
    """Whether a formula of the value gives the slope at every sample, to 50 digits."""
    for item in samples:
        value = evaluate_precisely(form, [item.y], exact)
        if value is None or not close(value, item.slope, TOLERANCE):
            return False
    return True


def _constant(samples: Sequence[Sample], literals: Literals) -> Formula | None:
    return Tape(["y"]).finish("form", literals(samples[0].slope))


def _affine(samples: Sequence[Sample], literals: Literals) -> Formula | None:
    one, other = samples[0], samples[1 % len(samples)]
    if one.y == other.y:
        return None
    factor = (one.slope - other.slope) / (one.y - other.y)
    tape = Tape(["y"])
    return tape.finish("form", _add(tape, literals, factor, 0, one.slope - factor * one.y))


def _quadratic(samples: Sequence[Sample], literals: Literals) -> Formula | None:
    """Newton's interpolation (divided differences) through three samples."""
    if len({item.y for item in samples[:3]}) < 3:
        return None
    one, two, three = samples[:3]
    first = (two.slope - one.slope) / (two.y - one.y)
    second = ((three.slope - two.slope) / (three.y - two.y) - first) / (three.y - one.y)
    linear = first - second * (one.y + two.y)
    offset = one.slope - first * one.y + second * one.y * two.y
    tape = Tape(["y"])
    if literals(linear) == Const(0):
        return tape.finish("form", _add(tape, literals, second, tape.emit("mul", 0, 0), offset))
    inner = _add(tape, literals, second, 0, linear)
    return tape.finish("form", _add(tape, literals, 1, tape.emit("mul", 0, inner), offset))


def _shaped(shape: Formula) -> Proposal:
    def propose(samples: Sequence[Sample], literals: Literals) -> Formula | None:
        value = evaluate_precisely(shape, [samples[0].y])
        if value is None or value == 0:
            return None
        tape = Tape(["y"])
        return tape.finish("form", _scale(tape, literals, samples[0].slope / value, tape.inline(shape, [0])))

    return propose


_PROPOSALS: Final[tuple[Proposal, ...]] = (_constant, _affine, *map(_shaped, _PARSED), _quadratic)


def _scale(tape: Tape, literals: Literals, factor: Any, ref: Ref) -> Ref:
    """`factor * ref`, with factors of 1 and -1 written as nothing and a sign."""
    literal, line = literals(factor), tape.line(ref)
    if literal == Const(1):
        return ref
    if line is not None and line.atom == "div" and line.arguments[0] == Const(1):
        return tape.emit("div", literal, line.arguments[1])
    if literal != Const(-1):
        return tape.emit("mul", literal, ref)
    return line.arguments[0] if line is not None and line.atom == "neg" else tape.emit("neg", ref)


def _add(tape: Tape, literals: Literals, factor: Any, ref: Ref, offset: Any) -> Ref:
    """`factor * ref + offset`, as a difference where either is negative."""
    if literals(offset) == Const(0):
        return _scale(tape, literals, factor, ref)
    if factor < 0:
        return tape.emit("sub", literals(offset), _scale(tape, literals, -factor, ref))
    if offset < 0:
        return tape.emit("sub", _scale(tape, literals, factor, ref), literals(-offset))
    return tape.emit("add", _scale(tape, literals, factor, ref), literals(offset))
