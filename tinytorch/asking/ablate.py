"""ablate: what each pass is worth on a program, in time, memory and kernels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from compiler.backends.contract import Backend
from compiler.errors import ArgumentError
from compiler.ir.graph import Graph
from compiler.pipeline.contract import Pass
from compiler.program import Program
from tinytorch.asking.compare import compare
from tinytorch.comparing.ablation import ALL, NONE, Ablation, Gain, Worth
from tinytorch.comparing.variant import Passes, Variant
from tinytorch.tensor import Tensor


def ablate(
    inputs: Tensor | Sequence[Tensor] | Graph | Program,
    outputs: Any = None,
    *,
    data: Any,
    updates: Mapping[Tensor, Tensor] | None = None,
    passes: Passes | None = None,
    backend: str | Backend | None = None,
    rounds: int = 5,
    seconds: float = 0.03,
) -> Ablation:
    """What each pass is worth: one taken away from all at a time, and one added to none at a time.

    The graph, `data` and `updates` are as in `tt.compare`, which compiles and times two variants for each
    pass, and those of all and of none, in `rounds` of `seconds` each. `passes` are names or values, the
    default ones unless given. Raises ArgumentError where there is no pass, and what `tt.compare` raises.
    """
    chosen = Variant(passes).chosen()
    if not chosen:
        raise ArgumentError("there is no pass to take away\n  fix: ablate(..., passes=tt.default_passes())")
    names = _names(chosen)
    variants = {ALL: Variant(chosen), NONE: Variant(())}
    for k, name in enumerate(names):
        variants[f"without {name}"] = Variant((*chosen[:k], *chosen[k + 1 :]))
        variants[f"only {name}"] = Variant((chosen[k],))
    found = compare(
        inputs, outputs, data=data, updates=updates, variants=variants, backend=backend, rounds=rounds,
        seconds=seconds,
    )  # fmt: skip
    worths = [
        Worth(
            name,
            removed=Gain(found[f"without {name}"], found[ALL]),
            added=Gain(found[NONE], found[f"only {name}"]),
        )
        for name in names
    ]
    return Ablation(tuple(worths), found)


def _names(passes: Sequence[Pass]) -> list[str]:
    """A name for each: a pass that runs a second time is called `dead_code~2`."""
    seen: Counter[str] = Counter()
    names: list[str] = []
    for item in passes:
        seen[item.name] += 1
        names.append(item.name if seen[item.name] == 1 else f"{item.name}~{seen[item.name]}")
    return names
