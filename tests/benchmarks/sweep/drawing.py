"""Classes of random numbers: each distribution alone, and masks that are used at once.

The argument is a seed. What is drawn differs from system to system, so only its distribution can be compared.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np

from tests.benchmarks.sweep.workload import Array, Sizes, Workload, normal, shown

DRAWS: Final[dict[str, Callable[..., Any]]] = {
    "uniform": lambda xp, seed, shape: xp.uniform(seed, shape),
    "normal": lambda xp, seed, shape: xp.normal(seed, shape),
    "exponential": lambda xp, seed, shape: xp.exponential(seed, shape),
    "bernoulli": lambda xp, seed, shape: xp.bernoulli(seed, 0.9, shape),
    "randint": lambda xp, seed, shape: xp.randint(seed, 1000, shape),
}
"""Of a seed and a shape."""


def draws(sizes: Sizes) -> Iterator[Workload]:
    """Draws alone, and dropout and noise forward and backward."""
    for name, make in DRAWS.items():
        for shape in ((1000, 1000), (64, 64), (1000000,)):
            shape = sizes(*shape)
            body = functools.partial(_alone, make, shape)
            yield Workload("draws", f"{name} {shown(shape)}", body, _seed)
    for shape in ((1000, 1000), (64, 256)):
        shape = sizes(*shape)
        for name, make in {"dropout": _dropout, "noise": _noise}.items():
            yield Workload("draws", f"{name} {shown(shape)}", make, _seeded(shape))
            body = functools.partial(_slope, make)
            yield Workload("draws", f"slope of {name} of tanh {shown(shape)}", body, _seeded(shape))


def _seed() -> list[Array]:
    return [np.array(7, np.int64)]


def _seeded(shape: tuple[int, ...]) -> Callable[[], Sequence[Array]]:
    return lambda: [*_seed(), *normal(shape)()]


def _alone(make: Callable[..., Any], shape: tuple[int, ...], xp: Any, seed: Any) -> Any:
    return make(xp, seed, shape)


def _dropout(xp: Any, seed: Any, x: Any) -> Any:
    return xp.where(xp.bernoulli(seed, 0.9, x.shape), x / 0.9, 0.0)


def _noise(xp: Any, seed: Any, x: Any) -> Any:
    return x + 0.1 * xp.normal(seed, x.shape)


def _slope(make: Callable[..., Any], xp: Any, seed: Any, x: Any) -> Any:
    return xp.value_and_grad(lambda x: xp.sum(make(xp, seed, xp.tanh(x)) ** 2), x)[1][0]
