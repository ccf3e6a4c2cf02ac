"""Elementwise: an op from one formula, with its gradient, kernels, LaTeX and tests for free."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from inspect import cleandoc
from typing import Any, TypeAlias

from compiler.errors import ArgumentError, FormulaError, KeywordError
from compiler.ir.build import apply, atom_formula
from compiler.ir.formula.tape import Formula
from compiler.ir.formula.trace import Var, trace
from compiler.ir.types import Scalar
from tinytorch.arithmetic import as_values
from tinytorch.tensor import Tensor
from tinytorch.values import checked_name

Traced: TypeAlias = tuple[Formula, dict[str, Scalar]]
"""A formula, and the values of its last parameters where they are not given."""


class Documentation:
    """`__doc__` of an op, made of what is known of it when somebody asks; of the class, its own text."""

    def __init__(self, text: str | None) -> None:
        self.text = text

    def __get__(self, op: Elementwise | None, owner: type) -> str | None:
        if op is None:
            return self.text
        from tinytorch.facts import facts_of  # noqa: PLC0415  # who asks waits for the slopes to be derived

        return str(facts_of(op))


class Elementwise:
    """A scalar formula as a function of tensors, of numbers, and of variables inside another formula.

    Operands are positional and broadcast as in NumPy; the formula's parameters are given by keyword. `help`
    of one says what it means, its formula, slopes, dtypes and measured errors.
    """

    __doc__ = Documentation(__doc__)  # pyright: ignore[reportAssignmentType]  # a text, made when asked for

    def __init__(self, name: str, make: Callable[[], Traced], meaning: str = "") -> None:
        self.name = self.__name__ = name
        self._make = make
        self.meaning = cleandoc(meaning)
        """What it is for, in words; the rest of its documentation follows from the formula."""

    @cached_property
    def _traced(self) -> Traced:
        return self._make()

    @property
    def formula(self) -> Formula:
        """The formula, of the op's name. It is traced when it is first needed."""
        return self._traced[0]

    @property
    def defaults(self) -> dict[str, Scalar]:
        """The values of parameters that are not given."""
        return self._traced[1]

    @property
    def operands(self) -> tuple[str, ...]:
        """The names of the operands."""
        return self.formula.parameters[: len(self.formula.parameters) - len(self.defaults)]

    def __call__(self, *operands: Any, **parameters: Any) -> Any:
        """The op applied. Raises ArgumentError for a wrong number of operands or an unknown parameter."""
        values = [*operands, *self._settings(operands, parameters)]
        variable = next((value for value in values if isinstance(value, Var)), None)
        if variable is not None:
            return variable.apply(self.formula, *values)
        kind = next((type(value) for value in operands if isinstance(value, Tensor)), Tensor)
        return kind(apply(self.formula, *as_values(*values)))

    def _settings(self, operands: tuple[Any, ...], parameters: dict[str, Any]) -> list[Any]:
        if len(operands) != len(self.operands):
            raise ArgumentError(self._wrong_count(len(operands)))
        unknown = [name for name in parameters if name not in self.defaults]
        if unknown:
            raise self._unknown(unknown[0], parameters)
        return [parameters.get(name, default) for name, default in self.defaults.items()]

    def _unknown(self, name: str, parameters: dict[str, Any]) -> KeywordError:
        from tinytorch.hints import keyword_fix  # noqa: PLC0415  # for errors only

        known = ", ".join(self.defaults) or "none"
        fix = keyword_fix(name, parameters[name], list(self.defaults))
        return KeywordError(f"{self.name} has no parameter {name!r}; its parameters are: {known}{fix}")

    def _wrong_count(self, given: int) -> str:
        wanted, number = ", ".join(self.operands), len(self.operands)
        sentence = f"{self.name} takes {number} operand{'' if number == 1 else 's'} ({wanted}), not {given}"
        if given <= number or not self.defaults:
            from tinytorch.hints import OPERANDS  # noqa: PLC0415  # for errors only

            fix = OPERANDS.get((self.name, given))
            return f"{sentence}\n  fix: {fix}" if fix else sentence
        settings = ", ".join(f"{name}={value!r}" for name, value in self.defaults.items())
        return f"{sentence}\n  fix: its parameters go by keyword, {self.name}({wanted}, {settings})"

    def __repr__(self) -> str:
        return f"<op {self.formula}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """As its formula: what it is traced from may be a function without a name."""
        return _of_traced, (type(self), self._traced, self.meaning)


def _of_traced(kind: type[Elementwise], traced: Traced, meaning: str) -> Elementwise:
    return kind(traced[0].name, lambda: traced, meaning)


def of_atom(name: str, doc: str) -> Elementwise:
    """The op that is one atom of formulas."""
    return Elementwise(name, lambda: (atom_formula(name), {}), doc)


def of_formula(formula: Formula, doc: str = "") -> Elementwise:
    """The op of a formula without parameters that have defaults."""
    return Elementwise(formula.name, lambda: (formula, {}), doc)


def built_in(name: str, function: Callable[..., Any], *, doc: str = "") -> Elementwise:
    """As `elementwise`, for ops of this package: an import traces none of their formulas."""
    return Elementwise(name, lambda: trace(function, name), doc or function.__doc__ or "")


def elementwise(name: str, function: Callable[..., Any], *, doc: str | None = None) -> Elementwise:
    """An op from one formula, written as a plain Python function of scalars.

    `tt.elementwise("mish", lambda x: x * tt.tanh(tt.log(1 + tt.exp(x))))`. Keyword-only parameters with
    numbers as defaults become parameters of the op: `lambda x, *, slope=0.01: tt.where(x > 0, x, slope * x)`.
    Unstable forms that are known are replaced by stable ones; `op.formula.recognised` says which. `doc`, or
    the function's docstring, says what the op is for, and opens its `help`. Raises FormulaError for anything
    that is no formula, such as Python's `if` on a variable.
    """
    if not callable(function):
        raise FormulaError(f"a formula is a Python function of scalars, not {function!r}")
    traced = trace(function, checked_name(name))
    return Elementwise(name, lambda: traced, (doc if doc is not None else function.__doc__) or "")
