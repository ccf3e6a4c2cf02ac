"""Optimiser: parameters, state, and the updates that follow from a loss."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from compiler.errors import ArgumentError
from compiler.ir.buffer import Role
from compiler.ir.build import parameter_node
from tinytorch.api import grad
from tinytorch.guards import raise_missing
from tinytorch.state import state_updates
from tinytorch.tensor import Tensor

Updates: TypeAlias = dict[Tensor, Tensor]


def state(value: Any, name: str | None) -> Tensor:
    """A parameter that no optimiser trains: it holds what steps leave behind."""
    return Tensor(parameter_node(np.asarray(value), name, role=Role.STATE))


class Optimiser(ABC):
    """Parameters that follow a loss, and the state that lasts between its steps."""

    def __init__(self, parameters: Sequence[Tensor], name: str) -> None:
        self.parameters = list(parameters)
        """Those that are trained: without those whose `requires_grad` is False."""
        self.state: list[Tensor] = []
        """The parameters that hold the state, for saving and restoring."""
        self._name = name

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """For names that are missing alone: raises MissingNameError, which says what to write."""
            raise_missing("Optimiser", name, self)

    def updates(self, loss: Tensor) -> Updates:
        """The next value of each parameter, of each piece of state, and of each buffer of the network.

        Buffers are those that layers in training advance, as running statistics (`tt.nn.state_updates`).
        Raises GradientError for a parameter that the loss does not depend on.
        """
        return {**state_updates(loss), **self.updates_from(grad(loss, self.parameters))}

    @abstractmethod
    def updates_from(self, gradients: Sequence[Tensor]) -> Updates:
        """The next value of each parameter and piece of state, from gradients such as clipped ones.

        Gradients are in the order of `parameters`. Buffers of the network are not among them: add
        `tt.nn.state_updates(loss)`.
        """

    def _keep(self, value: Any, of: Tensor | None, what: str) -> Tensor:
        """A new piece of state, named after the optimiser and the parameter that it belongs to."""
        parts = (self._name, None if of is None else of.name, what)
        is_named = of is None or of.name is not None
        kept = state(value, ".".join(part for part in parts if part) if is_named else None)
        self.state.append(kept)
        return kept

    def _check_count(self, gradients: Sequence[Tensor]) -> None:
        if len(gradients) != len(self.parameters):
            raise ArgumentError(f"{len(gradients)} gradients for {len(self.parameters)} parameters")
