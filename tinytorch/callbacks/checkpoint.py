"""Checkpoint: everything that a fit needs to go on, written to a file while it runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compiler.errors import ArgumentError
from tinytorch.array_files import is_safetensors
from tinytorch.callbacks.protocol import Callback, Mode, Monitor, checked_count

if TYPE_CHECKING:
    from tinytorch.fitting.state import State


class Checkpoint(Callback):
    """Writes a file from which `tt.fit(..., resume=path)` goes on to the same bits.

    It is written after every `every` epochs and the last one, after every `every_steps` steps if that is
    given, and where the keyboard interrupts; with `save_best_only` instead after each epoch in which
    `monitor` is better than in all before. `{epoch}`, and any metric of the epoch, in the path stand for
    their values. A file, `.npz` or `.safetensors`, is written beside the path and renamed into place, so
    there is always a whole one.

    What it holds: every parameter that the step reads or updates (weights, state of the optimiser, running
    statistics, counters of random numbers), the history, the place in the epoch and the seed of its order,
    what callbacks have to remember, the numbers of `inputs=`. Raises ArgumentError for a folder or a metric
    that is not there, before the first step.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        every: int = 1,
        *,
        every_steps: int | None = None,
        monitor: str = "val_loss",
        mode: Mode = "min",
        save_best_only: bool = False,
    ) -> None:
        self.path = os.fspath(path)
        is_safetensors(Path(path))  # raises for another suffix
        self.every = checked_count("every", every, 1)
        self.every_steps = None if every_steps is None else checked_count("every_steps", every_steps, 1)
        self.monitor = Monitor(monitor, mode) if save_best_only else None
        if save_best_only and every_steps is not None:
            raise ArgumentError("what is best is known after an epoch: save_best_only has no every_steps")
        self.best: float | None = None
        """The metric of the file, with `save_best_only`."""
        self._is_best = False

    def on_fit_begin(self, state: State) -> None:
        """Checks the folder and the metric."""
        folder = Path(self.path).parent
        if not folder.is_dir():
            raise ArgumentError(f"there is no folder {str(folder)!r} for a checkpoint")
        if self.monitor is not None:
            self.monitor.check(state)
        if not state.is_resumed:
            self.best = None

    def on_epoch_end(self, state: State) -> None:
        """Compares, before anything is saved: what is saved knows that it is the best."""
        if self.monitor is None:
            return
        value = self.monitor.of(state)
        self._is_best = self.monitor.is_better(value, self.best)
        self.best = value if self._is_best else self.best

    def on_settled(self, state: State) -> None:
        """Writes the file where it is time to."""
        if self._is_epoch_due(state) if not state.step else self._is_step_due(state):
            self.save(state)

    def _is_epoch_due(self, state: State) -> bool:
        return self._is_best if self.monitor is not None else state.is_last or state.epoch % self.every == 0

    def _is_step_due(self, state: State) -> bool:
        return self.every_steps is not None and state.steps % self.every_steps == 0

    def on_fit_end(self, state: State) -> None:
        """Writes the file where a fit was interrupted between two steps."""
        if state.is_interrupted and state.is_settled and self.monitor is None:
            self.save(state)

    def save(self, state: State) -> Path:
        """Writes the file; its path."""
        row = dict(state.history.rows[-1]) if state.history.rows else {"epoch": 0}
        return state.save(self.path.format(**row))

    def state_dict(self) -> dict[str, Any]:
        """The best so far."""
        return {} if self.monitor is None else {"best": self.best}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from there."""
        self.best = state["best"]
