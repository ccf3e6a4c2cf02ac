"""`tinytorch cost`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tinytorch.cli import command as shared
from tinytorch.cli.showing import show
from tinytorch.cli.targets import load_target


@shared.command(
    "tinytorch cost train.py:step", "tinytorch cost train.py:step --batch 64 --by scope --depth 1"
)
@shared.target()
@shared.sizes_options
@shared.backend_option
@shared.passes_option
@shared.group_option
def cost(
    target: str, sizes: Mapping[str, int], backend: str | None, without: Sequence[str], by: str,
    depth: int | None,
) -> None:  # fmt: skip
    """Count the operations of TARGET, and the bytes it moves.

    Nothing is run. Polynomials in the symbolic dimensions, or numbers for the sizes given.
    """
    whole = load_target(target).program(backend, without).cost
    found = whole.at(**sizes) if sizes else whole
    answer = found if by == "kernel" else found.by_line() if by == "line" else found.by_scope(depth)
    show(answer.to_dict(), answer)


command = cost
