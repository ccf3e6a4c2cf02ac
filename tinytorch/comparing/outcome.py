"""What was found of variants: data, and what is made of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compiler.errors import ArgumentError
from compiler.ir.dims import Extent
from compiler.ir.plain import plain
from compiler.program import Program
from compiler.render.kernels import draw_schedules
from compiler.schedule.tables import Table

if TYPE_CHECKING:
    from compiler.lockstep.distance import Distance
    from compiler.lockstep.parting import Parting
    from compiler.report.measuring import Roof


@dataclass(frozen=True, slots=True)
class Output:
    """How far an output, or a parameter's next value, is from the first variant's."""

    name: str
    distance: Distance

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {"name": self.name, **self.distance.to_dict()}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found of one variant."""

    name: str
    program: Program = field(repr=False)
    seconds: float
    """Time of a call: the median of the rounds' medians."""
    spread: float
    """How far the slowest round's median is from the fastest one's, as a share of `seconds`.

    NaN of one round."""
    compile_seconds: float
    """From graph to program, with formulas and compiled objects that the process or its cache has already."""
    kernels: int
    peak_bytes: Extent
    """The slab's size: a polynomial in the symbolic dimensions, or an int."""
    predicted_bytes: int
    """The same for the data given."""
    measured_bytes: int
    """The most bytes that a first call held at once beyond those before: slab, scratch, outputs, copies."""
    flops: int
    """Operations on floating values in a call (see `Cost.flops`)."""
    bytes_moved: int
    """Bytes that must be read or written in a call, by the kernels as they are."""
    roof: float
    """The shortest time that the machine's measured roof allows for these flops and bytes, as a share of
    `seconds`. At most 1: the roof is at least as high as what any of the variants reached."""
    outputs: tuple[Output, ...]
    parting: Parting | None
    """The first node at which it parts from the first variant by more than rounding, if a result does."""

    @property
    def difference(self) -> float:
        """The largest difference of an output from the first variant's, relative to its largest magnitude."""
        return max((item.distance.scaled for item in self.outputs), default=0.0)

    @property
    def worst(self) -> Output | None:
        """The output that differs most, by the same measure; None where there is no output."""
        return max(self.outputs, key=lambda item: item.distance.scaled, default=None)

    def to_dict(self) -> dict[str, Any]:
        """What was found, without the program."""
        apart = {"program", "outputs", "parting"}
        found = {
            item.name: plain(getattr(self, item.name)) for item in fields(self) if item.name not in apart
        }
        return found | {
            "difference": plain(self.difference),
            "outputs": [item.to_dict() for item in self.outputs],
            "parting": None if self.parting is None else self.parting.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """The variants in the order given; differences are from the first. `str` is a table.

    `comparison["fused"]` is the variant of that name.
    """

    variants: tuple[Outcome, ...]
    sizes: Mapping[str, int]
    """The values of the symbolic dimensions."""
    roof: Roof

    def __getitem__(self, name: str) -> Outcome:
        for variant in self.variants:
            if variant.name == name:
                return variant
        raise ArgumentError(
            f"no variant is named {name!r}; there are {', '.join(v.name for v in self.variants)}"
        )

    def __iter__(self) -> Iterator[Outcome]:
        return iter(self.variants)

    def __len__(self) -> int:
        return len(self.variants)

    def draw(self, path: str | os.PathLike[str], names: Sequence[str] | None = None) -> Path:
        """Draws the schedules of the variants named side by side: a box a kernel, with its members inside.

        The time of a call stands behind each name. Without names, the first variant and the last. Raises
        ArgumentError for a name that is not compared, DrawingError where Graphviz is missing.
        """
        ends = dict.fromkeys((self.variants[0].name, self.variants[-1].name))
        shown = ends if names is None else names
        calls = {name: self[name].seconds * 1e6 for name in shown}
        return draw_schedules({name: self[name].program.schedule for name in shown}, path, calls=calls)

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Bars of time, memory and kernels; the matplotlib figure, also written to `path` if given.

        Raises DrawingError where matplotlib is not installed.
        """
        from tinytorch.comparing.charts import plot_comparison  # noqa: PLC0415  # loaded by who asks for it

        return plot_comparison(self, path)

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Writes a page with tables, bars and the kernels of the first variant and the last.

        One file that any browser opens, without a network. Returns the path. Raises DrawingError where
        Graphviz is missing.
        """
        from tinytorch.comparing.page import write_page  # noqa: PLC0415  # as in `plot`

        return write_page(self, path)

    def to_dict(self) -> dict[str, Any]:
        """The variants in their order, the sizes, and the machine's roof."""
        return {
            "variants": [item.to_dict() for item in self.variants],
            "sizes": dict(self.sizes),
            "roof": self.roof.to_dict(),
        }

    @property
    def tables(self) -> tuple[Table, ...]:
        """Two, of times and of memory and results; where variants part is said below."""
        from tinytorch.comparing.tables import comparison_tables  # noqa: PLC0415  # as in `plot`

        return comparison_tables(self)

    def __str__(self) -> str:
        from tinytorch.comparing.tables import framed  # noqa: PLC0415  # as in `plot`

        return "".join(map(framed, self.tables))

    __repr__ = __str__
