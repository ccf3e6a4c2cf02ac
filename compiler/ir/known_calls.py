"""Calls that a text may name without being given their functions: ours, pure, of arrays of any size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from compiler.ir.trait import Call
from compiler.ir.types import INT64, TensorType

ARGSORT: Final = "tt.argsort"


def _argsort(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.argsort(x, axis=-1, kind="stable").astype(np.int64, copy=False)


KNOWN: Final[Mapping[str, Callable[..., Any]]] = {ARGSORT: _argsort}
"""By label."""


def argsort_call(type: TensorType) -> Call:
    """The places of elements along the last axis in ascending order; of equal ones the first comes first."""
    return Call(ARGSORT, _argsort, TensorType(INT64, type.shape))


def known_call(label: str, type: TensorType) -> Call | None:
    """The call of a label, with a result of a type; None for one that is not ours."""
    return Call(label, KNOWN[label], type) if label in KNOWN else None
