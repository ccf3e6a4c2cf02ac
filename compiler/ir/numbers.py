"""What counts as a number where a Python number may stand: one reading, for every room."""

from __future__ import annotations

import operator
from typing import Any, Final, TypeAlias, cast

import numpy as np

from compiler.errors import SymbolicValueError
from compiler.ir.bfloat16 import is_bfloat16

Scalar: TypeAlias = bool | int | float

_PLAIN: Final = frozenset({bool, int, float})
_KINDS: Final[dict[str, type[Scalar]]] = {"b": bool, "i": int, "u": int, "f": float}


def number(value: Any) -> Scalar | None:
    """The Python number that a value is: itself, that of a NumPy scalar, that under a subclass (an IntEnum).

    None for everything else, arrays of no axes among it: they have a dtype, and a number has none.
    """
    if type(value) in _PLAIN:
        return value
    if isinstance(value, np.generic):
        scalar = cast("np.generic[Any]", value)
        kind = kind_of(scalar.dtype)
        return None if kind is None else kind(cast(Any, scalar))
    if isinstance(value, int | float):
        return int(value) if isinstance(value, int) else float(value)
    return None


def whole_number(value: Any) -> int | None:
    """The int that a count, an axis or a position is, of Python, of NumPy or an integer array of no axes.

    None for everything else, bools and floats among it. What has no value yet says so itself.
    """
    if isinstance(value, bool | np.bool_):
        return None
    try:
        return operator.index(value)
    except SymbolicValueError:
        raise
    except TypeError:
        return None


def kind_of(dtype: np.dtype[Any]) -> type[Scalar] | None:
    """The type of the Python numbers that elements of a NumPy dtype are; None if they are none."""
    return float if is_bfloat16(dtype) else _KINDS.get(dtype.kind)


def is_floating(dtype: np.dtype[Any]) -> bool:
    """Whether elements of a NumPy dtype are floating-point numbers; bfloat16 is no kind of NumPy's."""
    return kind_of(dtype) is float
