"""ReduceOnPlateau: a smaller learning rate where a metric gets no better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from compiler.errors import ArgumentError
from compiler.ir.node import describe
from compiler.ir.op import Parameter
from tinytorch.api import set_value, value_of
from tinytorch.callbacks.protocol import Callback, Mode, Monitor, checked_count
from tinytorch.tensor import Tensor
from tinytorch.values import checked_number

if TYPE_CHECKING:
    from tinytorch.fitting.state import State


class ReduceOnPlateau(Callback):
    """Multiplies a number by `factor` where a metric stays (torch.optim.lr_scheduler.ReduceLROnPlateau).

        lr = tt.input("lr")
        ...
        tt.fit(step, data, inputs={"lr": 0.1}, callbacks=[tt.callbacks.ReduceOnPlateau("lr", "loss")])

    `target` is the name of an input that `tt.fit(..., inputs=...)` gives, or a scalar parameter. When the
    metric was not better for more than `patience` epochs, it is multiplied, down to `min_lr`; `cooldown`
    epochs pass before waiting begins again. Better is by a share `threshold` of the best value, or with
    `threshold_mode="abs"` by that much. A change by less than `eps` is none. The history has a column of the
    target. Raises ArgumentError.
    """

    def __init__(
        self,
        target: str | Tensor = "lr",
        monitor: str = "val_loss",
        *,
        mode: Mode = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: Literal["rel", "abs"] = "rel",
        cooldown: int = 0,
        min_lr: float = 0.0,
        eps: float = 1e-8,
    ) -> None:
        self.target = _checked_target(target)
        self.monitor = Monitor(monitor, mode)
        if not 0 <= checked_number("factor", factor) < 1:
            raise ArgumentError(f"factor is from 0 on and below 1: {factor}")
        if threshold_mode not in ("rel", "abs"):
            raise ArgumentError(f"threshold_mode is 'rel' or 'abs', not {threshold_mode!r}")
        self.factor, self.min_lr, self.eps = factor, min_lr, eps
        self.threshold, self.is_relative = checked_number("threshold", threshold), threshold_mode == "rel"
        self.patience, self.cooldown = (
            checked_count("patience", patience),
            checked_count("cooldown", cooldown),
        )
        self._restart()

    def _restart(self) -> None:
        self.best = math.inf if self.monitor.mode == "min" else -math.inf
        self.waited = 0
        """Epochs that were not better, in a row."""
        self.cooling = 0
        """Epochs left in which nothing counts."""

    @property
    def name(self) -> str:
        """What the history calls the target."""
        return self.target if isinstance(self.target, str) else self.target.name or "lr"

    def on_fit_begin(self, state: State) -> None:
        """Checks that both are there."""
        self.monitor.check(state)
        if isinstance(self.target, str):
            given = state.inputs.get(self.target)
            if given is None or callable(given):
                raise ArgumentError(
                    f"no input {self.target!r} has a number that can be reduced\n"
                    f"  fix: tt.fit(..., inputs={{{self.target!r}: 0.1}}), or ReduceOnPlateau(parameter)"
                )
        if not state.is_resumed:
            self._restart()

    def on_epoch_end(self, state: State) -> None:
        """Compares, and reduces after too many epochs that were not better."""
        if self.name not in state.names:  # the step may return it itself
            state.log(self.name, self._value(state))
        value = self.monitor.of(state)
        if self._is_better(value):
            self.best, self.waited = value, 0
        else:
            self.waited += 1
        if self.cooling:
            self.cooling, self.waited = self.cooling - 1, 0
        if self.waited > self.patience:
            self._reduce(state)
            self.cooling, self.waited = self.cooldown, 0

    def _is_better(self, value: float) -> bool:
        sign = 1 if self.monitor.mode == "max" else -1
        step = sign * self.threshold
        bound = self.best * (1 + step) if self.is_relative else self.best + step
        return value > bound if sign > 0 else value < bound

    def _value(self, state: State) -> float:
        if isinstance(self.target, str):
            return float(state.inputs[self.target])
        return float(value_of(self.target))

    def _reduce(self, state: State) -> None:
        old = self._value(state)
        new = max(old * self.factor, self.min_lr)
        if old - new <= self.eps:
            return
        if isinstance(self.target, str):
            state.inputs[self.target] = new
        else:
            set_value(self.target, new)

    def state_dict(self) -> dict[str, Any]:
        """The best so far, and how long it waits and cools."""
        return {"best": self.best, "waited": self.waited, "cooling": self.cooling}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from there."""
        self.best, self.waited, self.cooling = state["best"], state["waited"], state["cooling"]


def _checked_target(target: Any) -> str | Tensor:
    if isinstance(target, str):
        return target
    if isinstance(target, Tensor) and isinstance(target.node.op, Parameter) and not target.shape:
        return target
    shown = describe(target.node) if isinstance(target, Tensor) else repr(target)
    raise ArgumentError(
        f"what is reduced is an input, by its name, or a scalar parameter, not {shown}\n"
        '  fix: lr = tt.parameter(0.1, "lr"), which an optimiser takes as lr='
    )
