"""Classes of what moves values: layout, gathers, and arguments that lie or are given strangely."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tests.benchmarks.sweep.workload import Array, Sizes, Workload, normal, shown

Shape = tuple[int, ...]


def layout(sizes: Sizes) -> Iterator[Workload]:
    """Copies that turn, cut, join and repeat."""
    for shape, axes in [
        ((2048, 2048), (1, 0)), ((1000, 1000), (1, 0)), ((4, 100000), (1, 0)), ((100000, 4), (1, 0)),
        ((100, 100), (1, 0)), ((16, 64, 28, 28), (0, 2, 3, 1)), ((16, 28, 28, 64), (0, 3, 1, 2)),
        ((64, 32, 16, 8), (0, 2, 1, 3)), ((100, 200, 30), (2, 1, 0)),
    ]:  # fmt: skip
        shape = sizes(*shape)
        body = functools.partial(_permuted, axes)
        yield Workload("layout", f"permute {axes} {shown(shape)}", body, normal(shape))
    for shape in ((1000, 1000), (100000, 8)):
        shape = sizes(*shape)
        plain = {
            "x[:, ::2]": lambda xp, x: x[:, ::2] * 1.5,
            "x[::2]": lambda xp, x: x[::2] * 1.5,
            "flip 1": lambda xp, x: xp.flip(x, axis=1),
            "flip 0": lambda xp, x: xp.flip(x, axis=0),
            "pad": lambda xp, x: xp.pad(x, ((1, 1), (1, 1))),
            "slice": lambda xp, x: x[1:-1, 1:-1] * 2,
            "concatenate 0": lambda xp, x: xp.concatenate([x, x * 2], axis=0),
            "concatenate 1": lambda xp, x: xp.concatenate([x, x * 2], axis=1),
            "stack 0": lambda xp, x: xp.stack([x, x * 2], axis=0),
            "stack 2": lambda xp, x: xp.stack([x, x * 2], axis=2),
            "differences": lambda xp, x: x[:, 1:] - x[:, :-1],
            "stencil": lambda xp, x: x[1:-1] * 2 - x[2:] - x[:-2],
        }
        for name, body in plain.items():
            yield Workload("layout", f"{name} {shown(shape)}", body, normal(shape))
    shape = sizes(1000, 300)
    for dtype in (np.float16, np.float32, np.float64):
        body, given = functools.partial(_flipped, 1), normal(shape, dtype=dtype)
        yield Workload("layout", f"flip 1 {shown(shape, dtype=dtype)}", body, given)
    shape = sizes(16, 32)
    shape = (*shape, 32, 32)
    yield Workload("layout", f"pool max 2x2 {shown(shape)}", functools.partial(_pooled, "max"), normal(shape))
    yield Workload(
        "layout", f"pool mean 2x2 {shown(shape)}", functools.partial(_pooled, "mean"), normal(shape)
    )
    (n,) = sizes(1000000)
    yield Workload("layout", f"stack -1 ({n},)", lambda xp, x: xp.stack([x, x * 2], axis=1), normal((n,)))


def _permuted(axes: Shape, xp: Any, x: Any) -> Any:
    return xp.permute(x, axes)


def _flipped(axis: int, xp: Any, x: Any) -> Any:
    return xp.flip(x, axis=axis)


def _pooled(what: str, xp: Any, x: Any) -> Any:
    n, c, h, w = x.shape
    return getattr(xp, what)(xp.reshape(x, (n, c, h // 2, 2, w // 2, 2)), axis=(3, 5))


def gathers(sizes: Sizes) -> Iterator[Workload]:
    """Rows by index, their gradients, bags of them, picks along an axis."""
    for rows, width, count in [
        (10000, 64, 1024), (10000, 64, 32768), (100000, 16, 8192), (1000, 512, 4096), (500000, 4, 65536),
        (50000, 1, 50000),
    ]:  # fmt: skip
        rows, count = sizes(rows, count)
        given = functools.partial(_table, rows, width, (count,))
        said = f"({rows},{width})[{count}]"
        yield Workload("gathers", f"rows {said}", lambda xp, x, i: xp.take(x, i, axis=0), given)
        yield Workload(
            "gathers", f"tanh of rows {said}", lambda xp, x, i: xp.tanh(xp.take(x, i, axis=0)), given
        )
        yield Workload("gathers", f"gradient of rows {said}", _gathered_back, given)
    for rows, width, bags, each in [(10000, 64, 1024, 8), (10000, 64, 512, 32), (50000, 32, 4096, 4)]:
        rows, bags = sizes(rows, bags)
        given = functools.partial(_table, rows, width, (bags, each))
        said = f"({rows},{width})[{bags},{each}]"
        yield Workload(
            "gathers", f"bags {said}", lambda xp, x, i: xp.sum(xp.take(x, i, axis=0), axis=1), given
        )
        yield Workload("gathers", f"gradient of bags {said}", _bags_back, given)
    for shape in ((1024, 1000), (100000, 10)):
        shape = sizes(*shape)
        given = functools.partial(_picks, shape)
        yield Workload(
            "gathers",
            f"pick one a row {shown(shape)}",
            lambda xp, x, i: xp.take_along_axis(x, i, axis=1),
            given,
        )
    yield from _updates(sizes)


def _updates(sizes: Sizes) -> Iterator[Workload]:
    """Rows that are added, set and compared where indices say; elements by indices of two axes."""
    for rows, width, count in [
        (100000, 1, 50000), (50000, 4, 50000), (10000, 64, 4096), (1000, 64, 32768), (2000, 1000, 1024),
    ]:  # fmt: skip
        rows, count = sizes(rows, count)
        for how in ("add", "max", *(["set"] if count <= rows else [])):
            given = functools.partial(_changes, (rows, width), 1, (count, width), how)
            name = f"at rows {how} ({rows},{width})[{count}]"
            yield Workload("gathers", name, functools.partial(_changed, how), given)
    for shape, count in [((1000, 1000), 100000), ((100, 100), 1000)]:
        shape, (count,) = sizes(*shape), sizes(count)
        given = functools.partial(_changes, shape, 2, (count,), "add")
        said = f"{shown(shape)}[{count}]"
        yield Workload("gathers", f"x[i, j] {said}", lambda xp, x, v, i, j: x[i, j] + v, given)
        for how in ("add", "set"):
            given = functools.partial(_changes, shape, 2, (count,), how)
            yield Workload("gathers", f"at pairs {how} {said}", functools.partial(_changed, how), given)
    given = functools.partial(_changes, (5000, 64), 1, (5000, 64), "add")
    yield Workload("gathers", "gradient of x.at[i].add(v) (5000,64)", _changed_back, given)


def _changes(shape: Shape, axes: int, values: Shape, how: str) -> list[Array]:
    """A table, values, and indices, which differ for what is set: of equal ones each system keeps another."""
    generator = np.random.default_rng(0)
    floats = [generator.standard_normal(item, np.float32) for item in (shape, values)]
    places = math.prod(shape[:axes])
    is_apart = how == "set"
    flat = (
        generator.permutation(places)[: values[0]] if is_apart else generator.integers(0, places, values[0])
    )
    return [*floats, *(np.ascontiguousarray(item) for item in np.unravel_index(flat, shape[:axes]))]


def _changed(how: str, xp: Any, x: Any, v: Any, *key: Any) -> Any:
    return xp.at(x, key if len(key) > 1 else key[0], how, v)


def _changed_back(xp: Any, x: Any, v: Any, i: Any) -> Any:
    return xp.value_and_grad(lambda x, v: xp.sum(xp.tanh(xp.at(x, i, "add", v))), x, v)[1]


def _table(rows: int, width: int, indices: Shape) -> list[Array]:
    generator = np.random.default_rng(0)
    table = generator.standard_normal((rows, width), np.float32)
    return [table, generator.integers(0, rows, indices)]


def _picks(shape: Shape) -> list[Array]:
    generator = np.random.default_rng(0)
    return [generator.standard_normal(shape, np.float32), generator.integers(0, shape[1], (shape[0], 1))]


def _gathered_back(xp: Any, x: Any, i: Any) -> Any:
    return xp.value_and_grad(lambda x: xp.sum(xp.tanh(xp.take(x, i, axis=0))), x)[1][0]


def _bags_back(xp: Any, x: Any, i: Any) -> Any:
    return xp.value_and_grad(lambda x: xp.sum(xp.tanh(xp.sum(xp.take(x, i, axis=0), axis=1))), x)[1][0]


def arguments(sizes: Sizes) -> Iterator[Workload]:
    """Calls by name, with `out=`, with arrays given away or that lie strangely; and calls that do little."""
    (n,) = sizes(1000)
    views: dict[str, Callable[[Array], Array]] = {
        "as it is": lambda x: x, "transposed": lambda x: x.T,
        "every other": lambda x: np.repeat(x, 2, 1)[:, ::2],
        "reversed": lambda x: x[::-1], "Fortran": np.asfortranarray,
    }  # fmt: skip
    for small in (n, 8):
        for name, view in views.items():
            given = functools.partial(_viewed, small, view)
            yield Workload("arguments", f"tanh(x) + y, x {name} ({small},{small})", _tanh_plus, given)
        for way in ("named", "out", "donated"):
            given = functools.partial(_viewed, small, views["as it is"])
            yield Workload("arguments", f"tanh(x) + y, {way} ({small},{small})", _tanh_plus, given, way=way)
    for count in (1, 4, 16):
        yield Workload("arguments", f"sum of {count} of (4,)", _sum_all, normal(*[(4,)] * count))
    yield Workload("arguments", "x + 1 ()", lambda xp, x: x + 1, normal(()))
    yield Workload(
        "arguments", "four outputs (16,)", lambda xp, x: [x + 1, x * 2, x * x, xp.abs(x)], normal((16,))
    )


def _viewed(n: int, view: Callable[[Array], Array]) -> list[Array]:
    x, y = normal((n, n), (n, n))()
    return [view(x), y]


def _tanh_plus(xp: Any, x: Any, y: Any) -> Any:
    return xp.tanh(x) + y


def _sum_all(xp: Any, *values: Any) -> Any:
    return functools.reduce(lambda a, b: a + b, values[1:], values[0] * math.pi)
