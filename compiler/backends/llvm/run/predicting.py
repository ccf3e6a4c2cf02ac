"""What a program's kernels are predicted to take: its launches, to who predicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from compiler.backends.llvm.run.binding import stretches_of
from compiler.backends.llvm.steps.launches import PythonStep
from compiler.backends.llvm.steps.lowering import Lowered
from compiler.loops.machine import Machine
from compiler.speed.machine import MeasuredMachine
from compiler.speed.predicting import Launched, predict
from compiler.speed.prediction import Prediction


def predicted(
    lowered: Lowered, sizes: Mapping[str, int], target: Machine, machine: MeasuredMachine
) -> Sequence[Prediction]:
    """As `contract.Predicting` says."""
    return predict(_launched(lowered, sizes), lowered.places, sizes, target, machine)


def _launched(lowered: Lowered, sizes: Mapping[str, int]) -> Iterator[Launched]:
    stretches = stretches_of(lowered.steps, sizes)
    for launch, step in zip(stretches.launches, stretches.makers, strict=True):
        kernel = launch.kernel or step.kernels[launch.key]
        yield Launched(lowered.owner(step), launch.key, kernel, launch.numbers, launch.chunks)
    for step in lowered.steps:
        if isinstance(step, PythonStep):
            yield Launched(lowered.owner(step))
