"""What uniform numbers become: formulas of other distributions, each made when it is first asked for.

The inverse of the error function is M. Giles's, "Approximating the erfinv function" (GPU Computing Gems,
2011), one polynomial for each piece of the range of w = -log(1 - x^2).
"""

# A formula's parameters have no types: it is called with variables.
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
from functools import cache
from typing import Any, Final

from compiler.ir.types import FLOAT32, DType
from tinytorch.elementwise import Elementwise, elementwise
from tinytorch.ops.elementwise import clip, log, log1p, maximum, sqrt, where

_NEAR_32: Final = (
    2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503,
    -0.00417768164, 0.246640727, 1.50140941,
)  # fmt: skip
_FAR_32: Final = (
    -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613,
    0.00943887047, 1.00167406, 2.83297682,
)  # fmt: skip
_NEAR_64: Final = (
    -3.6444120640178196996e-21, -1.685059138182016589e-19, 1.2858480715256400167e-18,
    1.115787767802518096e-17, -1.333171662854620906e-16, 2.0972767875968561637e-17, 6.6376381343583238325e-15,
    -4.0545662729752068639e-14, -8.1519341976054721522e-14, 2.6335093153082322977e-12,
    -1.2975133253453532498e-11, -5.4154120542946279317e-11, 1.051212273321532285e-09,
    -4.1126339803469836976e-09, -2.9070369957882005086e-08, 4.2347877827932403518e-07,
    -1.3654692000834678645e-06, -1.3882523362786468719e-05, 0.0001867342080340571352,
    -0.00074070253416626697512, -0.0060336708714301490533, 0.24015818242558961693, 1.6536545626831027356,
)  # fmt: skip
_FAR_64: Final = (
    2.2137376921775787049e-09, 9.0756561938885390979e-08, -2.7517406297064545428e-07,
    1.8239629214389227755e-08, 1.5027403968909827627e-06, -4.013867526981545969e-06,
    2.9234449089955446044e-06, 1.2475304481671778723e-05, -4.7318229009055733981e-05,
    6.8284851459573175448e-05, 2.4031110387097893999e-05, -0.0003550375203628474796,
    0.00095328937973738049703, -0.0016882755560235047313, 0.0024914420961078508066,
    -0.0037512085075692412107, 0.005370914553590063617, 1.0052589676941592334, 3.0838856104922207635,
)  # fmt: skip
_FARTHEST_64: Final = (
    -2.7109920616438573243e-11, -2.5556418169965252055e-10, 1.5076572693500548083e-09,
    -3.7894654401267369937e-09, 7.6157012080783393804e-09, -1.4960026627149240478e-08,
    2.9147953450901080826e-08, -6.7711997758452339498e-08, 2.2900482228026654717e-07,
    -9.9298272942317002539e-07, 4.5260625972231537039e-06, -1.9681778105531670567e-05,
    7.5995277030017761139e-05, -0.00021503011930044477347, -0.00013871931833623122026, 1.0103004648645343977,
    4.8499064014085844221,
)  # fmt: skip


def _horner(coefficients: tuple[float, ...], x: Any) -> Any:
    total: Any = coefficients[0]
    for item in coefficients[1:]:
        total = total * x + item
    return total


def _erfinv32(x: Any) -> Any:
    w = -log1p(-x * x)
    return x * where(w < 5, _horner(_NEAR_32, w - 2.5), _horner(_FAR_32, sqrt(w) - 3))


def _erfinv64(x: Any) -> Any:
    w = -log1p(-x * x)
    root = sqrt(w)
    far = where(w < 16, _horner(_FAR_64, root - 3.25), _horner(_FARTHEST_64, root - 5))
    return x * where(w < 6.25, _horner(_NEAR_64, w - 3.125), far)


def _erfinv(x: Any, dtype: DType) -> Any:
    return _erfinv32(x) if dtype is FLOAT32 else _erfinv64(x)


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
    return elementwise(_named("normal", dtype), lambda u: math.sqrt(2) * _erfinv(2 * u - last, dtype))


@cache
def truncated_normal(dtype: DType) -> Elementwise:
    """The normal number at a share u of the way between two values of erf, held between two bounds."""
    return elementwise(
        _named("truncated_normal", dtype),
        lambda u, low, high, first, last: clip(
            math.sqrt(2) * _erfinv(first + u * (last - first), dtype), low, high
        ),
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
