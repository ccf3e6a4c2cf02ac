"""Optimisers of the course: `step()` and `zero_grad()` on variables. The formulas are `tt.optim`'s.

A step of a parameter is a program, compiled once: its gradient and the learning rate are inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from numbers import Real
from typing import Any, cast

import numpy as np

from compiler.errors import ArgumentError
from compiler.ir.types import DType
from tinytorch import api, optim
from tinytorch.core.values import Array
from tinytorch.core.variable import Variable, each_variable


class Optimizer:
    """Variables and how they follow their gradients. `learning_rate` may be assigned to at any time."""

    def __init__(
        self, parameters: Iterable[Variable], learning_rate: float, make: Callable[..., optim.Optimiser]
    ) -> None:
        self.parameters = each_variable(parameters)
        self.learning_rate = learning_rate
        if not self.parameters or any(not item.requires_grad for item in self.parameters):
            raise ArgumentError(
                "an optimiser is given the variables that it changes, which require gradients"
            )
        if not isinstance(cast(Any, learning_rate), Real) or not learning_rate >= 0:
            raise ArgumentError(f"a learning rate is a number and not negative: {learning_rate!r}")
        self._make = make
        self._steps: dict[Variable, _Step] = {}

    def __repr__(self) -> str:
        rate = f"learning_rate={self.learning_rate}"
        return f"{type(self).__name__}({len(self.parameters)} parameters, {rate})"

    def zero_grad(self) -> None:
        """Fills the gradients with zeros, where there are any."""
        for parameter in self.parameters:
            parameter.zero_grad()

    def step(self) -> None:
        """Moves every parameter that has a gradient."""
        for item in self.parameters:
            if item.grad is not None:
                if item not in self._steps:
                    self._steps[item] = _Step(item.shape, item.dtype, self._make)
                self._steps[item].take(item, item.grad, self.learning_rate)


class _Step:
    """One parameter's step, compiled, with the state that its algorithm keeps, in `kept` if it goes on."""

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: DType,
        make: Callable[..., optim.Optimiser],
        kept: Sequence[Array] = (),
    ) -> None:
        self.made_of = shape, dtype, make
        self.held = api.parameter(np.zeros(shape, dtype.numpy))
        rate = api.input("learning_rate", dtype="float64")
        gradient = api.input("gradient", shape, dtype)
        updates = make([self.held], lr=rate).updates_from([gradient])
        self.state = list(updates)
        for parameter, value in zip(self.state, kept, strict=bool(kept)):
            api.set_value(parameter, value)
        self.program = api.compile([rate, gradient], updates[self.held], updates=updates)

    def take(self, variable: Variable, gradient: Variable, rate: float) -> None:
        api.set_value(self.held, np.array(variable))
        variable.data.write(self.program(np.float64(rate), np.array(gradient, variable.dtype.numpy)))

    def __reduce__(self) -> tuple[Any, ...]:
        return _Step, (*self.made_of, [api.value_of(parameter) for parameter in self.state])


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if asked for."""

    def __init__(
        self,
        parameters: Iterable[Variable],
        learning_rate: float = 0.01,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        settings: dict[str, Any] = {"momentum": momentum, "weight_decay": weight_decay}
        super().__init__(parameters, learning_rate, partial(optim.SGD, **settings))


class Adam(Optimizer):
    """Steps along averages of gradients, over the roots of those of their squares (Kingma and Ba, 2015)."""

    def __init__(
        self,
        parameters: Iterable[Variable],
        learning_rate: float = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        settings: dict[str, Any] = {"betas": (beta1, beta2), "eps": epsilon, "weight_decay": weight_decay}
        super().__init__(parameters, learning_rate, partial(optim.Adam, **settings))
