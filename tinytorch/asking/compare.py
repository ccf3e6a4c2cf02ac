"""compare: one graph under several passes, backends and threads, timed in interleaved rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from compiler.backends.contract import Backend
from compiler.errors import ArgumentError
from compiler.ir.graph import Graph
from compiler.ir.numbers import whole_number
from compiler.program import Program
from tinytorch import api
from tinytorch.comparing.outcome import Comparison, Outcome, Output
from tinytorch.comparing.tables import bytes_text, time_text
from tinytorch.comparing.variant import VARIANTS, Passes, Variant, variants_of
from tinytorch.tensor import Tensor

__all__ = [
    "VARIANTS", "Comparison", "Outcome", "Output", "Variant", "bytes_text", "compare", "time_text",
]  # fmt: skip


def compare(
    inputs: Tensor | Sequence[Tensor] | Graph | Program,
    outputs: Any = None,
    *,
    data: Any,
    updates: Mapping[Tensor, Tensor] | None = None,
    variants: Mapping[str, Variant | Passes] | None = None,
    backend: str | Backend | None = None,
    rounds: int = 5,
    seconds: float = 0.1,
) -> Comparison:
    """Compiles a graph once for each variant, and compares their results, times and memory on `data`.

    The graph is that of inputs, outputs and updates, or a `Graph`, or the one a `Program` was compiled from.
    `data` are values of the inputs, in order or by name; of one input, also the array itself. `variants` maps
    names to `tt.Variant`s, or to passes; without it the graph runs unfused, fused, and fused in place, which
    is what `tt.compile` makes.
    Each of `rounds` rounds gives every variant `seconds` of calls in turn. Parameters begin each with the
    values that they have, and have them again afterwards.

    Results are compared with the first variant's: how far each output is away, and where one is by more than
    rounding, the first node at which the two part, and by which pass, rule or kernel. Raises ArgumentError
    for rounds, seconds or variants that are none, and what `tt.compile` and the program raise.
    """
    from compiler.report.measuring import machine_roof  # noqa: PLC0415  # loaded by who compares
    from tinytorch.comparing.trial import Feed, Trial  # noqa: PLC0415  # likewise

    if (whole_number(rounds) or 0) < 1 or not seconds > 0:
        raise ArgumentError(f"compare needs at least one round of some seconds, not {rounds} of {seconds}")
    chosen = variants_of(variants)
    source = inputs.source_graph if isinstance(inputs, Program) else inputs
    changed = _changed(source, updates)
    feed = Feed(*_arguments(source, data), {target: api.value_of(target) for target in changed})

    def made(variant: Variant) -> Program:
        runner = variant.runner(backend)
        if isinstance(source, Graph):
            return api.compile(source, passes=variant.chosen(), backend=runner)
        return api.compile(source, outputs, updates=updates, passes=variant.chosen(), backend=runner)

    made(next(iter(chosen.values())))  # formulas that all variants need are not the first one's time
    trials = [
        Trial(name, variant, variant.runner(backend), lambda variant=variant: made(variant), feed)
        for name, variant in chosen.items()
    ]
    try:
        for trial in trials:
            trial.first_call()
        for _ in range(rounds):
            for trial in trials:
                trial.round(seconds)
        measured = machine_roof()
        roof = measured.raised(max(1.0, *(trial.share_of(measured) for trial in trials)))
        found = tuple(trial.result(trials[0], roof) for trial in trials)
    finally:
        feed.restore()
    return Comparison(found, dict(trials[0].sizes), roof)


def _changed(source: Any, updates: Mapping[Tensor, Tensor] | None) -> list[Tensor]:
    """The parameters that a call writes."""
    if isinstance(source, Graph):
        return [Tensor(parameter) for parameter, _ in source.updates]
    return list(updates or {})


def _arguments(inputs: Any, data: Any) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """What a call is given: of one input, `data` may be the array itself."""
    if isinstance(data, Mapping):
        return (), dict(cast("Mapping[str, Any]", data))
    if isinstance(data, list | tuple):
        return tuple(cast("Sequence[Any]", data)), {}
    is_one = isinstance(inputs, Tensor) or len(inputs.inputs if isinstance(inputs, Graph) else inputs) == 1
    return ((data,) if is_one else tuple(data)), {}
