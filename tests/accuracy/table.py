"""The text of `ACCURACY.md`, measured and written; `compiler.backends.accuracy` reads it."""

from __future__ import annotations

import math

import numpy as np

from compiler.backends.accuracy import NONE, SYSTEMS
from tests.accuracy import activations
from tests.accuracy.activations import MEASURED, Activation, Measured
from tests.accuracy.measuring import NEAR, STRIDE, Array, Errors, errors, sample, truth_and_change

DTYPES = ("float32", "float64")
KINDS = ("value", "slope")
GOAL = 4
"""Units by which a function and its slope may be off on our backends."""

Row = dict[str, Errors | None]
"""The errors of one activation, by system."""


def measure(activation: Activation, dtype: str, systems: dict[str, Measured | None]) -> dict[str, Row]:
    """The row of an activation in the tables of its values and of its slopes."""
    x = sample_of(activation, dtype)
    found = {name: None if system is None else _quietly(system, x) for name, system in systems.items()}
    rows: dict[str, Row] = {}
    for k, (kind, reference) in enumerate(zip(KINDS, (activation.value, activation.slope), strict=True)):
        exact = truth_and_change(reference, x)
        rows[kind] = {
            name: None if pair is None else errors(x, pair[k], exact) for name, pair in found.items()
        }
    return rows


def sample_of(activation: Activation, dtype: str) -> Array:
    """The numbers of which an activation is measured."""
    x = sample(dtype)
    return x[(x > activation.above) & (x < activation.below)]


def _quietly(system: Measured, x: Array) -> tuple[Array, Array]:
    with np.errstate(all="ignore"):
        return system(x)


def systems_of(activation: Activation) -> dict[str, Measured | None]:
    """Every system's way to the activation."""
    return {
        "llvm": activations.ours(activation, "llvm"),
        "numpy": activations.ours(activation, "numpy"),
        "PyTorch": activations.torch(activation),
    }


def text(versions: str) -> str:
    """The whole file."""
    measured = {
        (dtype, item.name): measure(item, dtype, systems_of(item)) for dtype in DTYPES for item in MEASURED
    }
    parts = [_head(versions)]
    for dtype in DTYPES:
        for kind in KINDS:
            rows = {item.name: measured[dtype, item.name][kind] for item in MEASURED}
            parts.append(_table(f"{dtype}, {kind}", rows))
    return "\n".join(parts)


def _head(versions: str) -> str:
    return f"""# Measured errors of activations

Written by `python -m tests.accuracy`; not edited by hand.
{versions}

*Slope* is the gradient of the sum, computed in the dtype of x. *largest* and *99.9 %* are errors in units in
the last place (ULP) of the exact result: the largest of the sample, and the one that 99.9 % of the sample
stay below. *absolute* is the largest absolute error where |x| <= {NEAR:g}; beyond, an activation may be as
large as x. *worst x* is where the llvm backend's largest error lies. *inf* stands for NaN or an overflow
where the exact result is a number in range.

*units* is the fairer figure: the largest error in units of one ULP of the result plus what one ULP of the
argument changes, where the result is a normal number. Who is given x rounded cannot do better than about half
a unit. Ours are at most {GOAL}, but where a slope is the difference of two terms twice its size, so that the
errors of both add up: that of mish natively (with every atom rounded correctly it would still be 4.3),
and on NumPy, whose exp is off by 2 ULP, those of mish, silu and the gelus, and NumPy's erfc.

Where a slope crosses 0, the digits before the crossing cancel, and where a tail goes to 0, the exponential of
a rounded number loses digits; 1 - sigmoid(x) is 0 far out. There ULP grow in every system, and the absolute
error says more. Results that are subnormal count in steps of the smallest number.

float32: every {STRIDE}th finite number by bit pattern, over the whole range, and even steps over [-20, 20]
and [-120, 120], {len(sample("float32")):,} numbers in all, against float64 formulas that do not cancel.
float64: {len(sample("float64")):,} numbers, of all exponents, of [-20, 20] and of [-800, 800], against mpmath
with 60 digits.
"""


def _table(title: str, rows: dict[str, Row]) -> str:
    columns = [
        f"{system} {part}" for system in SYSTEMS for part in ("units", "largest", "99.9 %", "absolute")
    ]
    lines = [f"## {title}", "", "| activation | " + " | ".join(columns) + " | worst x |"]
    lines.append("|---|" + "---:|" * (len(columns) + 1))
    for name, row in rows.items():
        cells = [cell for system in SYSTEMS for cell in _cells(row[system])]
        ours = row["llvm"]
        place = f"{ours.worst:.6g}" if ours is not None and ours.largest > 0 else NONE
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {place} |")
    return "\n".join(lines) + "\n"


def _cells(found: Errors | None) -> list[str]:
    if found is None:
        return [NONE] * 4
    return [
        rounded_up(found.units),
        rounded_up(found.largest),
        rounded_up(found.most),
        rounded_up(found.absolute),
    ]


def rounded_up(number: float) -> str:
    """Two digits, never below the number: what the file states holds."""
    if number == 0 or not math.isfinite(number):
        return f"{number:g}"
    scale = math.floor(math.log10(number)) - 1
    digits = math.ceil(number / 10.0**scale * (1 - 1e-12))
    return f"{float(f'{digits}e{scale}'):.3g}"
