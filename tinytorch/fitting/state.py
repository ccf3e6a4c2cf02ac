"""State: where a fit is, and what callbacks can do about it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np

from compiler.errors import ArgumentError
from compiler.program import Program
from tinytorch.fitting import snapshot
from tinytorch.fitting.history import APART, FitHistory
from tinytorch.values import checked_number

Array: TypeAlias = np.ndarray[Any, Any]


class State:
    """Where a fit is: what callbacks are given."""

    def __init__(self, program: Program, epochs: int, names: tuple[str, ...], inputs: dict[str, Any]) -> None:
        self.program = program
        """The training step."""
        self.history = FitHistory()
        self.epochs = epochs
        """How many epochs the fit is to have in all."""
        self.epoch = 1
        """The number of the epoch that runs, has just ended, or comes first; the first one of all is 1."""
        self.step = 0
        """How many steps of the epoch are done; 0 when it has ended."""
        self.steps = 0
        """How many steps are done since the first epoch began."""
        self.metrics: dict[str, float] = {}
        """Those of the last batch; at the end of an epoch its row of the history."""
        self.names = names
        """The metrics that every epoch will have."""
        self.inputs = inputs
        """What `inputs=` gives each step by name; a callback may put other values here."""
        self.stopped: str | None = None
        self.is_resumed = False
        """Whether the fit goes on from a checkpoint."""
        self.is_interrupted = False
        """Whether the keyboard has ended it."""
        self.is_settled = True
        """Whether all callbacks have acted upon the last step."""
        self.parameters = snapshot.Parameters(program.source_graph)
        self.gather: Callable[[], dict[str, Any]] = dict

    @property
    def is_last(self) -> bool:
        """Whether no epoch comes after this one."""
        return self.epoch >= self.epochs or self.stopped is not None

    def stop(self, reason: str) -> None:
        """Ends the fit: after the step, with the epoch's row of what was done, or after the epoch.

        The history says why. Of several reasons the first one is kept.
        """
        self.stopped = self.stopped or reason

    def log(self, name: str, number: Any) -> None:
        """Adds a number to the row of the epoch that has just ended. Raises ArgumentError for a used name."""
        if name in APART or name in self.names:
            raise ArgumentError(f"the history has a column {name!r} of its own")
        if self.step:
            raise ArgumentError(f"{name!r} is logged at the end of an epoch, not after a step")
        self.metrics[name] = float(checked_number(name, _item(number)))

    def copy_parameters(self) -> dict[str, Array]:
        """Copies of all parameters that the step reads or updates, by the names of its graph."""
        return self.parameters.copy()

    def set_parameters(self, arrays: Mapping[str, Array]) -> None:
        """Writes them. Raises ArgumentError, before anything is written, where they are not this step's."""
        self.parameters.set(arrays)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes a checkpoint, from which `tt.fit(..., resume=path)` goes on. Returns the path."""
        about = {
            "history": self.history.to_dict(), "step": self.step, "steps": self.steps,
            "inputs": {name: value for name, value in self.inputs.items() if not callable(value)},
        }  # fmt: skip
        return snapshot.write(path, self.copy_parameters(), {**about, **self.gather()})

    def go_on(self, parameters: Mapping[str, Array], found: Mapping[str, Any]) -> None:
        """Takes what a checkpoint has. Raises ArgumentError, before it writes any, for another step's."""
        self.set_parameters(parameters)
        kept = found["history"]
        self.history.rows, self.history.steps = kept["rows"], kept["steps"]
        self.epoch, self.step, self.steps = len(kept["rows"]) + 1, found["step"], found["steps"]
        self.inputs.update(
            {name: value for name, value in found["inputs"].items() if not callable(self.inputs.get(name))}
        )
        self.is_resumed = True


def _item(number: Any) -> Any:
    """The number that an array of no axes holds."""
    if not isinstance(number, np.ndarray) or number.ndim:
        return cast(Any, number)
    return cast("Array", number).item()
