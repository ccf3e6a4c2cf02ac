"""Run: what became of one run of a sweep, and its file.

    file ::= arrays by name, `.npz`, with the note "run", which is JSON: {"format": 1, "hyperparameters",
             "seed", "fold", "history", "failure", "seconds", "worker"}

Reading executes nothing.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

import numpy as np

from compiler.errors import ParseError
from tinytorch.array_files import read_arrays, write_arrays
from tinytorch.cluster.sweeping.space import Hyperparameters
from tinytorch.fitting.history import APART, FitHistory

Array: TypeAlias = np.ndarray[Any, Any]

FORMAT: Final = 1
_NOTE: Final = "run"


@dataclass(frozen=True)
class Failure:
    """Why a run has no result."""

    kind: str
    """The class of what was raised, or "WorkerDied"."""
    message: str
    traceback: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"


@dataclass(eq=False)
class Run:
    """One run: its hyperparameters, the history of its fit, its weights; or its failure, and what was before.

    `weights` are all parameters that its metrics depend on, after the last epoch, by their names in the
    graph of the step, which for one network are those of `network.state_dict()`. `str` says how it went.
    """

    number: int
    """Its place in the sweep, from 0."""
    hyperparameters: Hyperparameters
    seed: int
    """What orders its batches, and what `make_run` is given if it has a `seed`."""
    fold: int | None = None
    """Which part of the rows is held out, in cross-validation."""
    history: FitHistory = field(default_factory=FitHistory)
    weights: dict[str, Array] = field(default_factory=dict[str, Array], repr=False)
    failure: Failure | None = None
    seconds: float = 0.0
    """How long it took its worker, with building and compiling."""
    worker: str = ""

    @property
    def state(self) -> str:
        """`done`, `stopped` early, or `failed`."""
        return "failed" if self.failure else "stopped" if self.history.stopped else "done"

    def metric(self, name: str) -> float:
        """A metric of the last epoch; NaN where the run has none."""
        return self.history.rows[-1].get(name, math.nan) if self.history.rows else math.nan

    @property
    def row(self) -> dict[str, Any]:
        """The run as a row of a table."""
        last = self.history.rows[-1] if self.history.rows else {}
        metrics = {name: value for name, value in last.items() if name not in APART}
        fold = {} if self.fold is None else {"fold": self.fold}
        return {
            "run": self.number, **self.hyperparameters, **fold, "epochs": len(self.history), **metrics,
            "seconds": self.seconds, "state": self.state,
        }  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold: everything but the weights."""
        return {
            "run": self.number, "hyperparameters": self.hyperparameters, "seed": self.seed,
            "fold": self.fold, "history": self.history.to_dict(),
            "failure": None if self.failure is None else vars(self.failure).copy(),
            "seconds": self.seconds, "worker": self.worker,
        }  # fmt: skip

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes a file of text and arrays, `.npz`, beside the path and renames it into place."""
        note = json.dumps({"format": FORMAT, **self.to_dict()})
        return write_arrays(path, self.weights, {_NOTE: note})

    def __str__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.hyperparameters.items())
        if self.failure is not None:
            return f"run {self.number} ({given}) failed: {self.failure}"
        last = self.history.rows[-1] if self.history.rows else {}
        shown = ", ".join(f"{name} {value:.4g}" for name, value in last.items() if name not in APART)
        return f"run {self.number} ({given}): {shown or 'no epoch'}"


def read_run(path: Path) -> Run:
    """A run as `save` wrote it. Raises ParseError for a file that is none."""
    arrays, notes = read_arrays(path)
    try:
        found = cast("dict[str, Any]", json.loads(notes[_NOTE]))
        if found["format"] > FORMAT:
            raise ParseError(
                f"{path} is of format {found['format']} and this version reads {FORMAT}\n"
                "  fix: install a newer tinytorch"
            )
        return run_of(found, arrays)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, ParseError):
            raise
        raise ParseError(f"{path} is no run of a sweep: {error}") from None


def run_of(found: Mapping[str, Any], weights: dict[str, Array]) -> Run:
    """A run from what `to_dict` gave."""
    failure = found["failure"]
    kept = found["history"]
    return Run(
        int(found["run"]), {name: _hashable(value) for name, value in found["hyperparameters"].items()},
        int(found["seed"]), found["fold"], FitHistory(kept["rows"], kept["steps"], kept["stopped"]), weights,
        None if failure is None else Failure(**failure), float(found["seconds"]), str(found["worker"]),
    )  # fmt: skip


def _hashable(value: Any) -> Any:
    """JSON has lists where there were tuples."""
    return tuple(map(_hashable, cast("list[Any]", value))) if isinstance(value, list) else value
