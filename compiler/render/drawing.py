"""Drawing graphs: into files, as SVG for notebooks, and as Graphviz's own text."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from compiler.errors import ArgumentError, DrawingError
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.render import SUFFIXES
from compiler.render.arrangement import arranged
from compiler.render.describe import describe
from compiler.render.dot import dot_source, is_small
from compiler.render.layout import laid_out
from compiler.render.options import Options, show_graph
from compiler.render.picture import Picture

LARGEST: Final = 6000
"""The largest number of boxes that is drawn, in some five seconds."""

MOST_PIXELS: Final = 25e6
"""The largest PNG, which takes some three seconds."""

MOST_ARROWS: Final = 20_000
"""The largest number of arrows between them."""

POINTS: Final = 72
DOTS: Final = 96
"""Points of an inch, and the pixels that Graphviz gives it."""

_LEGEND: Final = 12
"""Inches that the legend below a picture takes at most."""


def drawn(graph: Graph, suffix: str) -> bytes:
    """The contents of a file with a suffix. Raises DrawingError as `to_svg` does."""
    picture = describe(graph)
    return dot_source(picture).encode() if suffix == ".dot" else _laid_out(picture, suffix)


def draw(
    graph: Graph,
    path: str | os.PathLike[str],
    *,
    detail: bool = False,
    groups: Mapping[str, Iterable[Node]] | None = None,
    marks: Mapping[Node, str] | None = None,
    title: str = "",
) -> Path:
    """Draw a graph into a file, by its suffix (see `describe` for the options and `write` for the errors)."""
    return write(describe(graph, detail=detail, groups=groups, marks=marks, title=title), path)


def draw_as(
    graph: Graph,
    path: str | os.PathLike[str],
    options: Options,
    times: Mapping[Node, float] | None = None,
    sizes: Mapping[str, int] | None = None,
) -> Path:
    """Draw what is asked for of a graph, of whose nodes the times may be known (see `write` for errors).

    Raises ArgumentError for a part of the model, a value or a colour that is not there.
    """
    return write(describe(graph, show_graph(options, graph, times, sizes)), path)


def dot_source_of(graph: Graph, *, detail: bool = False) -> str:
    """A graph's drawing in Graphviz's language. Needs no Graphviz."""
    return dot_source(describe(graph, detail=detail))


def svg_of(graph: Graph, *, detail: bool = False) -> str:
    """A graph's drawing as SVG. Raises DrawingError as `to_svg` does."""
    return to_svg(describe(graph, detail=detail))


def to_svg(picture: Picture) -> str:
    """A picture as an SVG element that fits its page.

    Raises DrawingError if it is too large or Graphviz is missing.
    """
    text = _laid_out(picture, ".svg").decode()
    # A document's declarations have no place inside a notebook's page.
    return text[text.index("<svg") :]


def _fitting(svg: str) -> str:
    """As wide as the page at most, in the proportions of its `viewBox`; never larger than it is drawn."""
    return svg.replace("<svg ", '<svg style="max-width:100%;height:auto" ', 1)


def write(picture: Picture, path: str | os.PathLike[str]) -> Path:
    """Write a picture to a file that ends in .svg, .png, .pdf or .dot, and return its path.

    A PNG has at most 25 million pixels: what is larger is drawn smaller, and better read as SVG or PDF.
    Raises ArgumentError for another suffix. Raises DrawingError where the picture is too large or Graphviz is
    missing or fails; the text in Graphviz's language is then beside the path, ending in .dot.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ArgumentError(f"{path.name!r} is no drawing: its name ends in one of {', '.join(SUFFIXES)}")
    if suffix == ".dot":
        path.write_bytes(dot_source(picture).encode())
        return path
    try:
        path.write_bytes(_laid_out(picture, suffix))
    except DrawingError as error:
        beside = write(picture, path.with_suffix(".dot"))
        raise DrawingError(f"{path} was not drawn: {error}\n  its text is in {beside}") from error
    return path


def _laid_out(picture: Picture, suffix: str) -> bytes:
    for count, most, word in (
        (len(picture.boxes), LARGEST, "boxes"),
        (len(picture.arrows), MOST_ARROWS, "arrows"),
    ):
        if count > most:
            raise DrawingError(
                f"{count} {word} are more than anybody can read, {most} is the most\n"
                "  fix: leave out `detail`, fold with `depth=1`, draw what is `around` a value, or open the "
                ".dot text in a viewer for large graphs"
            )
    found = laid_out(dot_source(picture), suffix[1:], _dots(picture) if suffix == ".png" else None)
    return _fitting(found.decode()).encode() if suffix == ".svg" else found


def _dots(picture: Picture) -> int | None:
    """Dots an inch with which a PNG is not too large; None for Graphviz's own 96."""
    if is_small(picture):
        return None
    placed = arranged(picture)
    inches = (max(placed.width / POINTS, _LEGEND) + 1) * (placed.height / POINTS + 2)
    dots = int((MOST_PIXELS / inches) ** 0.5)
    return dots if dots < DOTS else None
