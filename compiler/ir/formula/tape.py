"""Formula: a named scalar function as a short tape over atoms.

    Formula   ::= name ( parameter, ... ) = lines ; result
    Line      ::= atom ( Ref, ... )
    Ref       ::= int         a parameter (0 .. p-1) or the line at p, p+1, ...
                | Const       a Python bool, int or float; weakly typed

A tape holds no line twice and no line that the result does not need, and its lines stand in the order in
which the result's arguments need them, left to right; so tapes built from equal expressions are equal.
Formulas have `LONGEST` lines at most and are never substituted into each other symbolically.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, Final, TypeAlias, TypeVar

from compiler.errors import DTypeError, FormulaError
from compiler.ir.formula.atoms import ATOMS, OF_INTEGERS, Atom, Rule
from compiler.ir.formula.printing import print_formula
from compiler.ir.hashing import Hashed, hash_once
from compiler.ir.types import BOOL, INT32, INT64, DType, Operand, Scalar, Weak, floating, promote

LONGEST: Final = 4096
"""The largest number of lines of a formula."""

RESERVED: Final = frozenset({"true", "false", "inf", "nan"})
"""Literals in a formula's text, hence no names of parameters."""

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, eq=False)
class Const:
    """A literal. Equal only to one of the same Python type and the same bits, so -0.0 is not 0.0.

    Its repr is no number: beside the number of an earlier value it would read the same, and kernels are known
    by the repr of their forms.
    """

    value: Scalar

    def _key(self) -> tuple[str, str]:
        return type(self.value).__name__, repr(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Const) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __str__(self) -> str:
        return repr(self.value)


Ref: TypeAlias = int | Const


@dataclass(frozen=True, slots=True)
class Line:
    """One atom applied to earlier values."""

    atom: str
    arguments: tuple[Ref, ...]


@hash_once
@dataclass(frozen=True, slots=True)
class Formula(Hashed):
    """A scalar function. Equality is equality of name, parameters and tape; `recognised` is a remark."""

    name: str
    parameters: tuple[str, ...]
    lines: tuple[Line, ...]
    result: Ref
    recognised: tuple[str, ...] = field(default=(), compare=False)
    """The equations by which parts of what was written became stable atoms."""

    @property
    def atom(self) -> Atom | None:
        """The atom that this formula is, applied to its parameters in order; None if it is anything else."""
        if len(self.lines) != 1 or self.result != len(self.parameters):
            return None
        line = self.lines[0]
        return ATOMS[line.atom] if line.arguments == tuple(range(len(self.parameters))) else None

    @property
    def is_identity(self) -> bool:
        return self.result == 0 and len(self.parameters) == 1

    @property
    def factors(self) -> tuple[int, ...] | None:
        """The parameters multiplied, in order, if the formula is a product of different ones; else None."""
        found: list[int] = []
        pending: list[Ref] = [self.result]
        while pending:
            ref = pending.pop()
            if not isinstance(ref, int):
                return None
            if ref < len(self.parameters):
                found.append(ref)
                continue
            line = self.line(ref)
            if line.atom != "mul":
                return None
            pending.extend(reversed(line.arguments))
        return tuple(found) if len(set(found)) == len(found) else None

    def line(self, ref: int) -> Line:
        """The line that defines a value that is not a parameter."""
        return self.lines[ref - len(self.parameters)]

    def uses(self, parameter: int) -> bool:
        """Whether the result depends on a parameter."""
        return self.result == parameter or any(parameter in line.arguments for line in self.lines)

    def varies_with(self, parameter: int) -> bool:
        """Whether the result depends on a parameter other than through `stop`."""
        varying: set[Ref] = {parameter}
        for number, line in enumerate(self.lines, len(self.parameters)):
            if line.atom != "stop" and not varying.isdisjoint(line.arguments):
                varying.add(number)
        return self.result in varying

    def evaluate(
        self,
        table: Mapping[str, Callable[..., Value]],
        arguments: Sequence[Value],
        constant: Callable[[Scalar], Value],
    ) -> Value:
        """Run the tape with one function an atom. `constant` makes a value of a literal."""
        result = self.result
        if not isinstance(result, int):
            return constant(result.value)
        return self.values(table, arguments, constant)[result]

    def values(
        self,
        table: Mapping[str, Callable[..., Value]],
        arguments: Sequence[Value],
        constant: Callable[[Scalar], Value],
    ) -> list[Value]:
        """As `evaluate`: the arguments, then the value of every line."""
        values = list(arguments)

        def look(ref: Ref) -> Value:
            return values[ref] if isinstance(ref, int) else constant(ref.value)

        for line in self.lines:
            values.append(table[line.atom](*map(look, line.arguments)))
        return values

    def __str__(self) -> str:
        return print_formula(self)


