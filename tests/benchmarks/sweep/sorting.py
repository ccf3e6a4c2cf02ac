"""The class of sorting: orders, first elements, ranks, places in what is sorted, counts."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from tests.benchmarks.sweep.workload import Array, Sizes, Workload, normal, shown

Shape = tuple[int, ...]

ROWS: Final[dict[str, Callable[..., Any]]] = {
    "sort": lambda xp, x: xp.sort(x, axis=-1),
    "sort descending": lambda xp, x: xp.sort_descending(x),
    "argsort": lambda xp, x: xp.argsort(x, axis=-1),
    "topk 10": lambda xp, x: xp.topk(x, 10),
    "median": lambda xp, x: xp.median(x),
    "quantiles": lambda xp, x: xp.quantile(x, [0.25, 0.5, 0.75]),
}


def sorting(sizes: Sizes) -> Iterator[Workload]:
    """Rows of ten to a million, of three dtypes, with gradients; searches, counts and logarithms of sums."""
    shapes = ((16, 10), (1000, 10), (1000, 100), (1000, 1000), (4, 100000), (1, 1000000))
    for shape in shapes:
        shape = (shape[0], max(10, sizes(shape[1])[0]))
        for dtype in (np.float32, np.float64, np.int64):
            for name, body in ROWS.items():
                if name == "quantiles" and dtype == np.int64:
                    continue
                yield Workload("sorting", f"{name} {said(shape, dtype)}", body, distinct(shape, dtype=dtype))
    yield from _columns(sizes)
    yield from _searches(sizes)
    for shape in ((1000, 1000), (1, 1000000), (4, 10)):
        shape = sizes(*shape)
        yield Workload(
            "sorting",
            f"logcumsumexp {shown(shape)}",
            lambda xp, x: xp.logcumsumexp(x, axis=1),
            normal(shape),
        )


def _columns(sizes: Sizes) -> Iterator[Workload]:
    """Along the first axis, and with gradients."""
    for shape in ((1000, 100), (1000, 1000)):
        shape = sizes(*shape)
        yield Workload("sorting", f"sort 0 {shown(shape)}", lambda xp, x: xp.sort(x, axis=0), distinct(shape))
        for name, function in {
            "sort": lambda xp, x: (xp.sort(x, axis=-1) ** 2)[:, :10].sum(),
            "topk": lambda xp, x: (xp.topk(x, 10) ** 2).sum(),
        }.items():
            body = functools.partial(_with_gradient, function)
            yield Workload("sorting", f"gradient of {name} {shown(shape)}", body, distinct(shape))


def _with_gradient(function: Callable[..., Any], xp: Any, x: Any) -> Any:
    loss, (slope,) = xp.value_and_grad(functools.partial(function, xp), x)
    return [loss, slope]


def _searches(sizes: Sizes) -> Iterator[Workload]:
    for many, count in ((8, 100000), (1000, 100000), (100000, 100000), (1000, 1000)):
        many, count = sizes(many, count)
        given = functools.partial(_sorted_and_values, many, count)
        yield Workload("sorting", f"searchsorted {many} {count}", _search, given)
    for many, count in ((100, 1000000), (10, 1000)):
        many, count = sizes(many, count)
        body = functools.partial(_count, many)
        yield Workload("sorting", f"bincount {many} {count}", body, functools.partial(_below, many, count))


def _search(xp: Any, row: Any, values: Any) -> Any:
    return xp.searchsorted(row, values)


def _count(many: int, xp: Any, x: Any) -> Any:
    return xp.bincount(x, minlength=many)


def said(shape: Shape, dtype: Any) -> str:
    """The shape and dtype."""
    return shown(shape) + (" i64" if dtype == np.int64 else shown(dtype=dtype))


def distinct(shape: Shape, dtype: Any = np.float32) -> Callable[[], list[Array]]:
    """An argument without ties, so that every system has the same places."""

    def made() -> list[Array]:
        generator = np.random.default_rng(zlib.crc32(repr(shape).encode()))
        return [generator.permuted(np.arange(np.prod(shape)).reshape(shape)).astype(dtype)]

    return made


def _sorted_and_values(many: int, count: int) -> list[Array]:
    generator = np.random.default_rng(many)
    row, values = (generator.standard_normal(size, np.float32) for size in (many, count))
    return [np.sort(row), values]


def _below(many: int, count: int) -> list[Array]:
    return [np.random.default_rng(many).integers(0, many, count)]
