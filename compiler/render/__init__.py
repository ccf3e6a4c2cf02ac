"""Everything that can draw a graph or a program; a peer of the backends."""
