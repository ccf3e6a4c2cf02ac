"""Steps over a size of gradients that is kept for each element: RMSprop, Adagrad, Adadelta."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tinytorch.ops.elementwise import sqrt
from tinytorch.optim.algorithm import Algorithm, Move, Turn
from tinytorch.optim.groups import Rate
from tinytorch.tensor import Tensor


class RMSprop(Algorithm):
    """The gradient over the root of a running mean of squares (Hinton, 2012; torch.optim.RMSprop).

    `centered` takes the square of the mean from the mean of squares (Graves, 2013); with `momentum` steps add
    up.
    """

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: Rate = 1e-2,
        *,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        maximize: bool = False,
        name: str = "rmsprop",
    ) -> None:
        super().__init__(
            parameters,
            name=name,
            lr=lr,
            alpha=alpha,
            eps=eps,
            weight_decay=weight_decay,
            momentum=momentum,
            centered=centered,
            maximize=maximize,
        )

    def keeps(self, settings: Mapping[str, Any]) -> Mapping[str, float]:
        """A running mean of squares; of gradients, if `centered`; a sum of steps, with momentum."""
        wanted = {"square": True, "mean": settings["centered"], "momentum": settings["momentum"] > 0}
        return {what: 0.0 for what, is_kept in wanted.items() if is_kept}

    def move(self, at: Move) -> tuple[Tensor, Mapping[str, Tensor]]:
        """lr g / (sqrt(v) + eps), or lr times the sum of such steps."""
        alpha = at.settings["alpha"]
        square = alpha * at.kept["square"] + (1 - alpha) * (at.gradient * at.gradient)
        following, size = {"square": square}, square
        if at.settings["centered"]:
            mean = at.kept["mean"] + (1 - alpha) * (at.gradient - at.kept["mean"])
            following["mean"], size = mean, square - mean * mean
        step = at.gradient / (sqrt(size) + at.settings["eps"])
        if at.settings["momentum"]:
            following["momentum"] = step = at.settings["momentum"] * at.kept["momentum"] + step
        return at.scalars["lr"] * step, following


class Adagrad(Algorithm):
    """The gradient over the root of the sum of all squares so far (Duchi et al., 2011; torch)."""

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: Rate = 1e-2,
        *,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        maximize: bool = False,
        name: str = "adagrad",
    ) -> None:
        super().__init__(
            parameters,
            name=name,
            lr=lr,
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            eps=eps,
            maximize=maximize,
        )

    def counts(self, settings: Mapping[str, Any]) -> bool:
        """For a rate that decays."""
        return settings["lr_decay"] > 0

    def keeps(self, settings: Mapping[str, Any]) -> Mapping[str, float]:
        """The sum of squares."""
        return {"sum": settings["initial_accumulator_value"]}

    def scalars(self, of: Turn) -> dict[str, Any]:
        """The rate, which decays with the number of steps before."""
        decay = of.settings["lr_decay"]
        return {"size": of.rate / (1 + (of.count - 1) * decay)} if decay else {"size": of.rate}

    def move(self, at: Move) -> tuple[Tensor, Mapping[str, Tensor]]:
        """lr g / (sqrt(s) + eps)."""
        total = at.kept["sum"] + at.gradient * at.gradient
        return at.scalars["size"] * (at.gradient / (sqrt(total) + at.settings["eps"])), {"sum": total}


class Adadelta(Algorithm):
    """The gradient over the size of gradients, times that of earlier steps (Zeiler, 2012; torch)."""

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: Rate = 1.0,
        *,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        maximize: bool = False,
        name: str = "adadelta",
    ) -> None:
        super().__init__(
            parameters,
            name=name,
            lr=lr,
            rho=rho,
            eps=eps,
            weight_decay=weight_decay,
            maximize=maximize,
        )

    def keeps(self, settings: Mapping[str, Any]) -> Mapping[str, float]:
        """Running means of squares of gradients and of steps."""
        return {"square": 0.0, "step": 0.0}

    def move(self, at: Move) -> tuple[Tensor, Mapping[str, Tensor]]:
        """lr d, where d is sqrt(s + eps) / sqrt(v + eps) g."""
        rho, eps = at.settings["rho"], at.settings["eps"]
        square = rho * at.kept["square"] + (1 - rho) * (at.gradient * at.gradient)
        step = sqrt(at.kept["step"] + eps) / sqrt(square + eps) * at.gradient
        return at.scalars["lr"] * step, {
            "square": square,
            "step": rho * at.kept["step"] + (1 - rho) * (step * step),
        }
