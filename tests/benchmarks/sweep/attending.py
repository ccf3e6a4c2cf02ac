"""The class of what networks read sequences with: attention, and bags of embedded words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.benchmarks.sweep.workload import Array, Sizes, Workload, normal, shown

HEADS = [(16, 4, 64, 16), (2, 8, 256, 64), (1, 2, 1024, 64), (8, 4, 50, 24)]
BAGS = [(10_000, 64, 1024, 8), (500, 300, 64, 20)]


def sequences(sizes: Sizes) -> Iterator[Workload]:
    """Causal attention and means of bags, each alone and with its gradients."""
    for shape in HEADS:
        shape = sizes(*shape)
        given = normal(shape, shape, shape)
        yield Workload("sequences", f"causal attention {shown(shape)}", _attended, given)
        yield Workload("sequences", f"causal attention and gradients {shown(shape)}", _attention_step, given)
    for rows, width, bags, words in BAGS:
        rows, width, bags, words = sizes(rows, width, bags, words)

        def arrays(rows: int = rows, width: int = width, shape: Any = (bags, words)) -> list[Array]:
            made = np.random.default_rng(1)
            return [made.integers(0, rows, shape), *normal((rows, width))()]

        said = f"bags ({bags},{words}) of {rows} rows of {width}"
        yield Workload("sequences", said, _bagged, arrays)
        yield Workload("sequences", f"{said}, gradient", _bag_step, arrays)


def _attended(xp: Any, q: Any, k: Any, v: Any) -> Any:
    return xp.causal_attention(q, k, v)


def _attention_step(xp: Any, *given: Any) -> Any:
    value, slopes = xp.value_and_grad(lambda q, k, v: xp.mean(xp.causal_attention(q, k, v) ** 2), *given)
    return [value, *slopes]


def _bagged(xp: Any, words: Any, table: Any) -> Any:
    return xp.bag_means(words, table)


def _bag_step(xp: Any, words: Any, table: Any) -> Any:
    value, slopes = xp.value_and_grad(lambda table: xp.mean(xp.bag_means(words, table) ** 2), table)
    return [value, *slopes]
