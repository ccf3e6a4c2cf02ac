"""What uniform numbers become: formulas of other distributions, each made when it is first asked for."""

# A formula's parameters have no types: it is called with variables.
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
from functools import cache
from typing import Any, Final

from compiler.ir.types import FLOAT32, DType
from tinytorch.elementwise import Elementwise, elementwise
from tinytorch.ops.elementwise import clip, erfinv, log, log1p, maximum


def _digits(dtype: DType) -> int:
    return 24 if dtype is FLOAT32 else 53


def _named(name: str, dtype: DType) -> str:
    return name if dtype is FLOAT32 else f"{name}64"


@cache
def exponential() -> Elementwise:
    """-log(1 - u)."""
    return elementwise("exponential", lambda u: -log1p(-u))


@cache
def gumbel() -> Elementwise:
    """-log(-log(u)), with float32's least normal number for 0, whose logarithm is infinite."""
    return elementwise("gumbel", lambda u: -log(-log(maximum(u, 2.0**-126))))


@cache
def normal(dtype: DType) -> Elementwise:
    """The normal number below which a share u of all lie; of 0, the least that is finite."""
    last = 1 - 2.0 ** -_digits(dtype)
    return elementwise(_named("normal", dtype), lambda u: math.sqrt(2) * erfinv(2 * u - last))


@cache
def truncated_normal(dtype: DType) -> Elementwise:
    """The normal number at a share u of the way between two values of erf, held between two bounds."""
    return elementwise(
        _named("truncated_normal", dtype),
        lambda u, low, high, first, last: clip(math.sqrt(2) * erfinv(first + u * (last - first)), low, high),
    )


@cache
def below() -> Elementwise:
    """A whole number below `span`, at most 2^31, of 64 random bits: the upper word of their product."""

    def scaled(bits: Any, low: Any, span: Any) -> Any:
        upper, lower = _halves(bits)
        return low + ((upper * span + (lower * span >> 32)) >> 32)

    return elementwise("randint", scaled)


@cache
def below_any() -> Elementwise:
    """The same of any span below 2^63, from products of halves; `low` where no number is below `high`."""

    def scaled(bits: Any, low: Any, high: Any) -> Any:
        upper, lower = _halves(bits)
        over, under = _halves(maximum(high - low, 1))
        middle, other = upper * under, lower * over
        carried = (_upper(lower * under) + (middle & _WORD) + (other & _WORD)) >> 32
        return low + (upper * over + _upper(middle) + _upper(other) + carried)

    return elementwise("randint64", scaled)


_WORD: Final = (1 << 32) - 1


def _upper(x: Any) -> Any:
    """The upper half of 64 bits that have no sign."""
    return x >> 32 & _WORD


def _halves(x: Any) -> tuple[Any, Any]:
    return _upper(x), x & _WORD