class Tape:
    """Builds formulas. Lines are hash-consed; `finish` drops what the result does not need."""

    def __init__(self, parameters: Sequence[str]) -> None:
        if len(set(parameters)) != len(parameters):
            raise FormulaError(f"a formula's parameters have different names: {', '.join(parameters)}")
        if reserved := RESERVED.intersection(parameters):
            raise FormulaError(
                f"{', '.join(sorted(reserved))} is a literal in formulas; name the parameter otherwise"
            )
        self.parameters = tuple(parameters)
        self.lines: list[Line] = []
        self._known: dict[Line, int] = {}
        self.stand_ins: dict[Any, Ref] = {}
        """Symbols of another system (sympy's) that stand for values of this tape."""
        self.rounded: dict[float, str] = {}
        """Literals that were rounded when they were written here, with the digits they had."""

    def emit(self, atom: str, *arguments: Ref) -> Ref:
        """The value of an atom applied to values of this tape."""
        line = Line(atom, arguments)
        if line not in self._known:
            self._known[line] = len(self.parameters) + len(self.lines)
            self.lines.append(line)
        return self._known[line]

    def has(self, atom: str, *arguments: Ref) -> bool:
        """Whether a line is on the tape."""
        return Line(atom, arguments) in self._known

    def line(self, ref: Ref) -> Line | None:
        """The line that defines a value; None for a parameter or a literal."""
        if not isinstance(ref, int) or ref < len(self.parameters):
            return None
        return self.lines[ref - len(self.parameters)]

    def inline(self, formula: Formula, arguments: Sequence[Ref]) -> Ref:
        """The value of a formula applied to values of this tape."""
        return formula.evaluate(_Emitters(self), list(arguments), Const)

    def finish(self, name: str, result: Ref, recognised: tuple[str, ...] = ()) -> Formula:
        """The formula whose value is `result`. Raises FormulaError if it is longer than LONGEST lines."""
        needed = self._needed(result)
        if len(needed) > LONGEST:
            raise FormulaError(
                f"the formula of {name!r} has {len(needed)} lines and {LONGEST} is the most; "
                "make it of two ops, which fusion joins again"
            )
        first = len(self.parameters)
        renumber = {old: first + new for new, old in enumerate(needed)}

        def moved(ref: Ref) -> Ref:
            return renumber.get(ref, ref) if isinstance(ref, int) else ref

        lines = [self.lines[old - first] for old in needed]
        kept = tuple(Line(line.atom, tuple(map(moved, line.arguments))) for line in lines)
        return Formula(name, self.parameters, kept, moved(result), recognised)

    def _needed(self, result: Ref) -> list[int]:
        """The lines below a value, each after its arguments, left before right."""
        first, order, pending = len(self.parameters), dict[int, None](), [result]
        while pending:
            ref = pending[-1]
            if not isinstance(ref, int) or ref < first or ref in order:
                pending.pop()
                continue
            missing = [arg for arg in self.lines[ref - first].arguments if self._is_missing(arg, order)]
            if missing:
                pending.append(missing[0])
            else:
                order[ref] = None
        return list(order)

    def _is_missing(self, ref: Ref, order: Mapping[int, None]) -> bool:
        return isinstance(ref, int) and ref >= len(self.parameters) and ref not in order


