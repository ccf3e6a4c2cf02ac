"""EarlyStopping: the end of a fit that gets no better."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tinytorch.callbacks.protocol import Callback, Mode, Monitor, checked_count

if TYPE_CHECKING:
    from tinytorch.fitting.state import State


class EarlyStopping(Callback):
    """Ends the fit when a metric has not become better for `patience` epochs (keras.callbacks.EarlyStopping).

    Better is smaller, or larger with `mode="max"`, by more than `min_delta`. With `restore_best` all
    parameters of the step are at the end what they were after the best epoch, optimiser and running
    statistics included, unless the keyboard interrupted. Raises ArgumentError, before the first step, where
    no metric has the name.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 0,
        min_delta: float = 0.0,
        mode: Mode = "min",
        restore_best: bool = False,
    ) -> None:
        self.monitor = Monitor(monitor, mode, min_delta)
        self.patience = checked_count("patience", patience)
        self.restore_best = restore_best
        self.best: float | None = None
        """The best value so far."""
        self.best_epoch = 0
        self.waited = 0
        """How many epochs were not better since."""
        self._parameters: dict[str, Any] | None = None

    def on_fit_begin(self, state: State) -> None:
        """Begins anew, or stops at once where a checkpoint was of a fit that had stopped."""
        self.monitor.check(state)
        if not state.is_resumed:
            self.best, self.best_epoch, self.waited, self._parameters = None, 0, 0, None
        self._judge(state)

    def on_epoch_end(self, state: State) -> None:
        """Compares."""
        value = self.monitor.of(state)
        if not self.monitor.is_better(value, self.best):
            self.waited += 1
            self._judge(state)
            return
        self.best, self.best_epoch, self.waited = value, state.epoch, 0
        if self.restore_best:
            self._parameters = state.copy_parameters()

    def on_fit_end(self, state: State) -> None:
        """Restores the best."""
        if self._parameters is not None and not state.is_interrupted:
            state.set_parameters(self._parameters)

    def _judge(self, state: State) -> None:
        if self.waited and self.waited >= self.patience:
            state.stop(
                f"{self.monitor.name} was best in epoch {self.best_epoch} ({self.best or 0:.4g}), and not "
                f"better for {self.waited} epoch{'s' * (self.waited > 1)}"
            )

    def state_dict(self) -> dict[str, Any]:
        """The best so far, with its parameters if they are to be restored."""
        return {
            "best": self.best, "best_epoch": self.best_epoch, "waited": self.waited,
            "parameters": self._parameters,
        }  # fmt: skip

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from there."""
        self.best, self.best_epoch, self.waited = state["best"], state["best_epoch"], state["waited"]
        self._parameters = state["parameters"]
