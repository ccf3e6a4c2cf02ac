"""Classes of reductions: over any axis, and over narrow rows."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from tests.benchmarks.sweep.workload import Sizes, Workload, normal, shown

Shape = tuple[int, ...]
F64 = np.float64


REDUCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "sum": lambda xp, x, axis: xp.sum(x, axis=axis),
    "mean": lambda xp, x, axis: xp.mean(x, axis=axis),
    "max": lambda xp, x, axis: xp.max(x, axis=axis),
    "var": lambda xp, x, axis: xp.var(x, axis=axis),
    "argmax": lambda xp, x, axis: xp.argmax(x, axis=axis),
    "softmax": lambda xp, x, axis: xp.softmax(x, axis=axis),
    "sum of exp": lambda xp, x, axis: xp.sum(xp.exp(x), axis=axis),
}


def reductions(sizes: Sizes) -> Iterator[Workload]:
    """Every reduction over every axis of wide, tall, and three-dimensional arrays."""
    shapes: list[tuple[Shape, tuple[int, ...]]] = [
        ((1000, 1000), (0, 1)), ((64, 50000), (0, 1)), ((50000, 64), (0, 1)), ((100, 100, 100), (0, 1, 2)),
        ((1000000,), (0,)), ((5000,), (0,)), ((64, 10), (0, 1)),
    ]  # fmt: skip
    for shape, axes in shapes:
        shape = sizes(*shape)
        for name, function in REDUCTIONS.items():
            for axis in axes:
                body = functools.partial(_over, function, axis)
                yield Workload("reductions", f"{name} axis {axis} {shown(shape)}", body, normal(shape))
    shape = sizes(500, 1000)
    for name in ("sum", "max", "softmax"):
        body = functools.partial(_over, REDUCTIONS[name], 0)
        yield Workload(
            "reductions", f"{name} axis 0 {shown(shape, dtype=F64)}", body, normal(shape, dtype=F64)
        )
    for shape, axis in (((7, 50000), 0), ((24, 20000), 0), ((20, 7, 1000), 1), ((32, 48, 1024), 1)):
        shape = sizes(*shape)
        for name in ("sum", "mean", "softmax"):
            body = functools.partial(_over, REDUCTIONS[name], axis)
            yield Workload("reductions", f"{name} axis {axis} {shown(shape)}", body, normal(shape))
    shape = sizes(32, 30, 40, 20)
    for axes in ((0, 2), (1, 3), (0, 2, 3), (2, 3)):
        body = functools.partial(_over, REDUCTIONS["mean"], axes)
        yield Workload("reductions", f"mean axes {axes} {shown(shape)}", body, normal(shape))
    for name, body in {
        "any": lambda xp, x: xp.any(x > 9, axis=1),
        "all": lambda xp, x: xp.all(x, axis=1),
        "prod": lambda xp, x: xp.prod(x, axis=1),
        "layer_norm": lambda xp, x: xp.layer_norm(x),
        "(x - mean) / std": lambda xp, x: (x - xp.mean(x, axis=0)) / xp.sqrt(xp.var(x, axis=0) + 1e-5),
        "log_softmax": lambda xp, x: xp.log_softmax(x),
        "sum, mean, max": lambda xp, x: [xp.sum(x, axis=1), xp.mean(x, axis=1), xp.max(x, axis=1)],
        "cumsum": lambda xp, x: xp.cumsum(x, axis=1),
    }.items():
        for shape in ((1000, 1000), (20000, 48)):
            shape = sizes(*shape)
            yield Workload("reductions", f"{name} {shown(shape)}", body, normal(shape))


def _over(function: Callable[..., Any], axis: Any, xp: Any, x: Any) -> Any:
    return function(xp, x, axis)


def narrow(sizes: Sizes) -> Iterator[Workload]:
    """Rows of 2 to 32."""
    for rows, width in [(500000, 2), (300000, 3), (100000, 10), (60000, 17), (30000, 32), (1000, 5)]:
        shape = (sizes(rows)[0], width if sizes.generator is None else max(2, sizes(width)[0]))
        for name, function in REDUCTIONS.items():
            for axis in (0, 1):
                if name == "softmax" and axis == 0:
                    continue
                body = functools.partial(_over, function, axis)
                yield Workload("narrow", f"{name} axis {axis} {shown(shape)}", body, normal(shape))
        yield Workload(
            "narrow", f"log_softmax {shown(shape)}", lambda xp, x: xp.log_softmax(x), normal(shape)
        )
        yield Workload("narrow", f"layer_norm {shown(shape)}", lambda xp, x: xp.layer_norm(x), normal(shape))
