"""The class of images: convolutions, pools and resampling, forward and with both gradients.

The words are PyTorch's. What NumPy and JAX say for them stands here, so that `words` stays a list.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from tests.benchmarks.sweep.workload import Sizes, Workload, normal, shown

NAMES: Final = (
    "conv1d", "conv2d", "conv_transpose2d", "max_pool2d", "avg_pool2d", "lp_pool2d", "adaptive_avg_pool2d",
    "interpolate", "pixel_shuffle",
)  # fmt: skip
"""What the workloads say beside what others do: PyTorch's functions, and ours."""

CONVOLUTIONS: Final = (
    ("5x5", (64, 1, 28, 28), (6, 1, 5, 5), (1, 2)),
    ("3x3", (16, 32, 32, 32), (32, 32, 3, 3), (1, 1)),
    ("3x3 step 2", (16, 16, 32, 32), (32, 16, 3, 3), (2, 1)),
    ("1x1", (8, 64, 28, 28), (64, 64, 1, 1), (1, 0)),
    ("3x3 depthwise", (16, 32, 32, 32), (32, 1, 3, 3), (1, 1, 1, 32)),
    ("3x3 in 4 groups", (16, 32, 32, 32), (64, 8, 3, 3), (1, 1, 1, 4)),
)
"""What it is called, images, weights, and stride, padding, dilation and groups."""

POOLS: Final[dict[str, Callable[..., Any]]] = {
    "max_pool2d 2x2": lambda xp, x: xp.max_pool2d(x, 2),
    "max_pool2d 3x3 step 2": lambda xp, x: xp.max_pool2d(x, 3, 2, 1),
    "avg_pool2d 2x2": lambda xp, x: xp.avg_pool2d(x, 2),
    "avg_pool2d 3x3 step 1": lambda xp, x: xp.avg_pool2d(x, 3, 1),
    "lp_pool2d 2x2": lambda xp, x: xp.lp_pool2d(x, 2.0, 2),
    "adaptive_avg_pool2d to 1": lambda xp, x: xp.adaptive_avg_pool2d(x, 1),
    "twice as large": lambda xp, x: xp.interpolate(x, None, 2),
    "bilinear": lambda xp, x: xp.interpolate(x, (48, 48), None, "bilinear"),
    "pixel_shuffle": lambda xp, x: xp.pixel_shuffle(x, 2),
}


def images(sizes: Sizes) -> Iterator[Workload]:
    """Layers of small networks, in PyTorch's layout."""
    for name, image, weight, settings in CONVOLUTIONS:
        image = (*sizes(image[0]), *image[1:])
        body = functools.partial(_convolved, settings)
        said, given = shown(image, weight), normal(image, weight)
        yield Workload("images", f"conv2d {name} {said}", body, given)
        yield Workload("images", f"conv2d {name} gradients {said}", functools.partial(_slopes, body), given)
    image, weight = (*sizes(16), 32, 16, 16), (32, 16, 2, 2)
    body = functools.partial(_transposed, 2)
    yield Workload("images", f"conv_transpose2d {shown(image, weight)}", body, normal(image, weight))
    row, weight = (*sizes(32), 16, 128), (32, 16, 5)
    yield Workload(
        "images", f"conv1d {shown(row, weight)}", lambda xp, x, w: xp.conv1d(x, w), normal(row, weight)
    )
    for image in ((64, 8, 24, 24), (16, 32, 32, 32)):
        image = (*sizes(image[0]), *image[1:])
        for name, body in POOLS.items():
            said, given = shown(image), normal(image)
            yield Workload("images", f"{name} {said}", body, given)
            if "pool" in name:
                slopes = functools.partial(_slopes, body)
                yield Workload("images", f"{name} gradient {said}", slopes, given)


def _convolved(settings: tuple[int, ...], xp: Any, x: Any, w: Any) -> Any:
    return xp.conv2d(x, w, None, *settings)


def _transposed(stride: int, xp: Any, x: Any, w: Any) -> Any:
    return xp.conv_transpose2d(x, w, None, stride)


def _slopes(body: Callable[..., Any], xp: Any, *given: Any) -> Any:
    loss, slopes = xp.value_and_grad(lambda *values: xp.mean(body(xp, *values) ** 2), *given)
    return [loss, *slopes]


def words_of_numpy() -> dict[str, Any]:
    """Windows as views, contracted by einsum where it finds a product of matrices, and reduced."""

    def windows(x: Any, size: Any, stride: int, padding: int, value: float = 0.0) -> Any:
        wide = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)], constant_values=value)
        found = np.lib.stride_tricks.sliding_window_view(wide, size, (2, 3))
        return found[:, :, ::stride, ::stride]

    def conv2d(x: Any, w: Any, _: None, stride: int, padding: int, __: int = 1, groups: int = 1) -> Any:
        seen = windows(x, w.shape[2:], stride, padding)
        seen = seen.reshape(x.shape[0], groups, -1, *seen.shape[2:])
        apart = w.reshape(groups, -1, *w.shape[1:])
        found = np.einsum("ngcpqij,gocij->ngopq", seen, apart, optimize=True)
        return found.reshape(x.shape[0], -1, *found.shape[3:])

    def max_pool2d(x: Any, size: int, stride: int = 0, padding: int = 0) -> Any:
        return windows(x, (size, size), stride or size, padding, -np.inf).max((-2, -1))

    def avg_pool2d(x: Any, size: int, stride: int = 0) -> Any:
        return windows(x, (size, size), stride or size, 0).mean((-2, -1))

    return {"conv2d": conv2d, "max_pool2d": max_pool2d, "avg_pool2d": avg_pool2d}


def words_of_jax(library: Any) -> dict[str, Any]:
    """What jax.lax has."""
    lax = library.lax

    def conv2d(x: Any, w: Any, _: None, stride: int, padding: int, dilation: int = 1, groups: int = 1) -> Any:
        ends = [(padding, padding)] * 2
        return lax.conv_general_dilated(
            x, w, (stride,) * 2, ends, None, (dilation,) * 2, feature_group_count=groups
        )

    def pool(start: Any, reducer: Any, x: Any, size: int, stride: int, padding: int) -> Any:
        ends = [(0, 0), (0, 0), (padding, padding), (padding, padding)]
        return lax.reduce_window(x, start, reducer, (1, 1, size, size), (1, 1, stride, stride), ends)

    def max_pool2d(x: Any, size: int, stride: int = 0, padding: int = 0) -> Any:
        return pool(-np.inf, lax.max, x, size, stride or size, padding)

    def avg_pool2d(x: Any, size: int, stride: int = 0) -> Any:
        return pool(0.0, lax.add, x, size, stride or size, 0) / size**2

    return {"conv2d": conv2d, "max_pool2d": max_pool2d, "avg_pool2d": avg_pool2d}