class _Emitters(Mapping[str, Callable[..., Ref]]):
    """The table by which `Formula.evaluate` writes onto another tape."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape

    def __getitem__(self, atom: str) -> Callable[..., Ref]:
        return lambda *arguments: self.tape.emit(atom, *arguments)

    def __iter__(self) -> Any:
        return iter(ATOMS)

    def __len__(self) -> int:
        return len(ATOMS)


def bind(formula: Formula, values: Mapping[int, Scalar]) -> Formula:
    """The formula with some parameters replaced by literals; the others keep their order."""
    kept = [k for k in range(len(formula.parameters)) if k not in values]
    tape = Tape([formula.parameters[k] for k in kept])
    arguments = [Const(values[k]) if k in values else kept.index(k) for k in range(len(formula.parameters))]
    return tape.finish(formula.name, tape.inline(formula, arguments), formula.recognised)


@cache
def bind_literals(formula: Formula, literals: tuple[tuple[int, Const], ...]) -> Formula:
    """As `bind`, made once for equal literals, of which 1, 1.0 and True are three."""
    return bind(formula, {k: item.value for k, item in literals}) if literals else formula


def drop_unused(formula: Formula, name: str | None = None) -> tuple[Formula, tuple[int, ...]]:
    """The formula without parameters it does not use, and the positions of those that it keeps."""
    kept = tuple(k for k in range(len(formula.parameters)) if formula.uses(k))
    tape = Tape([formula.parameters[k] for k in kept])
    arguments = [kept.index(k) if k in kept else Const(0) for k in range(len(formula.parameters))]
    return tape.finish(name or formula.name, tape.inline(formula, arguments), formula.recognised), kept


@dataclass(frozen=True, slots=True)
class TypedLine:
    """A line, the dtype in which its arguments are read (a condition is bool), and that of its value."""

    line: Line
    reads: DType
    dtype: DType


def infer_dtypes(formula: Formula, operands: Sequence[Operand], result: DType) -> tuple[TypedLine, ...]:
    """The dtypes of every line, for parameters of given dtypes and a result that is converted to `result`.

    A value that depends on literals alone takes the dtype of what uses it. Raises DTypeError naming the atom
    where an operand's dtype does not fit.
    """
    return _inferred_dtypes(formula, tuple(operands), result)


@lru_cache(maxsize=4096)
def _inferred_dtypes(formula: Formula, operands: tuple[Operand, ...], result: DType) -> tuple[TypedLine, ...]:
    known = _forward_dtypes(formula, operands)
    first = len(operands)
    demanded: dict[int, list[DType]] = {}
    typed: list[TypedLine] = []
    for position in range(first + len(formula.lines) - 1, first - 1, -1):
        line, dtype = formula.line(position), known[position]
        if isinstance(dtype, Weak):
            dtype = promote([dtype, *demanded.get(position, [result])])
            if dtype.is_float and ATOMS[line.atom].rule in OF_INTEGERS:
                dtype = INT64
        arguments = [_operand_dtype(ref, known) for ref in line.arguments]
        reads = _reads(ATOMS[line.atom].rule, arguments, dtype)
        for ref in line.arguments:
            if isinstance(ref, int):
                demanded.setdefault(ref, []).append(reads)
        typed.append(TypedLine(line, reads, dtype))
    return tuple(reversed(typed))


def _reads(rule: Rule, arguments: Sequence[Operand], dtype: DType) -> DType:
    """The dtype in which an atom reads arguments, where its value has a dtype."""
    if rule in (Rule.WORD, Rule.WORDS):
        return INT64
    return promote(arguments) if rule in (Rule.COMPARISON, Rule.TEST) else dtype


def natural_dtype(formula: Formula, operands: Sequence[Operand]) -> DType:
    """The dtype that the result has before any conversion. Raises DTypeError."""
    return _natural_dtype(formula, tuple(operands))


@lru_cache(maxsize=4096)
def _natural_dtype(formula: Formula, operands: tuple[Operand, ...]) -> DType:
    return promote([_operand_dtype(formula.result, _forward_dtypes(formula, operands))])


def _forward_dtypes(formula: Formula, operands: Sequence[Operand]) -> list[Operand]:
    known = list(operands)
    for line in formula.lines:
        try:
            known.append(
                result_dtype(ATOMS[line.atom], [_operand_dtype(ref, known) for ref in line.arguments])
            )
        except DTypeError as error:
            raise DTypeError(f"in {formula.name}: {error}") from None
    return known


def _operand_dtype(ref: Ref, known: Sequence[Operand]) -> Operand:
    return known[ref] if isinstance(ref, int) else Weak(type(ref.value))


def result_dtype(atom: Atom, arguments: Sequence[Operand]) -> Operand:
    """The dtype of one atom; weak where every argument that counts is. Raises DTypeError."""
    match atom.rule:
        case Rule.COMPARISON | Rule.TEST:
            return BOOL
        case Rule.BITWISE | Rule.INTEGER:
            return _integers(atom, _join(arguments))
        case Rule.WORD | Rule.WORDS:
            _integers(atom, _join(arguments))
            return INT32 if atom.rule is Rule.WORD else INT64
        case Rule.WHERE:
            _expect_bools(atom, arguments[:1])
            return _join(arguments[1:])
        case Rule.FLOATING:
            common = _join(arguments)
            return Weak(float) if isinstance(common, Weak) else floating(common)
        case Rule.SELECTING:
            return _join(arguments)
        case Rule.ARITHMETIC:
            common = _join(arguments)
            if common in (BOOL, Weak(bool)):
                raise DTypeError(f"{atom.name} is not defined for bool; cast an operand to a number first")
            return common


def _join(arguments: Sequence[Operand]) -> Operand:
    weak = [item.kind for item in arguments if isinstance(item, Weak)]
    if len(weak) < len(arguments):
        return promote(arguments)
    return Weak(max(weak, key=(bool, int, float).index))


def _integers(atom: Atom, common: Operand) -> Operand:
    """The common dtype of what is no float. Bools that are literals have no use as numbers."""
    if common in (BOOL, Weak(bool)) and atom.rule is Rule.BITWISE:
        return BOOL
    found = promote([common])
    if found is BOOL or found.is_float:
        what = "bools and integers" if atom.rule is Rule.BITWISE else "integers"
        fix = "compare first, as in `x != 0`, or cast" if found.is_float else "cast an operand"
        raise DTypeError(f"{atom.name} takes {what}, not {found}; {fix} to int64")
    return common


def _expect_bools(atom: Atom, arguments: Sequence[Operand]) -> None:
    if promote(arguments) is not BOOL:
        found = ", ".join(str(promote([item])) for item in arguments)
        raise DTypeError(f"{atom.name} takes bool, not {found}; compare first, as in `x != 0`")
