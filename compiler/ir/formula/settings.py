"""Partial derivatives where some parameters are literals, as the settings of an op are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from compiler.ir.formula.derivative import derivative_name, derive, rule_key
from compiler.ir.formula.derived import SHIPPED
from compiler.ir.formula.selection import with_selected_products
from compiler.ir.formula.tape import Formula, bind
from compiler.ir.types import Scalar


def derive_with(formula: Formula, parameter: int, literals: Mapping[int, Scalar]) -> Formula:
    """The partial of a formula some of whose parameters are literals, as a formula of the others.

    Where the partial of the whole formula ships, the literals are put into it, so that `negative_slope=0.2`
    or the bounds of a clip load no sympy, whatever they are. Powers are left to sympy, which simplifies when
    it sees the exponent. Raises FormulaError as `derive` does.
    """
    bound = bind(formula, literals)
    place = parameter - sum(k < parameter for k in literals)
    is_power = any(line.atom == "pow" for line in formula.lines)
    if is_power or rule_key(bound, place) in SHIPPED or rule_key(formula, parameter) not in SHIPPED:
        return derive(bound, place)
    partial = with_selected_products(bind(derive(formula, parameter), literals))
    return replace(partial, name=derivative_name(bound, place))
