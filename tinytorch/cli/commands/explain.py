"""`tinytorch explain`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from tinytorch.cli import command as shared
from tinytorch.cli.showing import is_json, show
from tinytorch.cli.targets import load_target


@shared.command(
    "tinytorch explain train.py:step",
    "tinytorch explain train.py:step hidden",
    'tinytorch explain train.py:step "kernel 0"',
    "tinytorch explain train.py:step hidden loss --apart",
)
@shared.target()
@click.argument("what", nargs=-1, metavar="[WHAT]...")
@shared.backend_option
@shared.passes_option
@click.option(
    "--apart", is_flag=True,
    help="Of two: why they are not in one kernel, and not in one buffer, and which values keep them apart.",
)  # fmt: skip
def explain(
    target: str, what: Sequence[str], backend: str | None, without: Sequence[str], apart: bool
) -> None:
    """Explain values and kernels of TARGET, and what became of them.

    WHAT is a name or number as any text or picture of the program has it (hidden, %34), or a kernel
    ("kernel 3"); the outputs unless given. Shows formula, LaTeX, source line and derivation, then where the
    value is computed and lives, and what each pass did with it or refused to do.
    """
    if apart and len(what) != 2:
        raise click.UsageError(
            "--apart takes two values or kernels, as in: explain TARGET hidden loss --apart"
        )
    program = load_target(target).program(backend, without)
    if apart:
        pair = program.why(what[0], what[1])
        show(pair.to_dict(), pair)
        return
    graph = program.source_graph
    asked: list[Any] = list(what) or list(dict.fromkeys(graph.results))
    found = [(program.explain(item), program.why(item)) for item in asked]
    names = what or [graph.names.values[node] for node in asked]
    data = [
        {"what": name, "explanation": explanation.to_dict(), "why": why.to_dict()}
        for name, (explanation, why) in zip(names, found, strict=True)
    ]
    show(data, "" if is_json() else "\n\n".join(f"{explanation}\n\n{why}" for explanation, why in found))


command = explain
