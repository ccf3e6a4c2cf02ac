"""Comparisons and ablations as a page: one file that loads nothing and needs no script."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compiler.errors import DrawingError
from compiler.render.drawing import to_svg
from compiler.render.kernels import describe_schedule
from compiler.report.page import filled
from compiler.report.written import payload, written
from compiler.schedule.schedule import Schedule
from tinytorch.comparing.tables import (
    MEMORY,
    NOISE,
    TIMES,
    WORTH,
    bytes_text,
    memory_cells,
    time_cells,
    worth_cells,
)  # fmt: skip

if TYPE_CHECKING:
    from tinytorch.comparing.ablation import Ablation
    from tinytorch.comparing.outcome import Comparison


def write_page(comparison: Comparison, path: str | os.PathLike[str]) -> Path:
    """Writes the page of a comparison; the kernels are those of the first variant and the last."""
    ends = {item.name: item.program.schedule for item in (comparison.variants[0], comparison.variants[-1])}
    sections = [times(comparison), memory(comparison), partings(comparison), pictures(ends)]
    names = ", ".join(item.name for item in comparison)
    return write(path, f"Compared: {names}", measured_on(comparison), sections, comparison.to_dict())


def write_ablation(ablation: Ablation, path: str | os.PathLike[str]) -> Path:
    """Writes the page of an ablation."""
    found = ablation.comparison
    sections = [worths(ablation), times(found), memory(found), partings(found)]
    sentence = f"From none to all. {measured_on(found)}"
    return write(path, "What each pass is worth", sentence, sections, ablation.to_dict())


def write(
    path: str | os.PathLike[str], title: str, sentence: str, sections: Iterable[str], data: Mapping[str, Any]
) -> Path:
    """Writes a page of some sections, with the data in it for who wants to read them."""
    pieces = {
        "title": escape(title),
        "sentence": escape(sentence),
        "sections": "\n".join(filter(None, sections)),
        "data": payload(data),
    }
    template = files("tinytorch.comparing").joinpath("page.html").read_text(encoding="utf-8")
    return written(filled(template, pieces), path)


def measured_on(comparison: Comparison) -> str:
    """On which sizes, and under which roof."""
    sizes = ", ".join(f"{name} = {value}" for name, value in comparison.sizes.items())
    steps = comparison.roof.gigabytes_per_second
    ends = [step for step, after in pairwise(steps) if step[1] != after[1]]
    rates = [f"{rate:.3g} GB/s up to {bytes_text(size)}" for size, rate in ends]
    roof = ", ".join([f"{comparison.roof.gflops:.3g} GFLOP/s", *rates, f"{steps[-1][1]:.3g} GB/s beyond"])
    return f"{f'With {sizes}. ' if sizes else ''}This machine's roof: {roof}."


def worths(ablation: Ablation) -> str:
    """The table of what each pass saves, with a bar of the time that it saves beside the others."""
    longest = max((abs(item.removed.seconds) for item in ablation), default=0) or 1.0
    rows = [
        (item.name, bar("time", max(item.removed.seconds, 0) / longest), *worth_cells(item))
        for item in ablation
    ]
    return section(
        f"What each pass saves: taken away from all, and alone ({NOISE})",
        table(("pass", "", *WORTH), rows),
    )


def times(comparison: Comparison) -> str:
    """The table of times, with a bar for each variant."""
    first = comparison.variants[0]
    longest = max(item.seconds for item in comparison)
    rows = [(item.name, bar("time", item.seconds / longest), *time_cells(item, first)) for item in comparison]
    return section("Time", table(("variant", "", *TIMES), rows))


def memory(comparison: Comparison) -> str:
    """The table of memory and of differences, with a bar of what was measured."""
    most = max((item.measured_bytes for item in comparison), default=0) or 1
    rows = [
        (item.name, bar("memory", item.measured_bytes / most), *memory_cells(item)) for item in comparison
    ]
    return section("Memory, and how far results are from the first", table(("variant", "", *MEMORY), rows))


def partings(comparison: Comparison) -> str:
    """Where variants part; nothing where none does."""
    found = [f'<pre class="wrong">{escape(str(item.parting))}</pre>' for item in comparison if item.parting]
    return section("Where they part", "\n".join(found)) if found else ""


def pictures(schedules: Mapping[str, Schedule]) -> str:
    """The kernels side by side, or why there is no picture of them."""
    figures = [
        f"<figure><figcaption>{escape(name)}: {len(schedule.kernels)} kernels</figcaption>{_drawn(schedule)}"
        "</figure>"
        for name, schedule in schedules.items()
    ]
    return section("Kernels", f'<div class="pictures">{"".join(figures)}</div>')


def _drawn(schedule: Schedule) -> str:
    try:
        return f'<div class="paper">{to_svg(describe_schedule(schedule))}</div>'
    except DrawingError as error:
        return f"<p>no picture: {escape(str(error))}</p>"


def section(title: str, inside: str) -> str:
    """A part of the page under a heading."""
    return f"<section><h2>{escape(title)}</h2>\n{inside}\n</section>"


class Bar(str):
    """Mark-up of a bar, which a table does not escape."""

    __slots__ = ()


def bar(kind: str, share: float) -> Bar:
    """A bar of a share of its column."""
    return Bar(f'<i class="{kind}" style="width:{min(share, 1.0):.1%}"></i>')


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table that scrolls by itself where it is too wide."""
    head = "".join(f"<th>{escape(item)}</th>" for item in headings)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(text: str) -> str:
    return f'<td class="bar">{text}</td>' if isinstance(text, Bar) else f"<td>{escape(text)}</td>"
