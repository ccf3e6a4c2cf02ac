"""Everything that can run a program; a peer of the renderers."""
