"""How parameters begin, by name. An initialiser is a function of a shape `[inputs, outputs]` and a generator.

kaiming    He et al., Delving Deep into Rectifiers (2015)
xavier     Glorot and Bengio, Understanding the difficulty of training deep feedforward networks (2010)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, TypeAlias

import numpy as np

from compiler.errors import ArgumentError
from tinytorch.values import checked_number

Array: TypeAlias = np.ndarray[Any, Any]
Initialiser: TypeAlias = "Callable[[tuple[int, ...], np.random.Generator], Array]"
"""In quotes, so that numpy.random is not loaded before it is needed."""


def uniform(bound: float) -> Initialiser:
    """Uniform between -`bound` and `bound`."""
    return partial(_uniform, checked_number("bound", bound))


def normal(deviation: float) -> Initialiser:
    """Normal with mean 0."""
    return partial(_normal, checked_number("deviation", deviation))


def constant(value: float) -> Initialiser:
    """The same value everywhere."""
    return partial(_constant, checked_number("value", value))


# Functions with names, so that a network pickles.


def _uniform(bound: float, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
    return generator.uniform(-bound, bound, shape)


def _normal(deviation: float, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
    return deviation * generator.standard_normal(shape)


def _constant(value: float, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
    return np.full(shape, value)


def _scaled(
    make: Callable[[float], Initialiser], gain: float, shape: tuple[int, ...], generator: np.random.Generator
) -> Array:
    """Of scale `sqrt(gain / inputs)`."""
    return make(math.sqrt(gain / max(shape[0], 1)))(shape, generator)


def _balanced(
    make: Callable[[float], Initialiser], gain: float, shape: tuple[int, ...], generator: np.random.Generator
) -> Array:
    """Of scale `sqrt(gain / (inputs + outputs))`."""
    return make(math.sqrt(gain / (max(shape[0], 1) + max(shape[-1], 1))))(shape, generator)


INITIALISERS: Final[Mapping[str, Initialiser]] = {
    "torch_linear": partial(_scaled, uniform, 1),
    "kaiming_uniform": partial(_scaled, uniform, 6),
    "kaiming_normal": partial(_scaled, normal, 2),
    "xavier_uniform": partial(_balanced, uniform, 6),
    "xavier_normal": partial(_balanced, normal, 2),
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
