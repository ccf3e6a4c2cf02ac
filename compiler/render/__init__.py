"""Everything that can draw a graph or a program; a peer of the backends.

`describe` makes a Picture of a graph (plain data), `dot_source` writes it in Graphviz's language, and `draw`
lays it out into a file. `arranged` puts everything of a picture in its place without Graphviz, as data: for
pictures that are too large for `dot`, and for pages. Only this room knows graphviz and pygraphviz, and loads
them when something is drawn.
"""

from typing import Final

SUFFIXES: Final = (".svg", ".png", ".pdf", ".dot")
"""What a drawing's file name may end in."""
