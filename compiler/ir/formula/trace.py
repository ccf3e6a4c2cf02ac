"""From a plain Python function to a formula: it is called once with formula variables.

Arithmetic and comparison operators, our element-wise functions, NumPy's functions of the same names and
sympy's functions work on a variable. Python's own control flow does not: a formula has one shape for all
values.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

from compiler.errors import FormulaError
from compiler.ir.formula import symbolic
from compiler.ir.formula.atoms import ATOMS, Rule
from compiler.ir.formula.literals import LARGEST_INTEGER
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.formula.recognise import recognise
from compiler.ir.formula.tape import Const, Formula, Ref, Tape
from compiler.ir.numbers import Scalar, number

_UFUNCS: Final[Mapping[str, str]] = {
    "add": "add", "subtract": "sub", "multiply": "mul", "divide": "div", "negative": "neg", "power": "pow",
    "absolute": "abs", "sign": "sign", "floor": "floor", "ceil": "ceil", "rint": "round",
    "maximum": "maximum", "minimum": "minimum", "less": "lt", "less_equal": "le", "greater": "gt",
    "greater_equal": "ge",
    "equal": "eq", "not_equal": "ne", "isnan": "isnan", "bitwise_and": "and",
    "bitwise_or": "or", "bitwise_xor": "xor", "invert": "not", "left_shift": "lshift",
    "right_shift": "rshift", "sqrt": "sqrt", "exp": "exp", "expm1": "expm1", "log": "log", "log1p": "log1p",
    "sin": "sin", "cos": "cos", "tanh": "tanh",
    "exp2": "exp2", "tan": "tan", "log2": "log2",
    "log10": "log10", "arcsin": "asin",
    "arccos": "acos", "arctan": "atan", "arctan2": "atan2", "sinh": "sinh", "cosh": "cosh",
    "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh", "cbrt": "cbrt", "hypot": "hypot",
    "copysign": "copysign", "fmod": "fmod", "floor_divide": "floordiv",
}  # fmt: skip


_LOGICAL: Final[Mapping[str, str]] = {
    "logical_and": "and",
    "logical_or": "or",
    "logical_xor": "xor",
    "logical_not": "not",
}
"""What is of bits where its arguments are truths."""

REMAINDER: Final = parse_formula(
    "remainder(x, y) = { r = fmod(x, y); where((r != 0) & ((y < 0) ^ (r < 0)), r + y, r) }"
)
"""What Python's `%` is: of the divisor's sign."""


class Var:
    """A scalar inside a formula that is being traced."""

    __hash__ = None  # pyright: ignore[reportAssignmentType]  # `==` makes a comparison, so a Var cannot be a key

    def __init__(self, tape: Tape, ref: Ref) -> None:
        self.tape = tape
        self.ref = ref

    def apply(self, formula: Formula, *arguments: Any) -> Var:
        """A formula applied to variables and numbers, written onto this variable's tape."""
        return Var(self.tape, self.tape.inline(formula, [self.read(item) for item in arguments]))

    def read(self, value: Any) -> Ref:
        """The value on this tape of a variable, a number or a sympy expression. Raises FormulaError."""
        if isinstance(value, Var):
            if value.tape is not self.tape:
                raise FormulaError("a variable of one formula is used in another")
            return value.ref
        plain = number(value)
        if plain is not None:
            return _literal(plain)
        if symbolic.is_expression(value):
            return symbolic.read(value, self.tape)
        if hasattr(value, "item") and getattr(value, "shape", None) == ():
            plain = number(value.item())
            if plain is not None:
                return _literal(plain)
        raise FormulaError(
            f"a formula is made of its variables, numbers and element-wise functions, not of {value!r}; "
            "pass a tensor as a further argument of the op"
        )

    @property
    def truth(self) -> Var:
        """Whether the value is not 0 (NaN is not): itself where its line says that it is a truth."""
        return self if self._is_truth(self.ref) else self != 0

    def _is_truth(self, ref: Ref) -> bool:
        if isinstance(ref, Const):
            return isinstance(ref.value, bool)
        line = self.tape.line(ref)
        if line is None or ATOMS[line.atom].rule is not Rule.BITWISE:
            return line is not None and ATOMS[line.atom].rule in (Rule.COMPARISON, Rule.TEST)
        return all(map(self._is_truth, line.arguments))

    def _emit(self, atom: str, *arguments: Any) -> Var:
        return Var(self.tape, self.tape.emit(atom, *map(self.read, arguments)))

    def __add__(self, other: Any) -> Var:
        return self._emit("add", self, other)

    def __radd__(self, other: Any) -> Var:
        return self._emit("add", other, self)

    def __sub__(self, other: Any) -> Var:
        return self._emit("sub", self, other)

    def __rsub__(self, other: Any) -> Var:
        return self._emit("sub", other, self)

    def __mul__(self, other: Any) -> Var:
        return self._emit("mul", self, other)

    def __rmul__(self, other: Any) -> Var:
        return self._emit("mul", other, self)

    def __truediv__(self, other: Any) -> Var:
        return self._emit("div", self, other)

    def __rtruediv__(self, other: Any) -> Var:
        return self._emit("div", other, self)

    def __floordiv__(self, other: Any) -> Var:
        return self._emit("floordiv", self, other)

    def __rfloordiv__(self, other: Any) -> Var:
        return self._emit("floordiv", other, self)

    def __mod__(self, other: Any) -> Var:
        return self.apply(REMAINDER, self, other)

    def __rmod__(self, other: Any) -> Var:
        return self.apply(REMAINDER, other, self)

    def __pow__(self, other: Any) -> Var:
        return self._emit("pow", self, other)

    def __rpow__(self, other: Any) -> Var:
        return self._emit("pow", other, self)

    def __neg__(self) -> Var:
        return self._emit("neg", self)

    def __pos__(self) -> Var:
        return self

    def __abs__(self) -> Var:
        return self._emit("abs", self)

    def __lt__(self, other: Any) -> Var:
        return self._emit("lt", self, other)

    def __le__(self, other: Any) -> Var:
        return self._emit("le", self, other)

    def __gt__(self, other: Any) -> Var:
        return self._emit("gt", self, other)

    def __ge__(self, other: Any) -> Var:
        return self._emit("ge", self, other)

    def __eq__(self, other: object) -> Var:  # pyright: ignore[reportIncompatibleMethodOverride] a value here
        return self._emit("eq", self, other)

    def __ne__(self, other: object) -> Var:  # pyright: ignore[reportIncompatibleMethodOverride] a value here
        return self._emit("ne", self, other)

    def __and__(self, other: Any) -> Var:
        return self._emit("and", self, other)

    def __or__(self, other: Any) -> Var:
        return self._emit("or", self, other)

    def __xor__(self, other: Any) -> Var:
        return self._emit("xor", self, other)

    def __rand__(self, other: Any) -> Var:
        return self._emit("and", other, self)

    def __ror__(self, other: Any) -> Var:
        return self._emit("or", other, self)

    def __rxor__(self, other: Any) -> Var:
        return self._emit("xor", other, self)

    def __lshift__(self, other: Any) -> Var:
        return self._emit("lshift", self, other)

    def __rlshift__(self, other: Any) -> Var:
        return self._emit("lshift", other, self)

    def __rshift__(self, other: Any) -> Var:
        return self._emit("rshift", self, other)

    def __rrshift__(self, other: Any) -> Var:
        return self._emit("rshift", other, self)

    def __invert__(self) -> Var:
        return self._emit("not", self)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Var:
        if ufunc.__name__ in _LOGICAL and method == "__call__" and not options:
            return self._emit(_LOGICAL[ufunc.__name__], *(Var(self.tape, self.read(x)).truth for x in inputs))
        atom = _UFUNCS.get(ufunc.__name__)
        if atom is None or method != "__call__" or options:
            raise FormulaError(
                f"numpy.{ufunc.__name__} is no atom of formulas; the atoms are {', '.join(ATOMS)}"
            )
        return self._emit(atom, *inputs)

    def _sympy_(self) -> Any:
        return symbolic.stand_in(self.tape, self.ref)

    def __bool__(self) -> NoReturn:
        raise FormulaError("a formula has no `if`, `and` or `or`: use where(condition, a, b), & and |")

    def __float__(self) -> NoReturn:
        raise FormulaError("a formula's variable has no value; use tt.exp, tt.tanh, ... instead of math's")

    __int__ = __index__ = __float__


