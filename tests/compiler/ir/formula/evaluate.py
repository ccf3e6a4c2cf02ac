"""Formulas on NumPy arrays, as the oracle evaluates them."""

from typing import Any

import numpy as np

from compiler.backends.reference.atoms import ATOMS_IN_NUMPY
from compiler.ir.formula.parsing import parse_formula
from compiler.ir.formula.tape import Formula


def f(body: str, parameters: str = "x") -> Formula:
    return parse_formula(f"f({parameters}) = {body}")


def on_arrays(formula: Formula, *arguments: Any, dtype: Any = np.float32) -> np.ndarray[Any, Any]:
    arrays = [np.asarray(item, dtype) for item in arguments]
    shape = np.broadcast_shapes(*(item.shape for item in arrays))
    with np.errstate(all="ignore"):
        value = formula.evaluate(ATOMS_IN_NUMPY, arrays, lambda literal: _literal(literal, dtype))
    return np.broadcast_to(value, shape)


def _literal(value: Any, dtype: Any) -> Any:
    return np.bool_(value) if isinstance(value, bool) else np.dtype(dtype).type(value)
