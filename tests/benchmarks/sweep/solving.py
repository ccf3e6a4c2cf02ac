"""The class of linear algebra: small dense systems and factors, one or stacked, with gradients."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from tests.benchmarks.sweep.workload import Array, Sizes, Workload, normal, shown

Shape = tuple[int, ...]

OF_ONE: Final[dict[str, Callable[..., Any]]] = {
    "inv": lambda xp, a: xp.linalg.inv(a),
    "det": lambda xp, a: xp.linalg.det(a),
    "cholesky": lambda xp, a: xp.linalg.cholesky(a),
    "qr": lambda xp, a: xp.linalg.qr(a)[1],
    "eigvalsh": lambda xp, a: xp.linalg.eigvalsh(a),
    "log det": lambda xp, a: xp.linalg.slogdet(a)[1],
    "vector norm": lambda xp, a: xp.linalg.norm(a, axis=-1),
}


def solving(sizes: Sizes) -> Iterator[Workload]:
    """Matrices of 4 to 256, alone and in stacks."""
    for count, size in ((1000, 4), (64, 16), (16, 64), (1, 256)):
        size = max(2, sizes(size)[0])
        for dtype in (np.float32, np.float64):
            shape = (count, size, size)
            given = functools.partial(_positive, shape, dtype)
            what = shown(shape, dtype=dtype)
            for name, body in OF_ONE.items():
                yield Workload("linear algebra", f"{name} {what}", body, given)
            both = functools.partial(_with_right, shape, dtype)
            yield Workload("linear algebra", f"solve {what}", lambda xp, a, b: xp.linalg.solve(a, b), both)


def _positive(shape: Shape, dtype: Any) -> list[Array]:
    """Symmetric matrices, positive definite."""
    (half,) = normal(shape, dtype=np.float64)()
    return [(half @ half.swapaxes(-1, -2) + shape[-1] * np.eye(shape[-1])).astype(dtype)]


def _with_right(shape: Shape, dtype: Any) -> list[Array]:
    return [*_positive(shape, dtype), *normal((*shape[:-1], 2), dtype=dtype)()]
