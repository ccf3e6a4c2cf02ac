"""Accumulated: gradients of several calls added up before an optimiser takes its step."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from compiler.errors import ArgumentError
from compiler.ir.scope import scope
from tinytorch.axes import counted
from tinytorch.ops.elementwise import where
from tinytorch.optim.optimiser import Optimiser, Updates
from tinytorch.tensor import Tensor


class Accumulated(Optimiser):
    """An optimiser that takes its step at every so many calls, with the sum of the gradients of these.

        optimiser = tt.optim.Accumulated(tt.optim.Adam(net.parameters()), every=4)
        step = tt.compile([x, y], loss, updates=optimiser.updates(loss / 4))

    That is four times `backward` and once `step` in PyTorch, so a loss that is a mean is divided as there.
    Between steps parameters and the optimiser's state stay as they are; buffers of the network advance in
    every call. `change` is applied to the sums before the step: `lambda sums: tt.clip_grad_norm(sums, 1.0)`.
    """

    def __init__(
        self,
        optimiser: Optimiser,
        every: int,
        *,
        change: Callable[[list[Tensor]], Sequence[Tensor]] | None = None,
        name: str = "accumulated",
    ) -> None:
        super().__init__(optimiser.parameters, name)
        self.optimiser, self.every, self.change = optimiser, counted("every", every), change
        if self.every < 1:
            raise ArgumentError(f"a step is taken at every call or at every so many, not every={every}")
        self.state.extend(optimiser.state)
        self._count = self._keep(np.zeros((), np.int64), None, "count")
        shapes = [[int(n) for n in p.shape if isinstance(n, int)] for p in self.parameters]
        self._sums = [
            self._keep(np.zeros(shape, p.dtype.numpy), p, "sum")
            for shape, p in zip(shapes, self.parameters, strict=True)
        ]

    def __repr__(self) -> str:
        return f"Accumulated({self.optimiser!r}, every={self.every})"

    def updates_from(self, gradients: Sequence[Tensor]) -> Updates:
        """Where a step is due the optimiser's updates and sums of 0, else the sums with these gradients."""
        self._check_count(gradients)
        count = self._count + 1
        is_due = count == self.every
        with scope(self._name):
            sums = [kept + g for kept, g in zip(self._sums, gradients, strict=True)]
            changed = sums if self.change is None else list(self.change(sums))
            following = self.optimiser.updates_from(changed)
            found = {target: where(is_due, value, target) for target, value in following.items()}
            found |= {kept: where(is_due, 0, total) for kept, total in zip(self._sums, sums, strict=True)}
            return {**found, self._count: where(is_due, 0, count)}
