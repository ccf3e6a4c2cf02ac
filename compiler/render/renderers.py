"""What the built-in plugin draws with. Loads what draws when something is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from compiler.ir.graph import Graph
from compiler.render import SUFFIXES


@dataclass(frozen=True, slots=True)
class GraphvizRenderer:
    """What a plugin contributes: a name, a suffix, and a graph as the contents of such a file."""

    name: str
    suffix: str

    def render(self, graph: Graph) -> bytes:
        """The file's contents. Raises DrawingError if the picture is too large or Graphviz is missing."""
        from compiler.render.drawing import drawn

        return drawn(graph, self.suffix)


RENDERERS: Final = tuple(GraphvizRenderer(suffix[1:], suffix) for suffix in SUFFIXES)
"""One for each suffix."""
