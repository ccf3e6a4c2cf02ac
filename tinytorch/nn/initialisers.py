"""How parameters begin, by name. An initialiser is a function of a shape `[inputs, outputs]` and a generator.

kaiming    He et al., Delving Deep into Rectifiers (2015)
xavier     Glorot and Bengio, Understanding the difficulty of training deep feedforward networks (2010)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import numpy as np

from compiler.errors import ArgumentError

Array: TypeAlias = np.ndarray[Any, Any]
Initialiser: TypeAlias = "Callable[[tuple[int, ...], np.random.Generator], Array]"
"""In quotes, so that numpy.random is not loaded before it is needed."""


def uniform(bound: float) -> Initialiser:
    """Uniform between -`bound` and `bound`."""
    return lambda shape, generator: generator.uniform(-bound, bound, shape)


def normal(deviation: float) -> Initialiser:
    """Normal with mean 0."""
    return lambda shape, generator: deviation * generator.standard_normal(shape)


def constant(value: float) -> Initialiser:
    """The same value everywhere."""
    return lambda shape, generator: np.full(shape, value)


def _scaled(make: Callable[[float], Initialiser], scale: Callable[[int, int], float]) -> Initialiser:
    return lambda shape, generator: make(scale(max(shape[0], 1), max(shape[-1], 1)))(shape, generator)


INITIALISERS: Final[Mapping[str, Initialiser]] = {
    "torch_linear": _scaled(uniform, lambda inputs, outputs: 1 / math.sqrt(inputs)),
    "kaiming_uniform": _scaled(uniform, lambda inputs, outputs: math.sqrt(6 / inputs)),
    "kaiming_normal": _scaled(normal, lambda inputs, outputs: math.sqrt(2 / inputs)),
    "xavier_uniform": _scaled(uniform, lambda inputs, outputs: math.sqrt(6 / (inputs + outputs))),
    "xavier_normal": _scaled(normal, lambda inputs, outputs: math.sqrt(2 / (inputs + outputs))),
    "zeros": constant(0.0),
    "ones": constant(1.0),
}
"""`torch_linear` is torch.nn.Linear's default; `kaiming` has the gain of relu."""


def find_initialiser(which: str | Initialiser) -> Initialiser:
    """An initialiser by name, or the function itself. Raises ArgumentError naming those there are."""
    if not isinstance(which, str):
        return which
    if which not in INITIALISERS:
        raise ArgumentError(f"no initialiser is named {which!r}; there are {', '.join(INITIALISERS)}")
    return INITIALISERS[which]
