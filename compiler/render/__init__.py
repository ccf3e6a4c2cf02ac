"""Everything that can draw a graph or a program; a peer of the backends.

`describe` makes a Picture of a graph (plain data), `dot_source` writes it in Graphviz's language, and `draw`
lays it out into a file. Only this room knows graphviz and pygraphviz, and loads them when something is drawn.
"""
