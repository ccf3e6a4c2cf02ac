"""Random graphs from seeds: every kind of op, views, several results, symbolic, unit and zero extents.

What is computed is well-conditioned, so that two right ways of computing it agree by the tolerance of
`comparing.py`: a value is *exact* while it is a multiple of a power of two that its dtype holds, and only
exact values are compared, rounded to integers, divided by, or put through a function with a singularity.
Inputs carry NaN, infinities and both zeros; a rounded value (which may be 0 in one way and nearly 0 in
another) is multiplied by finite values only.
"""

from collections.abc import Sequence

from tests.properties.growing import GROWTHS, UNSTABLE, Growth
from tests.properties.maker import Maker, Sample


def random_graph(
    seed: int, most_nodes: int = 24, *, unstable: bool = False, growths: Sequence[Growth] = GROWTHS
) -> Sample:
    """The sample of a seed. `unstable` adds formulas that overflow or cancel where a stabler one does not."""
    maker = Maker(seed)
    for _ in range(int(maker.random.integers(1, 4))):
        maker.leaf()
    for _ in range(int(maker.random.integers(2, most_nodes + 1))):
        maker.grow([*growths, *UNSTABLE] if unstable else growths)
    return maker.finish()
