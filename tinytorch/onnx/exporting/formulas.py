"""Formulas in a model: what is written for one, and how a function of a model says which formula it is.

A function that stands for a formula has it in its metadata, so that who reads the model may take the formula
for the nodes. `formula_of` believes it only where writing the formula gives the function's nodes again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from compiler.errors import TinytorchError
from compiler.ir.formula.parsing import parse_formula, parse_scalar
from compiler.ir.formula.tape import Const, Formula, Ref, infer_dtypes
from compiler.ir.types import BOOL, DType, Operand, Weak, dtype_of
from tinytorch.onnx.exporting.atoms import ATOMS, NO_FORM
from tinytorch.onnx.exporting.forms import FORMS
from tinytorch.onnx.exporting.values import Unsayable, Value, converted
from tinytorch.onnx.exporting.writer import DOMAIN, Library, body_of

_FORMULA: Final = "tinytorch.formula"
_ARGUMENTS: Final = "tinytorch.arguments"
_DTYPE: Final = "tinytorch.dtype"


@dataclass(frozen=True)
class Applied:
    """A formula whose parameters are inputs, by number, or literals; what it makes is of `dtype`.

    It can be called with values of a model, and writes its nodes.
    """

    formula: Formula
    arguments: tuple[int | Const, ...]
    kinds: tuple[Operand, ...]
    """Of the parameters; sizes are weak, as literals are."""
    dtype: DType

    def __call__(self, *given: Value) -> Value:
        """The nodes, where the inputs are these."""
        values = [item.value if isinstance(item, Const) else given[item] for item in self.arguments]
        return written(given[0].nodes, self.formula, self.kinds, self.dtype, values)

    def notes(self) -> dict[str, str]:
        """What a function's metadata say; nothing where sizes are among the inputs."""
        pairs = zip(self.arguments, self.kinds, strict=True)
        if any(isinstance(kind, Weak) and not isinstance(item, Const) for item, kind in pairs):
            return {}
        arguments = [str(item) if isinstance(item, Const) else item for item in self.arguments]
        return {
            _FORMULA: str(self.formula), _ARGUMENTS: json.dumps(arguments), _DTYPE: self.dtype.value,
        }  # fmt: skip


def written(
    nodes: Any, formula: Formula, kinds: Sequence[Operand], dtype: DType, values: Sequence[Any]
) -> Value:
    """The formula line by line, each in the dtype that the IR states for it."""
    known = list(values)

    def look(ref: Ref, wanted: DType) -> Value:
        item = known[ref] if isinstance(ref, int) else ref.value
        if not isinstance(item, Value):
            return nodes.constant(item, wanted.numpy)
        return converted(item, wanted, dtype_of(item.dtype))

    for typed in infer_dtypes(formula, kinds, dtype):
        line = typed.line
        if line.atom not in ATOMS:
            raise Unsayable(f"the atom {line.atom}: {NO_FORM[line.atom]}")
        reads = [BOOL if line.atom == "where" and k == 0 else typed.reads for k in range(len(line.arguments))]
        found = ATOMS[line.atom](*map(look, line.arguments, reads))
        known.append(converted(found, typed.dtype, dtype_of(found.dtype)))
    return look(formula.result, dtype)


def formula_of(function: Any, dtypes: Sequence[DType]) -> Applied | None:
    """The formula of which a function (FunctionProto) says that it stands for it, for inputs of dtypes.

    None for a function that says none, and for one whose nodes are not those of the formula.
    """
    notes = {item.key: item.value for item in function.metadata_props}
    if function.domain != DOMAIN or not {_FORMULA, _ARGUMENTS, _DTYPE}.issubset(notes):
        return None
    try:
        found = _applied(notes, dtypes)
        opset = next(item.version for item in function.opset_import if not item.domain)
        body = body_of(Library(FORMS, opset), found, [dtype.numpy for dtype in dtypes])
    except (TinytorchError, Unsayable, ValueError, IndexError, TypeError, KeyError, StopIteration):
        return None  # whatever it is, it is not what we write
    is_same = list(function.node) == body.nodes and list(function.input) == body.inputs
    return found if is_same and list(function.output) == [body.result.name] else None


def _applied(notes: Mapping[str, str], dtypes: Sequence[DType]) -> Applied:
    formula = parse_formula(notes[_FORMULA])
    said = cast("list[Any]", json.loads(notes[_ARGUMENTS]))
    arguments = tuple(item if isinstance(item, int) else Const(parse_scalar(item)) for item in said)
    kinds = tuple(Weak(type(item.value)) if isinstance(item, Const) else dtypes[item] for item in arguments)
    return Applied(formula, arguments, kinds, DType(notes[_DTYPE]))
