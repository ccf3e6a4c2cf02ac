"""Comparisons as text: tables as wide as they need to be, numbers with their units."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from compiler.schedule.tables import scaled

if TYPE_CHECKING:
    from tinytorch.comparing.ablation import Ablation, Gain, Worth
    from tinytorch.comparing.outcome import Comparison, Outcome

TIMES = ("time of a call", "spread", "speed", "compile", "kernels", "flops", "moved", "of the roof")
MEMORY = ("slab", "predicted", "measured", "difference", "absolute", "relative", "ulps")
WORTH = tuple(f"{what}{how}" for how in ("", ", alone") for what in ("time", "speed", "slab", "kernels"))


def comparison_text(comparison: Comparison) -> str:
    """Two tables, of times and of memory and results, and where variants part."""
    first = comparison.variants[0]
    rows = [("variant", *TIMES), *((item.name, *time_cells(item, first)) for item in comparison)]
    memory = [("variant", *MEMORY), *((item.name, *memory_cells(item)) for item in comparison)]
    said = [f"{item.parting}\n" for item in comparison if item.parting is not None]
    return framed(rows) + framed(memory) + "".join(said)


def time_cells(item: Outcome, first: Outcome) -> tuple[str, ...]:
    """The cells under TIMES."""
    return (
        time_text(item.seconds), f"{item.spread:.0%}", f"{first.seconds / item.seconds:.2f} x",
        time_text(item.compile_seconds), str(item.kernels), scaled(item.flops), bytes_text(item.bytes_moved),
        f"{item.roof:.0%}",
    )  # fmt: skip


def memory_cells(item: Outcome) -> tuple[str, ...]:
    """The cells under MEMORY: the slab, and the largest differences of any output."""
    found = [output.distance for output in item.outputs]
    ulps = [one.ulps for one in found if not math.isnan(one.ulps)]
    return (
        f"{item.peak_bytes} B", bytes_text(item.predicted_bytes), bytes_text(item.measured_bytes),
        _small(item.difference), _small(max((one.absolute for one in found), default=0.0)),
        _small(max((one.relative for one in found), default=0.0)), f"{max(ulps):.3g}" if ulps else "",
    )  # fmt: skip


def _small(difference: float) -> str:
    return f"{difference:.1e}" if difference else "0"


def ablation_text(ablation: Ablation) -> str:
    """A line for each pass: what a call saves by it. `~` stands before a time that may be noise."""
    found = ablation.comparison
    first, last = ablation.none, ablation.all
    head = (
        f"{time_text(first.seconds)} without passes, {time_text(last.seconds)} with all: "
        f"{first.seconds / last.seconds:.2f} x; {bytes_text(first.predicted_bytes)} and "
        f"{bytes_text(last.predicted_bytes)} of slab; {first.kernels} and {last.kernels} kernels\n"
    )
    rows = [("pass", *WORTH), *((item.name, *worth_cells(item)) for item in ablation)]
    said = [f"{item.parting}\n" for item in found if item.parting is not None and item is not first]
    legend = "what each pass saves: taken away from all, and alone; ~ where the rounds differ as much\n"
    return head + framed(rows) + legend + "".join(said)


def worth_cells(item: Worth) -> tuple[str, ...]:
    """The cells under WORTH."""
    return tuple(cell for gain in (item.removed, item.added) for cell in _gain_cells(gain))


def _gain_cells(gain: Gain) -> tuple[str, ...]:
    return (
        f"{'' if gain.is_clear else '~ '}{signed(round(gain.seconds, 9), time_text)}", f"{gain.speed:.2f} x",
        signed(gain.bytes, bytes_text), signed(gain.kernels, str),
    )  # fmt: skip


def signed(value: float, text: Callable[[Any], str]) -> str:
    """A number that is saved, with a sign where it is not."""
    return f"-{text(-value)}" if value < 0 else text(value) if value else "0"


def framed(rows: Sequence[Sequence[str]]) -> str:
    """A table with lines around it; the first row are headings, all columns but the first numbers."""
    from rich import box  # noqa: PLC0415  # a twentieth of a second, and only to print
    from rich.console import Console  # noqa: PLC0415  # likewise
    from rich.markup import escape  # noqa: PLC0415  # likewise
    from rich.table import Table  # noqa: PLC0415  # likewise

    table = Table(box=box.ROUNDED)
    for place, heading in enumerate(rows[0]):
        table.add_column(heading, justify="left" if place == 0 else "right", no_wrap=True)
    for row in rows[1:]:
        table.add_row(*map(escape, row))
    width = sum(max(map(len, column)) + 3 for column in zip(*rows, strict=True)) + 1
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def time_text(seconds: float) -> str:
    """`1.25 ms`."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def bytes_text(count: int) -> str:
    """`64 kB`, in powers of ten."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} B"