def _literal(value: Scalar) -> Const:
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        raise FormulaError(f"the integer {value} does not fit int64; write a float")
    return Const(value)


def trace(function: Callable[..., Any], name: str) -> tuple[Formula, dict[str, Scalar]]:
    """The formula of a function of scalars, and the defaults of its keyword parameters.

    Positional parameters are operands; keyword-only ones are further parameters of the formula, each with a
    default. What `recognise` knows of unstable forms is applied. Raises FormulaError.
    """
    operands, defaults = _signature(function, name)
    parameters = [*operands, *defaults]
    tape = Tape(parameters)
    if not operands:
        raise FormulaError(f"{name!r} takes no operand; a constant is tt.constant(value)")
    values = [Var(tape, k) for k in range(len(parameters))]
    by_name = dict(zip(defaults, values[len(operands) :], strict=True))
    result = function(*values[: len(operands)], **by_name)
    return recognise(tape.finish(name, values[0].read(result))), defaults


def _signature(function: Callable[..., Any], name: str) -> tuple[list[str], dict[str, Scalar]]:
    operands: list[str] = []
    defaults: dict[str, Scalar] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            operands.append(parameter.name)
        elif parameter.kind is parameter.KEYWORD_ONLY and (default := number(parameter.default)) is not None:
            defaults[parameter.name] = default
        else:
            raise FormulaError(
                f"parameter {parameter.name!r} of {name!r}: operands are positional, and every keyword-only "
                "parameter has a number as its default, as in `lambda x, *, slope=0.01: ...`"
            )
    return operands, defaults
