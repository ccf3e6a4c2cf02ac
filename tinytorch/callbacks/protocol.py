"""Callback: what `tt.fit` calls while it runs, and what watches a number there."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from compiler.errors import ArgumentError
from compiler.ir.numbers import whole_number

if TYPE_CHECKING:
    from tinytorch.fitting.state import State

Mode: TypeAlias = Literal["min", "max"]


class Callback:
    """What `tt.fit` calls at the ends of steps and epochs. A subclass defines what it needs of the methods.

        class Stop(tt.callbacks.Callback):
            def on_epoch_end(self, state):
                if state.metrics["val_accuracy"] > 0.98:
                    state.stop("accurate enough")

    Callbacks are called in the order in which they were given. A function of the state is a callback, too: it
    is called at the end of every epoch. What a callback raises ends the fit.
    """

    def on_fit_begin(self, state: State) -> None:
        """Before the first step, when everything was checked and a checkpoint was read."""

    def on_epoch_begin(self, state: State) -> None:
        """Before the first batch of an epoch."""

    def on_step_end(self, state: State) -> None:
        """After each step; `state.metrics` are those of its batch."""

    def on_epoch_end(self, state: State) -> None:
        """After each epoch and its validation; `state.metrics` is its row of the history."""

    def on_settled(self, state: State) -> None:
        """After each step and each epoch, when all callbacks have acted: what is saved then is whole."""

    def on_fit_end(self, state: State) -> None:
        """At the end, also where the keyboard interrupted it; not after an error."""

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps of it: numbers, texts, lists, dicts and arrays, by name."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from what `state_dict` gave."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Function(Callback):
    """A function that is called at the end of every epoch."""

    def __init__(self, function: Callable[[State], object]) -> None:
        self.function = function

    def on_epoch_end(self, state: State) -> None:
        """Calls it."""
        self.function(state)


def callback_of(given: Any) -> Callback:
    """A callback, or one that calls a function. Raises ArgumentError for anything else."""
    if isinstance(given, Callback):
        return given
    if isinstance(given, type) or not callable(given):
        made = isinstance(given, type) and issubclass(given, Callback)
        fix = f"\n  fix: {cast(Any, given).__name__}(...)" if made else ""
        raise ArgumentError(
            f"a callback is a tt.callbacks.Callback or a function of the state, not {given!r}{fix}"
        )
    return Function(given)


class Monitor:
    """A metric of epochs, and what counts as better."""

    def __init__(self, name: str, mode: Mode, min_delta: float = 0.0) -> None:
        if mode not in ("min", "max"):
            raise ArgumentError(
                f"mode is 'min' for what is better when it is smaller, or 'max', not {mode!r}"
            )
        if not min_delta >= 0:
            raise ArgumentError(f"min_delta is not negative: {min_delta!r}")
        self.name, self.mode, self.min_delta = name, mode, min_delta

    def check(self, state: State) -> None:
        """Raises ArgumentError where no epoch will have the metric."""
        if self.name not in state.names:
            fix = "\n  fix: tt.fit(..., validation=(program, data))" if self.name.startswith("val_") else ""
            raise ArgumentError(f"no metric is named {self.name!r}; there are {', '.join(state.names)}{fix}")

    def of(self, state: State) -> float:
        """Its value in the epoch that has ended."""
        return float(state.metrics[self.name])

    def is_better(self, value: float, best: float | None) -> bool:
        """Whether a value is better than the best so far by more than `min_delta`; NaN never is."""
        if math.isnan(value) or best is None:
            return not math.isnan(value)
        return value < best - self.min_delta if self.mode == "min" else value > best + self.min_delta


def checked_count(what: str, value: Any, least: int = 0) -> int:
    """A number of epochs or steps. Raises ArgumentError."""
    found = whole_number(value)
    if found is None or found < least:
        raise ArgumentError(f"{what} is a whole number from {least} on, not {value!r}")
    return found
