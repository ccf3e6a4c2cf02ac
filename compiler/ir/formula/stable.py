"""Other forms of a derived slope, and which of them keeps its value in float32.

sympy's derivative is right for real numbers. In floats two things go wrong with it: terms that cancel, as in
`1 / (1 + |x|) - |x| / (1 + |x|)^2`, and a factor that has vanished times one that has overflown, which is
NaN. A form is proposed against each; all are tried in float32's arithmetic over its whole range, and the best
one is taken if it is proved to be the slope. No form is written for any one function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from compiler.ir.formula.intervals import value_range
from compiler.ir.formula.opaque import calls, opaque_function, slope
from compiler.ir.formula.precise import close, evaluate_precisely, mpmath_context, precise_literal, table
from compiler.ir.formula.selection import with_selected_products
from compiler.ir.formula.symbolic import Derived, sympy_module, write
from compiler.ir.formula.tape import Formula

_MANTISSA, _LOWEST, _TOP = 24, -149, 128
"""float32: the bits of a number, the exponent of the smallest one, and that of what is infinite."""

_STEP: Final = 12
"""Every so many exponents one number of either sign is tried."""

_DIGITS: Final = 3
"""Digits that count as right: those of a slope that crosses 0 cancel in every form."""


class Defects(NamedTuple):
    """How a form fares in float32: finite and wrong is worst, then NaN or infinite, then sums."""

    wrong: int
    missing: int
    sums: int


def slopes(formula: Formula, parameter: int, name: str) -> list[Derived]:
    """Forms of the partial derivative, the best first; sympy's own before others as good. Not yet proved."""
    symbols, derived = slope(formula, parameter)
    known = formula, calls(formula, symbols)
    forms: dict[Formula, Derived] = {}
    for change in (_unchanged, _over_one_denominator, _masked):
        form = write(change(derived, symbols, symbols[parameter]), symbols, formula.parameters, name, known)
        form = form._replace(formula=with_selected_products(form.formula))
        forms.setdefault(form.formula, form)
    found = list(forms.values())
    return found if len(found) == 1 else sorted(found, key=lambda form: defects(form, parameter))


def defects(form: Derived, parameter: int) -> Defects:
    """What is wrong with a form at numbers of both signs of all exponents of float32."""
    wrong = missing = 0
    for point in _trials(len(form.formula.parameters), parameter):
        exact = evaluate_precisely(form.formula, point, form.exact)
        if exact is None or abs(exact) >= _largest():
            continue
        found = _in_float32(form.formula, point)
        if found is None or not mpmath_context().isfinite(found):
            missing += 1
        else:
            wrong += not close(found, exact, _DIGITS)
    return Defects(wrong, missing, sum(line.atom in ("add", "sub") for line in form.formula.lines))


def _trials(count: int, parameter: int) -> Iterator[list[Any]]:
    """Points at which all parameters but one are 1, and that one runs through float32."""
    mp = mpmath_context()
    sizes = [_largest(), *(mp.mpf(2) ** k for k in range(_TOP - 1, _LOWEST, -_STEP))]
    for size in (*sizes, *(-size for size in sizes), mp.zero):
        yield [size if k == parameter else mp.one for k in range(count)]


def _largest() -> Any:
    return (2 - mpmath_context().mpf(2) ** (1 - _MANTISSA)) * mpmath_context().mpf(2) ** (_TOP - 1)


def _in_float32(formula: Formula, point: list[Any]) -> Any | None:
    """The value with every line rounded to float32, overflow and underflow included."""
    atoms = {name: _rounding(function) for name, function in table().items()}
    try:
        return formula.evaluate(atoms, point, lambda value: _rounded(precise_literal(value)))
    except (ArithmeticError, ValueError):
        return None


def _rounding(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments: _rounded(function(*arguments))


def _rounded(value: Any) -> Any:
    mp = mpmath_context()
    if isinstance(value, bool) or not mp.isfinite(value):
        return value
    if abs(value) < mp.mpf(2) ** (_LOWEST - 1):
        return mp.zero
    near = mp.mpf(value, prec=_MANTISSA)
    return near if abs(near) <= _largest() else mp.sign(near) * mp.inf


def _unchanged(expression: Any, symbols: list[Any], by: Any) -> Any:
    return expression


def _over_one_denominator(expression: Any, symbols: list[Any], by: Any) -> Any:
    """One quotient, its numerator multiplied out, so that what cancels does so before it is rounded."""
    sympy = sympy_module()
    if not expression.is_Add:
        return expression
    above, below = sympy.fraction(sympy.together(expression))
    above = sympy.expand(above)
    size, sign = opaque_function("abs"), opaque_function("sign")
    for item in above.atoms(sign):
        above = sympy.expand(above.subs(item * item.args[0], size(item.args[0])))
    return above / below


def _masked(expression: Any, symbols: list[Any], by: Any) -> Any:
    """Each product of factors that are bounded and factors that are not as a `zmul`, 0 where the former are.

    What does not depend on the symbol `by` stays outside: a cotangent that is NaN is not to be hidden.
    """
    if not expression.args:
        return expression
    changed = expression.func(*(_masked(item, symbols, by) for item in expression.args))
    if not changed.is_Mul:
        return changed
    outside = [item for item in changed.args if by not in item.free_symbols]
    inside = [item for item in changed.args if item not in outside]
    calm = [item for item in inside if _is_bounded(item, symbols)]
    wild = [item for item in inside if item not in calm]
    if not calm or not wild:
        return changed
    product = sympy_module().Mul
    return product(*outside, opaque_function("zmul")(product(*calm), product(*wild)))


def _is_bounded(factor: Any, symbols: list[Any]) -> bool:
    names = tuple(symbol.name for symbol in symbols)
    low, high = value_range(write(factor, symbols, names, "factor").formula)
    return -float("inf") < low and high < float("inf")
