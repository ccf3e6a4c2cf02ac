"""How a formula's partial and the cotangent of its value make a formula of their own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from compiler.ir.formula.derivative import is_zero
from compiler.ir.formula.intervals import may_blow_up
from compiler.ir.formula.selection import choosers, selected_product
from compiler.ir.formula.settings import derive_with
from compiler.ir.formula.tape import Const, Formula, Ref, Tape, bind


@dataclass(frozen=True, slots=True)
class AdjointFormula:
    """`cotangent * partial` as a formula of the cotangent and the `kept` parameters of the forward formula.

    `scale` is set instead where the partial is a literal. `factors` are the kept parameters in order where
    the formula is a plain product of them with the cotangent, which a sum turns into a contraction. Where it
    `is_guarded`, a cotangent of 0 gives 0 whatever the slope is. A formula that is a mask, 0 where parameters
    other than the one at hand say so, has those in `mask`.
    """

    formula: Formula | None
    kept: tuple[int, ...]
    scale: float | None = None
    factors: bool = False
    is_guarded: bool = False
    mask: frozenset[int] | None = None


@cache
def adjoint_formula(
    formula: Formula,
    parameter: int,
    literals: tuple[tuple[int, Const], ...] = (),
    sizes: frozenset[int] = frozenset(),
    is_masked: bool = False,
) -> AdjointFormula | None:
    """How the cotangent of a formula's value becomes that of a parameter; None where the partial is 0.

    Where the partial chooses 0, so does the adjoint, be the cotangent infinite or NaN. A partial that can
    blow up at finite arguments multiplies by `zmul`, so that a branch which was masked out (its cotangent is
    0) stays 0 next to an infinite slope, and any partial does where the cotangent is known to be masked.
    Parameters in `literals` have a value, and the result is of the others; of those the ones in `sizes` are
    extents, hence positive.
    """
    values = {k: literal.value for k, literal in literals}
    partial = derive_with(formula, parameter, values)
    place = parameter - sum(k < parameter for k in values)
    return adjoint_of(bind(formula, values), place, partial, sizes, is_masked)


def adjoint_of(
    formula: Formula,
    parameter: int,
    partial: Formula,
    sizes: frozenset[int] = frozenset(),
    is_masked: bool = False,
) -> AdjointFormula | None:
    """`adjoint_formula` for a partial that is known."""
    if is_zero(partial):
        return None
    if isinstance(partial.result, Const) and not (is_masked and not math.isfinite(partial.result.value)):
        return AdjointFormula(None, (), float(partial.result.value))
    kept = tuple(k for k in range(len(formula.parameters)) if partial.uses(k))
    is_guarded = is_masked or may_blow_up(bind(partial, dict.fromkeys(sizes, 1)))
    names = [_fresh(formula.parameters), *(formula.parameters[k] for k in kept)]
    arguments = [kept.index(k) if k in kept else Const(0) for k in range(len(formula.parameters))]
    adjoint = weighted(partial, arguments, names, is_guarded)
    is_product = partial.factors is not None and not is_guarded
    return AdjointFormula(adjoint, kept, None, is_product, is_guarded, _mask(adjoint, kept, parameter))


def _mask(adjoint: Formula, kept: Sequence[int], parameter: int) -> frozenset[int] | None:
    """The parameters by which an adjoint is chosen to be 0, if the one at hand is not among them."""
    read = choosers(adjoint)
    found = None if read is None else frozenset(kept[k - 1] for k in read)
    return None if found is None or parameter in found else found


def weighted(slope: Formula, arguments: Sequence[Ref], names: Sequence[str], is_guarded: bool) -> Formula:
    """The cotangent, which is the first of the `names`, times a slope at some of the others or literals."""
    tape = Tape(names)
    moved = [item + 1 if isinstance(item, int) else item for item in arguments]
    value = selected_product(tape, 0, tape.inline(slope, moved), guarded=is_guarded)
    return tape.finish(slope.name, value)


def _fresh(taken: Sequence[str]) -> str:
    number = 1
    while (name := "g" if number == 1 else f"g{number}") in taken:
        number += 1
    return name
