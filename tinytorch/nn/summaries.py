"""Summaries of networks: a row for each call of a module."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from compiler.ir.dims import Extent, evaluate
from compiler.schedule.tables import Table, scaled


@dataclass(frozen=True, slots=True)
class Layer:
    """One call of a module."""

    path: str
    """Where it is in the network; empty for the network itself."""
    kind: str
    """The name of its class."""
    outputs: tuple[str, ...]
    """The types of what it returns, as `f32[batch,10]`."""
    parameters: int
    """Numbers in its weights, those of modules within it among them; 0 where it was called before."""
    frozen: int
    """Those of them that optimisers leave alone."""
    buffers: int
    """Numbers in its buffers, counted as those in weights."""
    flops: Extent
    """Floating operations of the forward pass: a product of (m, k) and (k, n) is 2*m*k*n."""

    def to_dict(self) -> dict[str, Any]:
        """The row; flops as an int, or as the text of a polynomial."""
        flops = self.flops if isinstance(self.flops, int) else str(self.flops)
        return {
            "path": self.path, "kind": self.kind, "outputs": [*self.outputs], "parameters": self.parameters,
            "frozen": self.frozen, "buffers": self.buffers, "flops": flops,
        }  # fmt: skip


@dataclass(frozen=True, repr=False)
class Summary:
    """The calls of a network's modules, each before what it calls, the network first. `str` is a table."""

    layers: tuple[Layer, ...]

    @property
    def total(self) -> Layer:
        """The network as a whole."""
        return self.layers[0]

    def at(self, **symbols: int) -> Summary:
        """The same with sizes of all symbolic dimensions in flops. Raises ArgumentError for one not given."""
        return Summary(tuple(replace(x, flops=evaluate(x.flops, symbols)) for x in self.layers))

    def to_dict(self) -> dict[str, Any]:
        """The rows in their order."""
        return {"layers": [layer.to_dict() for layer in self.layers]}

    @property
    def tables(self) -> tuple[Table, ...]:
        """One, of these rows."""
        rows = tuple(
            _cells(layer, name) for layer, name in zip(self.layers, _names(self.layers), strict=True)
        )
        return (Table(("layer", "kind", "output", "parameters", "flops"), rows, 3, notes=_notes(self.total)),)

    def __str__(self) -> str:
        return str(self.tables[0])

    def __repr__(self) -> str:
        return f"<Summary of {len(self.layers)} layers: {self.total.parameters} parameters>"


def _names(layers: Sequence[Layer]) -> list[str]:
    """The paths within the layer around each, indented under its name."""
    around, names = list[str](), list[str]()
    for layer in layers:
        while around and around[-1] and not f"{layer.path}.".startswith(f"{around[-1]}."):
            around.pop()
        names.append("  " * len(around) + layer.path.removeprefix(around[-1] if around else "").lstrip("."))
        around.append(layer.path)
    return names


def _cells(layer: Layer, name: str) -> tuple[str, ...]:
    flops = scaled(layer.flops) if isinstance(layer.flops, int) else str(layer.flops)
    return name, layer.kind, ", ".join(layer.outputs), f"{layer.parameters:,}", flops


def _notes(total: Layer) -> tuple[str, ...]:
    frozen = f", {total.frozen:,} of them frozen" * bool(total.frozen)
    buffers = f", and {total.buffers:,} numbers in buffers" * bool(total.buffers)
    return (f"{total.parameters:,} parameters{frozen}{buffers}",)
