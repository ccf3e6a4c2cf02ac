"""Classes of arithmetic: products, and element-wise chains."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from tests.benchmarks.sweep.workload import Sizes, Workload, normal, shown

Shape = tuple[int, ...]
F32, F64 = np.float32, np.float64


def products(sizes: Sizes) -> Iterator[Workload]:
    """Matrix products of all proportions, views of them, and what einsum says."""
    squares = [(n, n, n) for n in (16, 32, 64, 100, 128, 256, 384, 512, 1000, 1024)]
    flat = [(1024, 1024, n) for n in (1, 2, 4, 8, 16, 32)] + [(m, 1024, 1024) for m in (1, 2, 4, 8, 16)]
    deep = [(1, 1000000, 1), (4, 100000, 4), (16, 20000, 16), (64, 10000, 64), (100, 100000, 100)]
    broad = [
        (2048, 16, 2048),
        (4096, 64, 64),
        (100000, 10, 10),
        (64, 784, 256),
        (256, 256, 10),
        (10000, 3, 64),
    ]
    for triple in squares + flat + deep + broad:
        m, k, n = sizes(*triple)
        yield _product((m, k), (k, n), F32)
    for triple in [(64, 64, 64), (256, 256, 256), (512, 512, 512), (1000, 1000, 1000), (1, 1024, 1024)]:
        m, k, n = sizes(*triple)
        yield _product((m, k), (k, n), F64)
    for n in (128, 512, 1024):
        (n,) = sizes(n)
        pair = (n, n), (n, n)
        yield Workload(
            "products", f"x.T @ y {shown(*pair)}", lambda xp, x, y: xp.matmul(x.T, y), normal(*pair)
        )
        yield Workload(
            "products", f"x @ y.T {shown(*pair)}", lambda xp, x, y: xp.matmul(x, y.T), normal(*pair)
        )
    (m, n) = sizes(100000, 100)
    yield Workload("products", f"x.T @ x {shown((m, n))}", lambda xp, x: xp.matmul(x.T, x), normal((m, n)))
    (n,) = sizes(1000000)
    yield Workload("products", f"a @ b ({n},)", lambda xp, x, y: xp.matmul(x, y), normal((n,), (n,)))
    yield from _sums_of_products(sizes)


def _product(x: Shape, y: Shape, dtype: Any) -> Workload:
    return Workload("products", f"x @ y {shown(x, y, dtype=dtype)}", _matmul, normal(x, y, dtype=dtype))


def _matmul(xp: Any, x: Any, y: Any) -> Any:
    return xp.matmul(x, y)


def _sums_of_products(sizes: Sizes) -> Iterator[Workload]:
    for batch, m, k, n in [
        (64, 64, 64, 64),
        (16, 128, 32, 128),
        (1000, 8, 8, 8),
        (10000, 3, 3, 3),
        (8, 256, 256, 256),
    ]:
        batch, m, k, n = sizes(batch, m, k, n)
        yield _product((batch, m, k), (batch, k, n), F32)
    for letters, first, second in [
        ("bthd,bshd->bhts", (4, 64, 4, 16), (4, 64, 4, 16)),
        ("bhts,bshd->bthd", (4, 4, 64, 64), (4, 64, 4, 16)),
        ("ijk,kl->ijl", (32, 64, 128), (128, 64)), ("ij,ij->i", (10000, 64), (10000, 64)),
        ("ij,ij->j", (10000, 64), (10000, 64)), ("ij,kj->ik", (300, 500), (200, 500)),
        ("i,j->ij", (2000,), (2000,)), ("ijk,ijl->kl", (64, 64, 32), (64, 64, 48)),
        ("ijk,jil->kl", (64, 32, 48), (32, 64, 40)), ("aib,bjc->aijc", (8, 32, 16), (16, 32, 8)),
    ]:  # fmt: skip
        extents: dict[str, int] = {}
        for letter, extent in zip(letters.split("->")[0].replace(",", ""), first + second, strict=True):
            extents.setdefault(letter, sizes(extent)[0])
        shapes = [tuple(extents[letter] for letter in part) for part in letters.split("->")[0].split(",")]
        body = functools.partial(_einsum, letters)
        yield Workload("products", f"einsum {letters} {shown(*shapes)}", body, normal(*shapes))
    n, m, k = sizes(256, 130, 64)
    name = f"x[:, 1:-1] @ w {shown((n, m), (m - 2, k))}"
    yield Workload("products", name, lambda xp, x, w: xp.matmul(x[:, 1:-1], w), normal((n, m), (m - 2, k)))


def _einsum(letters: str, xp: Any, *values: Any) -> Any:
    return xp.einsum(letters, *values)


CHAINS: Final[dict[str, Callable[..., Any]]] = {
    "x * 2 + 1": lambda xp, x: x * 2 + 1,
    "exp": lambda xp, x: xp.exp(x),
    "log(abs + 1)": lambda xp, x: xp.log(xp.abs(x) + 1),
    "sin": lambda xp, x: xp.sin(x),
    "cos": lambda xp, x: xp.cos(x),
    "tanh": lambda xp, x: xp.tanh(x),
    "sigmoid": lambda xp, x: xp.sigmoid(x),
    "sqrt(abs)": lambda xp, x: xp.sqrt(xp.abs(x)),
    "x**3": lambda xp, x: x**3,
    "x**7": lambda xp, x: x**7,
    "abs(x)**2.5": lambda xp, x: xp.abs(x) ** 2.5,
    "erf": lambda xp, x: xp.erf(x),
    "tan": lambda xp, x: xp.tan(x),
    "atan": lambda xp, x: xp.atan(x),
    "sinh": lambda xp, x: xp.sinh(x),
    "asinh": lambda xp, x: xp.asinh(x),
    "exp2": lambda xp, x: xp.exp2(x),
    "log2(abs + 1)": lambda xp, x: xp.log2(xp.abs(x) + 1),
    "hypot(x, x + 1)": lambda xp, x: xp.hypot(x, x + 1),
    "lgamma(abs + 1)": lambda xp, x: xp.lgamma(xp.abs(x) + 1),
    "digamma(abs + 1)": lambda xp, x: xp.digamma(xp.abs(x) + 1),
    "trigamma(abs + 1)": lambda xp, x: xp.polygamma(1, xp.abs(x) + 1),
    "erfinv(tanh)": lambda xp, x: xp.erfinv(xp.tanh(x)),
    "x % 0.7": lambda xp, x: x % 0.7,
    "x // 0.7": lambda xp, x: x // 0.7,
    "gelu": lambda xp, x: xp.gelu(x),
    "gelu_tanh * sigmoid": lambda xp, x: xp.gelu_tanh(x) * xp.sigmoid(x),
    "silu": lambda xp, x: xp.silu(x),
    "softplus": lambda xp, x: xp.softplus(x),
    "where(x > 0, exp, x)": lambda xp, x: xp.where(x > 0, xp.exp(x), x),
    "polynomial": lambda xp, x: ((((x + 2) * x + 3) * x + 4) * x + 5) * x,
    "floor, round": lambda xp, x: xp.floor(x) + xp.round(x),
}
"""Maps of one argument."""


def chains(sizes: Sizes) -> Iterator[Workload]:
    """Element-wise maps, large and small, in both precisions, with broadcasting and gradients."""
    for name, body in CHAINS.items():
        for shape, dtype in [((1000, 1000), F32), ((64, 64), F32), ((1000, 300), F64)]:
            shape = sizes(*shape)
            yield Workload("chains", f"{name} {shown(shape, dtype=dtype)}", body, normal(shape, dtype=dtype))
    for first, second in [
        ((1000, 1000), (1000,)), ((1000, 1000), (1000, 1)), ((100000, 3), (3,)), ((200000, 4), (200000, 1)),
        ((64, 32, 32, 16), (16,)), ((16, 64, 32, 32), (64, 1, 1)), ((500, 1), (1, 700)), ((250000, 2), (2,)),
    ]:  # fmt: skip
        y = sizes(*first)
        second = tuple(1 if s == 1 else y[len(y) - len(second) + k] for k, s in enumerate(second))
        y = tuple(1 if s == 1 else e for s, e in zip(first, y, strict=True))
        yield Workload(
            "chains",
            f"tanh(x * y + y) {shown(y, second)}",
            lambda xp, x, y: xp.tanh(x * y + y),
            normal(y, second),
        )
    for name in ("tanh", "sigmoid", "gelu", "softplus", "exp"):
        shape = sizes(500, 1000)
        body = functools.partial(_slope, CHAINS[name])
        yield Workload("chains", f"slope of {name} {shown(shape)}", body, normal(shape))


def _slope(function: Callable[..., Any], xp: Any, x: Any) -> Any:
    return xp.value_and_grad(lambda x: xp.sum(function(xp, x)), x)[1][0]
