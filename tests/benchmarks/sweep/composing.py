"""The class of composites: what NumPy has a name for, and is made of other ops here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from tests.benchmarks.sweep.workload import Sizes, Workload, normal, shown

OF_ONE: Final[dict[str, Callable[..., Any]]] = {
    "tile": lambda xp, x: xp.tile(x, (2, 3)),
    "roll": lambda xp, x: xp.roll(x, 3, 1),
    "rot90": lambda xp, x: xp.rot90(x),
    "tril": lambda xp, x: xp.tril(x),
    "cov": lambda xp, x: xp.cov(x),
    "corrcoef": lambda xp, x: xp.corrcoef(x),
    "trapezoid": lambda xp, x: xp.trapezoid(x),
    "inner": lambda xp, x: xp.inner(x, x),
}
OF_TWO: Final[dict[str, Callable[..., Any]]] = {
    "hstack": lambda xp, x, y: xp.hstack([x, y]),
    "vstack": lambda xp, x, y: xp.vstack([x, y]),
    "dstack": lambda xp, x, y: xp.dstack([x, y]),
    "tensordot": lambda xp, x, y: xp.tensordot(x, y, 2),
    "maximum of parts": lambda xp, x, y: xp.fmax(x, y) - xp.heaviside(x, y),
}


def composites(sizes: Sizes) -> Iterator[Workload]:
    """Two matrices each, one small and one of a cache's size; products of vectors and of small matrices."""
    for shape in ((64, 100), (300, 700)):
        shape = sizes(*shape)
        for functions, count in ((OF_ONE, 1), (OF_TWO, 2)):
            for name, body in functions.items():
                given = normal(*[shape] * count)
                yield Workload("composites", f"{name} {shown(*[shape] * count)}", body, given)
    (n,) = sizes(100000)
    others: dict[str, tuple[tuple[int, ...], Callable[..., Any]]] = {
        "cross": ((n, 3), lambda xp, x, y: xp.cross(x, y)),
        "kron": ((20, 30), lambda xp, x, y: xp.kron(x, y)),
        "outer": ((1000,), lambda xp, x, y: xp.outer(x, y)),
    }
    for name, (shape, body) in others.items():
        yield Workload("composites", f"{name} {shown(shape)}", body, normal(shape, shape))
    yield Workload("composites", f"vander ({n},)", lambda xp, x: xp.vander(x, 4), normal((n,)))
