"""Counts and measurements as JSON can hold them."""

from __future__ import annotations

import math

from compiler.ir.dims import Extent

Plain = int | float | str | None
"""A number, the text of a polynomial, or None for what nobody knows."""


def plain(value: Extent | float | object) -> Plain:
    """A number as it is, a polynomial or a quotient of some as its text, NaN as None, infinity as "inf"."""
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else str(value)
    return str(value)
