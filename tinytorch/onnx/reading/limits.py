"""How much a model may ask for before anything is made of it. Files may come from anybody."""

from __future__ import annotations

from typing import Final

LARGEST_FILE: Final = 2**31 - 1
"""Bytes of a model without its external data: what protobuf itself can hold."""

MOST_MESSAGES: Final = 2_000_000
"""Messages of protobuf in one file. An empty one is two bytes in the file and about a hundred in memory."""

DEEPEST: Final = 100
"""Messages inside each other: protobuf's own limit. A subgraph inside a subgraph is three of them."""

MOST_NODES: Final = 250_000
"""Nodes of a model after its functions are written out, wherever they stand."""

MOST_UNROLLED: Final = 20_000
"""Nodes that loops and functions may make beside those that are written in a model. A loop of a billion turns
is refused within seconds, and a graph of as many nodes as this takes minutes to compile."""

LONGEST_NAME: Final = 10_000
"""Characters of the name of a value, a node or a tensor."""

MOST_DIMS: Final = 64
"""Axes of a tensor: as many as NumPy has."""

LARGEST_EXTENT: Final = 2**40
"""The product of a tensor's extents, those that are nought left out."""

LARGEST_DENSE: Final = 2**28
"""Elements of a sparse tensor when it is written out."""
