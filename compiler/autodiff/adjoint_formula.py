"""How a formula's partial and the cotangent of its value make a formula of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from compiler.ir.formula.derivative import is_zero
from compiler.ir.formula.intervals import may_blow_up
from compiler.ir.formula.settings import derive_with
from compiler.ir.formula.tape import Const, Formula, Line, Ref, Tape, bind


@dataclass(frozen=True, slots=True)
class AdjointFormula:
    """`cotangent * partial` as a formula of the cotangent and the `kept` parameters of the forward formula.

    `scale` is set instead where the partial is a literal. `factors` are the kept parameters in order where
    the formula is a plain product of them with the cotangent, which a sum turns into a contraction.
    """

    formula: Formula | None
    kept: tuple[int, ...]
    scale: float | None = None
    factors: bool = False


@cache
def adjoint_formula(
    formula: Formula,
    parameter: int,
    literals: tuple[tuple[int, Const], ...] = (),
    sizes: frozenset[int] = frozenset(),
) -> AdjointFormula | None:
    """How the cotangent of a formula's value becomes that of a parameter; None where the partial is 0.

    A partial that can blow up at finite arguments multiplies by `zmul`, so that a branch which was masked out
    (its cotangent is 0) stays 0 next to an infinite slope. Parameters in `literals` have a value, and the
    result is of the others; of those the ones in `sizes` are extents, hence positive. What a condition that
    does not read the parameter chooses has the cotangent where it is chosen: `where(c, cotangent, 0)`.
    """
    values = {k: literal.value for k, literal in literals}
    partial = derive_with(formula, parameter, values)
    return adjoint_of(bind(formula, values), parameter - sum(k < parameter for k in values), partial, sizes)


def adjoint_of(
    formula: Formula, parameter: int, partial: Formula, sizes: frozenset[int] = frozenset()
) -> AdjointFormula | None:
    """`adjoint_formula` for a partial that is known."""
    if is_zero(partial):
        return None
    if isinstance(partial.result, Const):
        return AdjointFormula(None, (), float(partial.result.value))
    kept = tuple(k for k in range(len(formula.parameters)) if partial.uses(k))
    tape = Tape([_fresh(formula.parameters), *(formula.parameters[k] for k in kept)])
    arguments: list[Ref] = [
        kept.index(k) + 1 if k in kept else Const(0) for k in range(len(formula.parameters))
    ]
    slope = tape.inline(partial, arguments)
    chosen = _choice(tape.line(slope))
    if chosen is not None and not partial.uses(parameter):
        return AdjointFormula(tape.finish(partial.name, tape.emit("where", *chosen)), kept)
    risky = may_blow_up(bind(partial, dict.fromkeys(sizes, 1)))
    value = tape.emit("zmul" if risky else "mul", 0, slope)
    product = partial.factors
    return AdjointFormula(tape.finish(partial.name, value), kept, factors=product is not None and not risky)


def _choice(slope: Line | None) -> tuple[Ref, Ref, Ref] | None:
    """`where`'s arguments that take the cotangent, parameter 0, where a slope is 1 and 0 where it is 0.

    An element that was not chosen has no share in the cotangent, be it infinite or NaN.
    """
    if slope is None or slope.atom != "where":
        return None
    condition, *branches = slope.arguments
    values = [item.value if isinstance(item, Const) else None for item in branches]
    if values not in ([1, 0], [0, 1]):
        return None
    first, second = [0 if value else Const(0) for value in values]
    return condition, first, second


def _fresh(taken: Sequence[str]) -> str:
    number = 1
    while (name := "g" if number == 1 else f"g{number}") in taken:
        number += 1
    return name
