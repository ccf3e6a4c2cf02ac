"""Algorithm: an optimiser that moves each parameter by its gradient and what is kept of earlier ones."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from compiler.ir.scope import scope
from tinytorch.optim.groups import Group, groups_of
from tinytorch.optim.optimiser import Optimiser, Updates
from tinytorch.tensor import Tensor


@dataclass(frozen=True)
class Turn:
    """A step of a group: what its scalars are made of."""

    settings: Mapping[str, Any]
    rate: Any
    """A number or a scalar tensor: that of the schedule, if there is one."""
    count: Any
    """The number of the step, from 1 on, float64; None where the algorithm does not count."""
    shared: Mapping[str, Tensor]
    """What is kept for the group."""
    updates: Updates


@dataclass(frozen=True)
class Move:
    """A step of a parameter: what its next value is made of."""

    parameter: Tensor
    gradient: Tensor
    kept: Mapping[str, Tensor]
    settings: Mapping[str, Any]
    scalars: Mapping[str, Any]
    """The rate as `lr`, and those of the group, in the parameter's dtype."""


class Algorithm(Optimiser):
    """An optimiser of groups of parameters. A subclass says what it keeps and how a parameter moves.

    `groups` are the parameters with their settings, `lr` the learning rate of those that have no other.
    Weight decay is added to the gradient, unless `decoupled_weight_decay` takes it from the parameter. Every
    algorithm can have a `weight_decay` and `maximize`, whether or not its constructor names them.
    """

    def __init__(self, parameters: Iterable[Any], *, name: str, **settings: Any) -> None:
        settings.setdefault("weight_decay", 0.0)
        settings.setdefault("maximize", False)
        self.groups = groups_of(parameters, settings)
        super().__init__([item for group in self.groups for item in group.parameters], name)
        self.lr = settings["lr"]
        for group in self.groups:
            self.check(group.settings)
        is_counted = any(self._needs_count(group.settings) for group in self.groups)
        self._step = self._keep(np.zeros((), np.int64), None, "step") if is_counted else None
        self._shared = [self._begun_shared(k) for k in range(len(self.groups))]
        self._kept = self._begun()

    def __repr__(self) -> str:
        groups = f", groups={len(self.groups)}" if len(self.groups) > 1 else ""
        return f"{type(self).__name__}(parameters={len(self.parameters)}, lr={self.lr}{groups})"

    def check(self, settings: Mapping[str, Any]) -> None:
        """Raises ArgumentError for settings of a group that do not go together."""

    def counts(self, settings: Mapping[str, Any]) -> bool:
        """Whether `scalars` needs the number of the step."""
        return False

    def keeps(self, settings: Mapping[str, Any]) -> Mapping[str, float]:
        """What is kept for each parameter, in its shape and dtype, and where it begins."""
        return {}

    def keeps_of_group(self, settings: Mapping[str, Any]) -> Mapping[str, float]:
        """The float64 scalars that are kept for a group, and where they begin."""
        return {}

    def scalars(self, of: Turn) -> dict[str, Any]:
        """What all parameters of a group move by beside the rate, computed once.

        In float64, as torch does it in Python. What `of.shared` becomes is put into `of.updates`.
        """
        return {}

    @abstractmethod
    def move(self, at: Move) -> tuple[Tensor, Mapping[str, Tensor]]:
        """What is taken from a parameter, and the next value of what is kept for it."""

    def updates_from(self, gradients: Sequence[Tensor]) -> Updates:
        """The next value of each parameter and piece of state, from gradients such as clipped ones.

        Gradients are in the order of `parameters`. Buffers of the network are not among them: add
        `tt.nn.state_updates(loss)`.
        """
        self._check_count(gradients)
        found: Updates = {}
        if self._step is not None:
            found[self._step] = self._step + 1
        k = 0
        for group, shared in zip(self.groups, self._shared, strict=True):
            scalars = self._scalars(group, shared, found)
            for parameter in group.parameters:
                with scope(f"{self._name}.{parameter.name or k}"):
                    self._update(Move(parameter, gradients[k], self._kept[k], group.settings, scalars), found)
                k += 1
        return found

    def _needs_count(self, settings: Mapping[str, Any]) -> bool:
        return callable(settings["lr"]) or self.counts(settings)

    def _scalars(self, group: Group, shared: Mapping[str, Tensor], found: Updates) -> dict[str, Any]:
        rate, count = group.settings["lr"], None
        if self._step is not None:
            rate = rate(self._step.astype("float64")) if callable(rate) else rate
            rate = rate.astype("float64") if isinstance(rate, Tensor) else rate
            count = found[self._step].astype("float64")
        return {"lr": rate, **self.scalars(Turn(group.settings, rate, count, shared, found))}

    def _update(self, at: Move, found: Updates) -> None:
        parameter, decay = at.parameter, at.settings["weight_decay"]
        gradient = -at.gradient if at.settings["maximize"] else at.gradient
        start = parameter
        if decay and at.settings.get("decoupled_weight_decay"):
            start = parameter * _like(1 - at.scalars["lr"] * decay, parameter)
        elif decay:
            gradient = gradient + decay * parameter
        scalars = {name: _like(value, parameter) for name, value in at.scalars.items()}
        step, following = self.move(replace(at, gradient=gradient, scalars=scalars))
        found.update((at.kept[what], value) for what, value in following.items())
        found[parameter] = start - step

    def _begun(self) -> list[dict[str, Tensor]]:
        """What is kept for each parameter; one kind after the other, as they are saved."""
        rows = [(item, self.keeps(group.settings)) for group in self.groups for item in group.parameters]
        kinds = dict.fromkeys(what for _, begins in rows for what in begins)
        kept: list[dict[str, Tensor]] = [{} for _ in rows]
        for what in kinds:
            for k, (parameter, begins) in enumerate(rows):
                if what in begins:
                    start = np.full(_counts(parameter), begins[what], parameter.dtype.numpy)
                    kept[k][what] = self._keep(start, parameter, what)
        return kept

    def _begun_shared(self, number: int) -> dict[str, Tensor]:
        begins = self.keeps_of_group(self.groups[number].settings)
        place = "" if len(self.groups) == 1 else f"{number}."
        return {what: self._keep(np.float64(value), None, f"{place}{what}") for what, value in begins.items()}


def _like(value: Any, of: Tensor) -> Any:
    """A scalar in a parameter's dtype; Python numbers take it by themselves."""
    return value.astype(of.dtype) if isinstance(value, Tensor) else value


def _counts(p: Tensor) -> list[int]:
    return [extent for extent in p.shape if isinstance(extent, int)]
