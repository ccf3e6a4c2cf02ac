"""Drawing graphs: into files, as SVG for notebooks, and as Graphviz's own text."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from compiler.errors import ArgumentError, DrawingError
from compiler.ir.graph import Graph
from compiler.ir.node import Node
from compiler.render.describe import describe
from compiler.render.dot import dot_source
from compiler.render.layout import laid_out
from compiler.render.picture import Picture

LARGEST: Final = 1500
"""The largest number of boxes that is laid out: it takes minutes beyond, and nobody could read it."""

SUFFIXES: Final = (".svg", ".png", ".pdf", ".dot")
"""What a drawing's file name may end in."""


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


def dot_source_of(graph: Graph, *, detail: bool = False) -> str:
    """A graph's drawing in Graphviz's language. Needs no Graphviz."""
    return dot_source(describe(graph, detail=detail))


def svg_of(graph: Graph, *, detail: bool = False) -> str:
    """A graph's drawing as SVG. Raises DrawingError as `to_svg` does."""
    return to_svg(describe(graph, detail=detail))


def to_svg(picture: Picture) -> str:
    """A picture as an SVG element. Raises DrawingError if it is too large or Graphviz is missing."""
    _check_size(picture)
    text = laid_out(dot_source(picture), "svg").decode()
    # A document's declarations have no place inside a notebook's page.
    return text[text.index("<svg") :]


def write(picture: Picture, path: str | os.PathLike[str]) -> Path:
    """Write a picture to a file that ends in .svg, .png, .pdf or .dot, and return its path.

    Raises ArgumentError for another suffix. Raises DrawingError where the picture is too large or Graphviz is
    missing or fails; the text in Graphviz's language is then beside the path, ending in .dot.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ArgumentError(f"{path.name!r} is no drawing: its name ends in one of {', '.join(SUFFIXES)}")
    source = dot_source(picture)
    if suffix == ".dot":
        path.write_text(source, encoding="utf-8", newline="\n")
        return path
    try:
        _check_size(picture)
        path.write_bytes(laid_out(source, suffix[1:]))
    except DrawingError as error:
        beside = path.with_suffix(".dot")
        beside.write_text(source, encoding="utf-8", newline="\n")
        raise DrawingError(f"{path} was not drawn: {error}\n  its text is in {beside}") from error
    return path


def _check_size(picture: Picture) -> None:
    if len(picture.boxes) > LARGEST:
        raise DrawingError(
            f"{len(picture.boxes)} boxes are more than anybody can read, {LARGEST} is the most\n"
            "  fix: draw a part of the graph (`Graph.of` some of its nodes), leave out `detail`, "
            "or open the .dot text in a viewer for large graphs"
        )
