"""Average: running averages of weights, which often predict better than the weights themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from compiler.errors import ArgumentError
from compiler.ir.scope import scope
from tinytorch.api import set_value, value_of
from tinytorch.ops.elementwise import where
from tinytorch.optim.groups import groups_of
from tinytorch.optim.optimiser import Updates, state
from tinytorch.tensor import Tensor
from tinytorch.values import checked_number


class Average:
    """Averages of parameters over the steps, exponential or, without a decay, equal (torch's AveragedModel).

        average = tt.optim.Average(net.parameters(), decay=0.999)
        step = tt.compile([x, y], loss, updates=average.updates(optimiser.updates(loss)))
        ...
        average.swap()  # net now has the averages, and the averages what net had; again, and back

    The first call copies the weights. After it an average becomes `decay a + (1 - decay) p`, or the mean of
    all so far: Polyak and Juditsky (1992), Izmailov et al. (2018). `p` is the weight after the step.
    """

    def __init__(
        self, parameters: Iterable[Tensor], decay: float | None = 0.999, *, name: str = "average"
    ) -> None:
        (group,) = groups_of(parameters, {})
        self.parameters = list(group.parameters)
        self.decay = None if decay is None else checked_number("decay", decay)
        if self.decay is not None and not 0 <= self.decay <= 1:
            raise ArgumentError(f"decay lies in [0, 1]: {self.decay}")
        self._name = name
        self._count = state(np.zeros((), np.int64), f"{name}.count")
        names = [None if item.name is None else f"{name}.{item.name}" for item in self.parameters]
        self.averages = [state(value_of(item), n) for item, n in zip(self.parameters, names, strict=True)]
        """The parameters that hold the averages, in the order of the weights."""
        self.state = [self._count, *self.averages]

    def __repr__(self) -> str:
        return f"Average(parameters={len(self.parameters)}, decay={self.decay})"

    def updates(self, updates: Mapping[Tensor, Tensor]) -> Updates:
        """These updates, and the averages of the weights that they make."""
        following = {target.node.op: value for target, value in updates.items()}
        found = dict(updates)
        with scope(self._name):
            found[self._count] = count = self._count + 1
            share = 1 / count.astype("float64") if self.decay is None else 1 - self.decay
            for item, kept in zip(self.parameters, self.averages, strict=True):
                value = following.get(item.node.op, item)
                part = share.astype(kept.dtype) if isinstance(share, Tensor) else share
                # The first weights are copied: a difference from what was there may have no digits left.
                found[kept] = where(count == 1, value, kept + part * (value - kept))
        return found

    def swap(self) -> None:
        """Exchanges the values of weights and averages."""
        for item, kept in zip(self.parameters, self.averages, strict=True):
            value = value_of(item)
            set_value(item, value_of(kept))
            set_value(kept, value)
