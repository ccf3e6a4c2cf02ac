"""What the colours of boxes mean, other than their roles: time, bytes, precision."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias

from compiler.ir.node import Node
from compiler.ir.op import Trait

COLOURS: Final = ("role", "time", "bytes", "precision")
"""What colours may mean."""

Fills: TypeAlias = tuple[tuple[str, str], ...]

# One hue that grows darker (after ColorBrewer's sequential schemes, Harrower and Brewer 2003); grey letters
# can be read on each.
_SHADES: Final = ("#FFFFFF", "#FEF0DD", "#FDDBB4", "#FBC080", "#F5A04E")
_SHARES: Final = (0.0, 0.01, 0.03, 0.1, 0.3)
"""The least share of all that has each shade."""

_PRECISIONS: Final = {
    "float64": "#C9B6E4",
    "float32": "#CFE3F5",
    "bfloat16": "#DDF0E4",
    "float16": "#CBE8D6",
    "int64": "#F3E2A9",
    "int32": "#FAF1D3",
    "int16": "#FBF3E4",
    "int8": "#FCEFE2",
    "uint8": "#F8E5D8",
    "bool": "#E4E4E4",
}
_SEVERAL: Final = "#FFFFFF"


@dataclass(frozen=True, slots=True)
class Colouring:
    """The fill of the box of some nodes, and what each fill means."""

    fill: Callable[[Sequence[Node]], str]
    legend: Fills
    is_scale: bool = True
    """The legend has all fills, also those that no box has."""

    def occurring(self, used: Collection[str]) -> Fills:
        """The legend of a picture whose boxes have these fills."""
        return tuple(item for item in self.legend if self.is_scale or item[0] in used)


def by_amount(amounts: Mapping[Node, float], what: str) -> Colouring:
    """Darker boxes take more of a sum. `what` says of what: `time`, `bytes moved`."""
    whole = sum(amounts.values())

    def fill(nodes: Sequence[Node]) -> str:
        share = sum(amounts.get(node, 0.0) for node in nodes) / whole if whole else 0.0
        return _SHADES[sum(share >= least for least in _SHARES) - 1]

    words = [f"under {_SHARES[1]:.0%} of {what}"]
    words += [f"{low:.0%} to {high:.0%}" for low, high in pairwise(_SHARES[1:])]
    words.append(f"{_SHARES[-1]:.0%} and more")
    return Colouring(fill, tuple(zip(_SHADES, words, strict=True)))


def by_precision() -> Colouring:
    """A hue for each dtype of what boxes compute."""

    def fill(nodes: Sequence[Node]) -> str:
        found = {node.type.dtype.value for node in nodes if len(nodes) == 1 or not node.op.has(Trait.LEAF)}
        return _PRECISIONS[found.pop()] if len(found) == 1 else _SEVERAL

    legend = tuple((color, name) for name, color in _PRECISIONS.items())
    return Colouring(fill, (*legend, (_SEVERAL, "several dtypes")), is_scale=False)
