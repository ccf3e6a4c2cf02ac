"""Numbers kept in fewer bytes than they are computed in: halves, and images of bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import ml_dtypes
import numpy as np

from tests.benchmarks.sweep.workload import Array, Sizes, Workload, normal, shown

HALVES: Final = {"f16": np.dtype(np.float16), "bf16": np.dtype(ml_dtypes.bfloat16)}

CHAINS: Final[dict[str, Callable[..., Any]]] = {
    "x * y + x": lambda xp, x, y: x * y + x,
    "tanh(x) * y": lambda xp, x, y: xp.tanh(x) * y,
    "x as float32": lambda xp, x, y: xp.cast(x, "float32"),
    "sum of rows": lambda xp, x, y: xp.sum(x, axis=1),
    "softmax": lambda xp, x, y: xp.softmax(x),
}

WHOLE: Final[dict[str, Callable[..., Any]]] = {
    "x + y": lambda xp, x, y: x + y,
    "x == y": lambda xp, x, y: x == y,
    "inside": lambda xp, x, y: xp.concatenate([x[1:-1, 2:-2]], axis=0),
    "beside": lambda xp, x, y: xp.concatenate([x, y], axis=1),
}


def storage(sizes: Sizes) -> Iterator[Workload]:
    """Chains, sums and products of halves, what becomes a half, bytes that become floats, small integers."""
    for short, dtype in HALVES.items():
        for shape in ((64, 64), (2000, 1000)):
            shape = sizes(*shape)
            for name, body in CHAINS.items():
                pair = normal(shape, shape, dtype=dtype)
                yield Workload("storage", f"{name} {shown(shape)} {short}", body, pair)
            body = _narrowed("float16" if short == "f16" else "bfloat16")
            yield Workload("storage", f"x as {short} {shown(shape)}", body, normal(shape))
        for m, k, n in ((1, 1024, 1024), (64, 1024, 1024), (512, 512, 512)):
            left, right = sizes(m, k), sizes(k, n)
            right = (left[1], right[1])
            yield Workload(
                "storage",
                f"x @ w.float {shown(left, right)} {short}",
                _widened_product,
                _mixed(left, right, dtype),
            )
    for shape in ((28, 28), (256, 28, 28), (64, 3, 224, 224)):
        shape = sizes(*shape)
        yield Workload("storage", f"bytes / 255 {shown(shape)}", _scaled_bytes, _bytes(shape))
    for dtype in ("uint8", "int16"):
        for shape in ((100, 100), (1000, 300)):
            shape = sizes(*shape)
            for name, body in WHOLE.items():
                yield Workload("storage", f"{name} {shown(shape)} {dtype}", body, _small(shape, dtype))


def _small(shape: tuple[int, ...], dtype: str) -> Callable[[], list[Array]]:
    return lambda: list(np.random.default_rng(0).integers(0, 100, (2, *shape)).astype(dtype))


def _narrowed(dtype: str) -> Callable[..., Any]:
    return lambda xp, x: xp.cast(x, dtype)


def _widened_product(xp: Any, x: Any, w: Any) -> Any:
    return xp.matmul(x, xp.cast(w, "float32"))


def _scaled_bytes(xp: Any, x: Any) -> Any:
    return xp.cast(x, "float32") / 255


def _mixed(left: tuple[int, ...], right: tuple[int, ...], dtype: Any) -> Callable[[], list[Array]]:
    def made() -> list[Array]:
        x, w = normal(left, right)()
        return [x, w.astype(dtype)]

    return made


def _bytes(shape: tuple[int, ...]) -> Callable[[], list[Array]]:
    return lambda: [np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)]
