"""Steps down the gradient: SGD with momentum, and along its sign alone, Lion."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from compiler.errors import ArgumentError
from tinytorch.ops.elementwise import sign, where
from tinytorch.optim.algorithm import Algorithm, Move, Turn
from tinytorch.optim.groups import Rate
from tinytorch.tensor import Tensor


class SGD(Algorithm):
    """Stochastic gradient descent with momentum (Polyak's or Nesterov's) and weight decay (torch)."""

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: Rate = 1e-3,
        *,
        momentum: float = 0.0,
        dampening: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        maximize: bool = False,
        name: str = "sgd",
    ) -> None:
        super().__init__(
            parameters,
            name=name,
            lr=lr,
            momentum=momentum,
            dampening=dampening,
            nesterov=nesterov,
            weight_decay=weight_decay,
            maximize=maximize,
        )

    def check(self, settings: Mapping[str, Any]) -> None:
        """Raises ArgumentError for Nesterov's step without momentum, or with dampening."""
        is_plain = settings["momentum"] > 0 and settings["dampening"] == 0
        if settings["nesterov"] and not is_plain:
            raise ArgumentError("nesterov needs a momentum and no dampening")

    def counts(self, settings: Mapping[str, Any]) -> bool:
        """With dampening, which the first step is without."""
        return settings["momentum"] > 0 and settings["dampening"] != 0

    def keeps(self, settings: Mapping[str, Any]) -> Mapping[str, float]:
        """A running sum of gradients, with momentum."""
        return {"momentum": 0.0} if settings["momentum"] else {}

    def scalars(self, of: Turn) -> dict[str, Any]:
        """How much of a gradient enters the sum: of the first one, all of it."""
        damped = 1 - of.settings["dampening"]
        return {} if not self.counts(of.settings) else {"share": where(of.count == 1, of.count, damped)}

    def move(self, at: Move) -> tuple[Tensor, Mapping[str, Tensor]]:
        """lr d, where d is the gradient, the sum, or Nesterov's look ahead."""
        momentum = at.settings["momentum"]
        if not momentum:
            return at.scalars["lr"] * at.gradient, {}
        total = momentum * at.kept["momentum"] + at.gradient * at.scalars.get("share", 1)
        step = at.gradient + momentum * total if at.settings["nesterov"] else total
        return at.scalars["lr"] * step, {"momentum": total}


class Lion(Algorithm):
    """The sign of a running mean of gradients, with decoupled weight decay (Chen et al., 2023).

    Every element moves by the learning rate, so this is three to ten times smaller than for AdamW.
    """

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: Rate = 1e-4,
        *,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        maximize: bool = False,
        name: str = "lion",
    ) -> None:
        super().__init__(
            parameters,
            name=name,
            lr=lr,
            betas=betas,
            weight_decay=weight_decay,
            maximize=maximize,
            decoupled_weight_decay=True,
        )

    def keeps(self, settings: Mapping[str, Any]) -> Mapping[str, float]:
        """A running mean of gradients."""
        return {"mean": 0.0}

    def move(self, at: Move) -> tuple[Tensor, Mapping[str, Tensor]]:
        """lr sign(b1 m + (1 - b1) g); then m becomes b2 m + (1 - b2) g."""
        (first, second), mean = at.settings["betas"], at.kept["mean"]
        step = sign(first * mean + (1 - first) * at.gradient)
        return at.scalars["lr"] * step, {"mean": second * mean + (1 - second) * at.gradient}
