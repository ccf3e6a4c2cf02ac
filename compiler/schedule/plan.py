"""Plan: where every value that leaves its kernel lives, known before anything runs.

    Plan   ::= schedule, place of each stored value, commits, copies, peak
    Place  ::= InSlab(offset, bytes) | InOutput(position) | InParameter(parameter) | InLeaf | View(base, offset, strides)

Offsets and the peak are polynomials in the symbolic dimensions: they hold for every batch size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from compiler.ir.dims import Extent, Shape
from compiler.ir.node import Node
from compiler.schedule.schedule import Schedule


@dataclass(frozen=True, slots=True)
class InSlab:
    """Dense, at a byte offset of the slab. `first` and `last` are the kernels between which it must stay."""

    offset: Extent
    bytes: Extent
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class InOutput:
    """Dense, written straight into an output of the call."""

    position: int


@dataclass(frozen=True, slots=True)
class InParameter:
    """Dense, written straight into the buffer of the parameter that it updates."""

    parameter: Node


@dataclass(frozen=True, slots=True)
class InLeaf:
    """An input, a parameter or a constant, where it is."""


@dataclass(frozen=True, slots=True)
class View:
    """No memory of its own: elements of `base` from an offset on, with a stride (in elements) for each axis."""

    base: Node
    offset: Extent
    strides: Shape


Place: TypeAlias = InSlab | InOutput | InParameter | InLeaf | View


@dataclass(frozen=True, slots=True)
class Commit:
    """Copies a value to the parameter that it updates, after kernel `after` has run (-1: before the first)."""

    parameter: Node
    value: Node
    after: int


@dataclass(frozen=True, slots=True)
class OutputCopy:
    """Copies a value to an output after the last kernel: a leaf, a view, or a value returned twice."""

    value: Node
    position: int


@dataclass(frozen=True)
class Plan:
    """Every stored value has a place: leaves, views, and the values that leave a kernel.

    Copies run after the last kernel and before commits that wait for it. `peak_bytes` is the size of the slab: an int,
    or a polynomial in the symbolic dimensions (`compiler.ir.dims.evaluate` or `.at` gives a number).
    """

    schedule: Schedule
    places: Mapping[Node, Place]
    copies: tuple[OutputCopy, ...]
    commits: tuple[Commit, ...]
    peak_bytes: Extent
