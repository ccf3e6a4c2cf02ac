"""Adam and its kin: steps by a running mean of gradients over a running size of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tinytorch.ops.elementwise import abs, maximum, sqrt, where
from tinytorch.optim.algorithm import Algorithm, Move, Turn
from tinytorch.optim.groups import Rate
from tinytorch.tensor import Tensor


class _Moments(Algorithm):
    """What keeps running means of gradients and of their squares, and corrects them for their beginning."""

    def counts(self, settings: Mapping[str, Any]) -> bool:
        """For its corrections."""
        return True

    def keeps(self, settings: Mapping[str, Any]) -> Mapping[str, float]:
        """Running means of gradients and of their squares."""
        return {"mean": 0.0, "square": 0.0}


class Adam(_Moments):
    """Adam (Kingma and Ba, 2015). Weight decay is added to the gradient (torch.optim.Adam).

    With `amsgrad` the size of gradients is the largest that was seen (Reddi et al., 2018).
    """

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: Rate = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        maximize: bool = False,
        decoupled_weight_decay: bool = False,
        name: str = "adam",
    ) -> None:
        super().__init__(
            parameters,
            name=name,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            amsgrad=amsgrad,
            maximize=maximize,
            decoupled_weight_decay=decoupled_weight_decay,
        )

    def keeps(self, settings: Mapping[str, Any]) -> Mapping[str, float]:
        """Running means of gradients and of their squares, and with `amsgrad` the largest of these."""
        return {**super().keeps(settings), **({"largest": 0.0} if settings["amsgrad"] else {})}

    def scalars(self, of: Turn) -> dict[str, Any]:
        """What corrects both means for their beginning at 0."""
        first, second = of.settings["betas"]
        return {"size": of.rate / (1 - first**of.count), "root": sqrt(1 - second**of.count)}

    def move(self, at: Move) -> tuple[Tensor, Mapping[str, Tensor]]:
        """lr m / (sqrt(v) + eps), with m and v corrected."""
        following = _moments(at)
        size = following["square"]
        if at.settings["amsgrad"]:
            following["largest"] = size = maximum(at.kept["largest"], size)
        return at.scalars["size"] * (
            following["mean"] / (sqrt(size) / at.scalars["root"] + at.settings["eps"])
        ), following


class AdamW(Adam):
    """Adam with weight decay apart from the gradient (Loshchilov and Hutter, 2019; torch.optim.AdamW)."""

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: Rate = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        maximize: bool = False,
        name: str = "adamw",
    ) -> None:
        super().__init__(
            parameters,
            lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            amsgrad=amsgrad,
            maximize=maximize,
            decoupled_weight_decay=True,
            name=name,
        )


class Adamax(_Moments):
    """Adam by the largest gradient, which fades, instead of a mean of squares (Kingma and Ba, 2015)."""

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: Rate = 2e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        maximize: bool = False,
        name: str = "adamax",
    ) -> None:
        super().__init__(
            parameters,
            name=name,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            maximize=maximize,
        )

    def keeps(self, settings: Mapping[str, Any]) -> Mapping[str, float]:
        """A running mean of gradients, and the largest magnitude."""
        return {"mean": 0.0, "largest": 0.0}

    def scalars(self, of: Turn) -> dict[str, Any]:
        """What corrects the mean for its beginning at 0."""
        return {"size": of.rate / (1 - of.settings["betas"][0] ** of.count)}

    def move(self, at: Move) -> tuple[Tensor, Mapping[str, Tensor]]:
        """lr m / u, where u is max(b2 u, |g| + eps)."""
        first, second = at.settings["betas"]
        mean = at.kept["mean"] + (1 - first) * (at.gradient - at.kept["mean"])
        largest = maximum(second * at.kept["largest"], abs(at.gradient) + at.settings["eps"])
        return at.scalars["size"] * (mean / largest), {"mean": mean, "largest": largest}


class NAdam(_Moments):
    """Adam with Nesterov's look ahead, whose momentum warms up by `momentum_decay` (Dozat, 2016)."""

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: Rate = 2e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        maximize: bool = False,
        name: str = "nadam",
    ) -> None:
        super().__init__(
            parameters,
            name=name,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            momentum_decay=momentum_decay,
            decoupled_weight_decay=decoupled_weight_decay,
            maximize=maximize,
        )

    def keeps_of_group(self, settings: Mapping[str, Any]) -> Mapping[str, float]:
        """The product of all momenta so far."""
        return {"momenta": 1.0}

    def scalars(self, of: Turn) -> dict[str, Any]:
        """The rates of the gradient and of the mean, and what corrects the squares."""
        (first, second), decay = of.settings["betas"], of.settings["momentum_decay"]
        momentum, following = (first * (1 - 0.5 * 0.96 ** ((of.count + k) * decay)) for k in (0, 1))
        of.updates[of.shared["momenta"]] = momenta = of.shared["momenta"] * momentum
        return {
            "of_gradient": of.rate * (1 - momentum) / (1 - momenta),
            "of_mean": of.rate * following / (1 - momenta * following),
            "root": sqrt(1 - second**of.count),
        }

    def move(self, at: Move) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The gradient and its mean, each by its rate, over sqrt(v) + eps."""
        following = _moments(at)
        step = at.scalars["of_gradient"] * at.gradient + at.scalars["of_mean"] * following["mean"]
        return step / (sqrt(following["square"]) / at.scalars["root"] + at.settings["eps"]), following


class RAdam(_Moments):
    """Adam whose step is rectified, or without v at all, while few squares were seen (Liu et al., 2020)."""

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: Rate = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        maximize: bool = False,
        name: str = "radam",
    ) -> None:
        super().__init__(
            parameters,
            name=name,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            decoupled_weight_decay=decoupled_weight_decay,
            maximize=maximize,
        )

    def scalars(self, of: Turn) -> dict[str, Any]:
        """The rate of the mean, and where the variance of v is finite what rectifies it, else 0."""
        first, second = of.settings["betas"]
        power = second**of.count
        most = 2 / (1 - second) - 1
        length = most - 2 * of.count * power / (1 - power)
        known = where(length > 5, length, 5)  # the root is of what is taken alone
        rectified = sqrt((known - 4) * (known - 2) * most / ((most - 4) * (most - 2) * known) * (1 - power))
        return {"size": of.rate / (1 - first**of.count), "rectified": where(length > 5, rectified, 0)}

    def move(self, at: Move) -> tuple[Tensor, Mapping[str, Tensor]]:
        """lr m, and where v is known over sqrt(v) + eps, rectified."""
        following = _moments(at)
        rectified = at.scalars["rectified"]
        scale = where(rectified > 0, rectified / (sqrt(following["square"]) + at.settings["eps"]), 1)
        return at.scalars["size"] * (following["mean"] * scale), following


def _moments(at: Move) -> dict[str, Tensor]:
    (first, second), mean = at.settings["betas"], at.kept["mean"]
    return {
        "mean": mean + (1 - first) * (at.gradient - mean),
        "square": second * at.kept["square"] + (1 - second) * (at.gradient * at.gradient),
    }
