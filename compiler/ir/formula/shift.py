"""What exponents are moved by, so that none of them overflows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from compiler.ir.formula.parsing import parse_formula
from compiler.ir.formula.tape import Formula
from compiler.ir.types import COMPUTE, DType

_LARGEST = {dtype: float(np.finfo(dtype.numpy).max) for dtype in COMPUTE if dtype.is_float}

SHIFTS: Final[Mapping[DType, Formula]] = {
    dtype: parse_formula(f"shift(m) = maximum(minimum(stop(m), {largest!r}), {-largest!r})")
    for dtype, largest in _LARGEST.items()
}
"""The largest exponent, which carries no gradient, held at a finite number.

An infinite exponent stays infinite, and the finite ones beside +inf have the exponential 0.
"""
