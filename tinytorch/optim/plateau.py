"""Plateau: a learning rate that falls when a measure no longer improves."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from compiler.errors import ArgumentError
from compiler.ir.scope import scope
from tinytorch.axes import counted
from tinytorch.ops.elementwise import maximum, where
from tinytorch.optim.optimiser import Updates, state
from tinytorch.tensor import Tensor, as_tensor
from tinytorch.values import checked_number


class Plateau:
    """A learning rate times `factor` where a measure did not improve in `patience` calls (ReduceLROnPlateau).

        plateau = tt.optim.Plateau(0.1, patience=5)
        optimiser = tt.optim.SGD(net.parameters(), lr=plateau.lr)
        validate = tt.compile([x, y], loss, updates=plateau.updates(loss))

    `lr` is a parameter, so whatever program measures changes what all others train with: one of a validation
    loss, or one that is given a number as an input. Settings mean what they mean in PyTorch.
    """

    def __init__(
        self,
        lr: float,
        *,
        mode: Literal["min", "max"] = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: Literal["rel", "abs"] = "rel",
        cooldown: int = 0,
        min_lr: float = 0.0,
        eps: float = 1e-8,
        name: str = "plateau",
    ) -> None:
        if mode not in ("min", "max") or threshold_mode not in ("rel", "abs"):
            raise ArgumentError(
                f"mode is 'min' or 'max', threshold_mode 'rel' or 'abs', not {mode!r} and {threshold_mode!r}"
            )
        self.factor = checked_number("factor", factor)
        if not 0 <= self.factor < 1:
            raise ArgumentError(f"factor lies in [0, 1): {self.factor}")
        self.mode, self.threshold_mode = mode, threshold_mode
        self.patience, self.cooldown = counted("patience", patience), counted("cooldown", cooldown)
        self.threshold, self.eps = checked_number("threshold", threshold), checked_number("eps", eps)
        self.min_lr = checked_number("min_lr", min_lr)
        self.lr = state(np.float64(checked_number("lr", lr)), f"{name}.lr")
        """The learning rate, a float64 scalar."""
        self._best = state(np.float64(math.inf if mode == "min" else -math.inf), f"{name}.best")
        self._bad, self._rest = (state(np.int64(0), f"{name}.{what}") for what in ("bad", "cooldown"))
        self.state = [self.lr, self._best, self._bad, self._rest]
        self._name = name

    def __repr__(self) -> str:
        return f"Plateau(factor={self.factor}, patience={self.patience})"

    def updates(self, measure: Any) -> Updates:
        """The next learning rate, and the state that it follows from, given what was measured, a scalar."""
        with scope(self._name):
            current = as_tensor(measure).astype("float64")
            is_better = self._is_better(current)
            is_resting = self._rest > 0
            bad = where(is_better | is_resting, 0, self._bad + 1)
            rest = where(is_resting, self._rest - 1, self._rest)
            is_due = bad > self.patience
            lower = maximum(self.lr * self.factor, self.min_lr)
            return {
                self.lr: where(is_due & (self.lr - lower > self.eps), lower, self.lr),
                self._best: where(is_better, current, self._best),
                self._bad: where(is_due, 0, bad),
                self._rest: where(is_due, self.cooldown, rest),
            }

    def _is_better(self, current: Tensor) -> Tensor:
        sign = 1 if self.mode == "max" else -1
        if self.threshold_mode == "rel":
            bound = self._best * (1 + sign * self.threshold)
        else:
            bound = self._best + sign * self.threshold
        return current > bound if self.mode == "max" else current < bound
