"""What is known of a scalar op: its meaning in words, and all that follows from its formula."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compiler.autodiff.explain import definitions_of
from compiler.backends.accuracy import SYSTEMS, Case, Stated, measured
from compiler.errors import DTypeError, FormulaError
from compiler.ir.build import input_node
from compiler.ir.formula.atoms import ATOMS, OF_INTEGERS, Rounding, Rule
from compiler.ir.formula.intervals import value_range
from compiler.ir.formula.printing import latex, print_body, print_formula
from compiler.ir.formula.settings import derive_with
from compiler.ir.formula.tape import Formula, bind
from compiler.ir.types import DType, tensor_type
from tinytorch.tensor import Tensor

if TYPE_CHECKING:
    from tinytorch.elementwise import Elementwise


@dataclass(frozen=True, slots=True)
class Slope:
    """The partial by an operand, with the op's parameters at their defaults; or why there is none."""

    by: str
    formula: str | None
    latex: str | None
    refused: str | None = None

    def to_dict(self) -> dict[str, str | None]:
        """The fields."""
        return {"by": self.by, "formula": self.formula, "latex": self.latex, "refused": self.refused}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an op. `str` is its documentation."""

    name: str
    meaning: str
    formula: str
    latex: str
    defaults: dict[str, Any]
    definitions: tuple[str, ...]
    """What the formula's composite atoms are, in elementary functions."""
    recognised: tuple[str, ...]
    slopes: tuple[Slope, ...]
    low: float
    """No value at finite arguments is below; nor above `high`."""
    high: float
    dtypes: dict[str, str | None]
    """The dtype of the result for operands of one dtype, or None where these are refused."""
    rounding: str
    """How near to the exact result the formula comes as it is written."""
    errors: tuple[tuple[Case, Stated], ...]
    """The largest errors that were measured, where they were."""

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {
            "name": self.name,
            "meaning": self.meaning,
            "formula": self.formula,
            "latex": self.latex,
            "defaults": dict(self.defaults),
            "definitions": list(self.definitions),
            "recognised": list(self.recognised),
            "slopes": [slope.to_dict() for slope in self.slopes],
            "range": [str(self.low), str(self.high)],
            "dtypes": dict(self.dtypes),
            "rounding": self.rounding,
            "errors": [
                {"dtype": case.dtype, "of": case.kind, "system": case.system, **found.to_dict()}
                for case, found in self.errors
            ],
        }

    @property
    def rows(self) -> tuple[tuple[str, str], ...]:
        """What `str` says below the meaning: pairs of a label and a text."""
        rows = [("formula", self.formula), ("LaTeX", self.latex)]
        rows += [("default", f"{name} = {value!r}") for name, value in self.defaults.items()]
        rows += [("where", text) for text in self.definitions]
        rows += [("recognised", text) for text in self.recognised]
        rows += [(f"slope by {item.by}", item.formula or str(item.refused)) for item in self.slopes]
        rows += [("values", self._values())] * self._is_bounded
        rows += [("dtypes", text) for text in self._dtypes()]
        rows += [("accuracy", text) for text in self._errors() or (self.rounding,)]
        return tuple(rows)

    @property
    def _is_bounded(self) -> bool:
        is_number = self.dtypes["float32"] not in ("bool", None)
        return is_number and (math.isfinite(self.low) or math.isfinite(self.high))

    def _values(self) -> str:
        low, high = (f"{bound:.6g}" for bound in (self.low, self.high))
        return f"from {low} on" if high == "inf" else f"up to {high}" if low == "-inf" else f"{low} to {high}"

    def _dtypes(self) -> list[str]:
        found: dict[str | None, list[str]] = {}
        for given, result in self.dtypes.items():
            found.setdefault(result, []).append(given)
        refused = found.pop(None, [])
        if all(result == given for result, kinds in found.items() for given in kinds):
            lines = [f"{', '.join(map(str, found))}: that of the operands"]
        else:
            lines = [f"{result} of {', '.join(given)}" for result, given in found.items()]
        return [*lines, *([f"{', '.join(refused)} refused"] if refused else [])]

    def _errors(self) -> list[str]:
        ours = [(case, found) for case, found in self.errors if case.system == SYSTEMS[0]]
        known = dict(self.errors)
        lines: list[str] = []
        for case, found in ours:
            others = [(system, known.get(case._replace(system=system))) for system in SYSTEMS[1:]]
            beside = "".join(f"; {system} {_ulps(other)}" for system, other in others if other is not None)
            lines.append(f"{case.dtype} {case.kind}: {_ulps(found)}, absolute {found.absolute:g}{beside}")
        return lines

    def __str__(self) -> str:
        width = max(len(label) for label, _ in self.rows)
        return f"{self.meaning or 'Computed element by element, from one formula.'}\n\n" + "".join(
            f"    {label:>{width}}  {text}\n" for label, text in self.rows
        )


def facts_of(op: Elementwise, name: str | None = None) -> Facts:
    """What is known of an op. `name` is what it is called by, where that is not the name of its formula."""
    formula, first = op.formula, len(op.operands)
    called = op.name if name is None else name
    plain = bind(formula, {first + place: value for place, value in enumerate(op.defaults.values())})
    low, high = value_range(formula)
    return Facts(
        called, op.meaning, print_formula(formula), latex(formula), dict(op.defaults),
        definitions_of(formula), formula.recognised,
        tuple(_slope(plain, place, operand) for place, operand in enumerate(op.operands)),
        low, high, {kind.value: _result(op, kind) for kind in DType}, _rounding(formula),
        tuple((case, found) for case, found in measured().items() if case.activation in (called, op.name)),
    )  # fmt: skip


def _slope(formula: Formula, place: int, operand: str) -> Slope:
    if formula.atom is not None and formula.atom.rule in OF_INTEGERS:
        return Slope(operand, None, None, "bools and integers have no slope")
    try:
        slope = derive_with(formula, place, {})
    except FormulaError as error:
        return Slope(operand, None, None, str(error))
    return Slope(operand, print_body(slope), latex(slope))


def _result(op: Elementwise, kind: DType) -> str | None:
    """The dtype of the result of operands of a kind; of a choice, of what is chosen from."""
    is_choice = op.formula.atom is not None and op.formula.atom.rule is Rule.WHERE
    kinds = [DType.BOOL if is_choice and place == 0 else kind for place, _ in enumerate(op.operands)]
    tensors = [
        Tensor(input_node(name, tensor_type(item, ()))) for name, item in zip(op.operands, kinds, strict=True)
    ]
    try:
        return op(*tensors).dtype.value
    except DTypeError:
        return None


def _rounding(formula: Formula) -> str:
    atoms = [line.atom for line in formula.lines]
    rounded = [atom for atom in atoms if ATOMS[atom].rounding is not Rounding.EXACT]
    if not rounded:
        return "exact"
    if len(rounded) == 1 and ATOMS[rounded[0]].rounding is Rounding.NEAREST:
        return "the number nearest to the exact result"
    return "each line of the formula is rounded"


def _ulps(found: Stated) -> str:
    if not math.isfinite(found.ulps):
        return "NaN or an overflow"
    return f"{found.units:g} units, {found.ulps:g} ULP at most"
