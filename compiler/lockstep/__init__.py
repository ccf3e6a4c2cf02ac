"""Two programs of one graph, node by node: what each computed, how far apart, and where they part."""
