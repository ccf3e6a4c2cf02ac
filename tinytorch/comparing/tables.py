"""Comparisons as text: tables as wide as they need to be, numbers with their units."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from compiler.schedule.tables import Table, digits, scaled

if TYPE_CHECKING:
    from tinytorch.comparing.ablation import Ablation, Gain, Worth
    from tinytorch.comparing.outcome import Comparison, Outcome

TIMES = ("time of a call", "spread", "speed", "compile", "kernels", "flops", "moved", "of the roof")
MEMORY = ("slab", "predicted", "measured", "difference", "absolute", "relative", "ulps")
NOISE = "~ where the rounds differ as much, or there is only one"
WORTH = tuple(f"{what}{how}" for how in ("", ", alone") for what in ("time", "speed", "slab", "kernels"))


def comparison_tables(comparison: Comparison) -> tuple[Table, ...]:
    """Two, of times and of memory and results; where variants part is said below."""
    first = comparison.variants[0]
    times = tuple((item.name, *time_cells(item, first)) for item in comparison)
    memory = tuple((item.name, *memory_cells(item)) for item in comparison)
    said = tuple(str(item.parting) for item in comparison if item.parting is not None)
    return Table(("variant", *TIMES), times, 1), Table(("variant", *MEMORY), memory, 1, notes=said)


def time_cells(item: Outcome, first: Outcome) -> tuple[str, ...]:
    """The cells under TIMES; no spread of one round."""
    spread = "" if math.isnan(item.spread) else f"{item.spread:.0%}"
    return (
        time_text(item.seconds), spread, f"{first.seconds / item.seconds:.2f} x",
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


def ablation_tables(ablation: Ablation) -> tuple[Table, ...]:
    """One, a row for each pass: what a call saves by it. `~` stands before a time that may be noise."""
    found = ablation.comparison
    first, last = ablation.none, ablation.all
    head = (
        f"{time_text(first.seconds)} without passes, {time_text(last.seconds)} with all: "
        f"{first.seconds / last.seconds:.2f} x; {bytes_text(first.predicted_bytes)} and "
        f"{bytes_text(last.predicted_bytes)} of slab; {first.kernels} and {last.kernels} kernels"
    )
    rows = tuple((item.name, *worth_cells(item)) for item in ablation)
    said = (str(item.parting) for item in found if item.parting is not None and item is not first)
    legend = f"what each pass saves: taken away from all, and alone; {NOISE}"
    return (Table(("pass", *WORTH), rows, left=1, title=head, notes=(legend, *said)),)


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


def framed(shown: Table) -> str:
    """A table with lines around it, its title above and its notes below."""
    from rich import box, table  # noqa: PLC0415  # a twentieth of a second, and only to print
    from rich.console import Console  # noqa: PLC0415  # likewise
    from rich.markup import escape  # noqa: PLC0415  # likewise

    frame = table.Table(box=box.ROUNDED)
    for place, heading in enumerate(shown.headings):
        frame.add_column(heading, justify="left" if place < shown.left else "right", no_wrap=True)
    for row in shown.rows:
        frame.add_row(*map(escape, row))
    columns = zip(shown.headings, *shown.rows, strict=True)
    width = sum(max(map(len, column)) + 3 for column in columns) + 1
    # In a notebook rich would show the table itself, and leave the text empty.
    console = Console(file=io.StringIO(), width=width, force_terminal=False, force_jupyter=False)
    console.print(frame)
    assert isinstance(console.file, io.StringIO)
    above = f"{shown.title}\n" if shown.title else ""
    return above + console.file.getvalue() + "".join(f"{note}\n" for note in shown.notes)


def time_text(seconds: float) -> str:
    """`1.25 ms`."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1:
            return f"{digits(seconds * factor)} {unit}"
    return f"{digits(seconds * 1e9)} ns"


def bytes_text(count: float) -> str:
    """`64 kB`, in powers of ten."""
    return scaled(count, "B")
