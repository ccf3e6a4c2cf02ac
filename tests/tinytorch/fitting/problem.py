"""A small problem: rows of a line with noise, a network, its training step, and what judges it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import tinytorch as tt

ROWS = 50


def data() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(3)
    x = generator.standard_normal((ROWS, 4)).astype(np.float32)
    y = (x @ np.array([1.0, -2.0, 0.5, 0.0]) + 0.1 * generator.standard_normal(ROWS)).astype(np.float32)
    return x, y


@dataclass
class Problem:
    step: Any
    judge: Any
    network: Any
    optimiser: Any


def problem(batch: Any = "batch", **options: Any) -> Problem:
    """Adam with a learning rate that is an input, a mask of random numbers counted by a parameter."""
    x, y, lr = tt.input("x", (batch, 4)), tt.input("y", (batch,)), tt.input("lr")
    network = tt.nn.Sequential(tt.nn.Dense(4, 5), tt.nn.Tanh(), tt.nn.Dense(5, 1), seed=0)
    calls = tt.parameter(np.int64(0), "calls")
    key = tt.random.fold_in(tt.random.key(7), calls)
    noise = 0.01 * tt.random.normal(key, y.shape)
    error = network(x)[:, 0] - y
    loss, far = ((error + noise) ** 2.0).mean(), tt.abs(error).mean()
    optimiser = tt.optim.Adam(network.parameters(), lr=lr)
    updates = {**optimiser.updates(loss), calls: calls + 1}
    step = tt.compile([x, y, lr], {"loss": loss, "far": far}, updates=updates, backend="numpy", **options)
    judge = tt.compile([x, y], {"loss": (error**2.0).mean(), "far": far}, backend="numpy")
    return Problem(step, judge, network, optimiser)


def bits(made: Problem) -> dict[str, bytes]:
    """Every parameter of the step."""
    nodes = made.step.source_graph.parameters
    return {str(node.name): tt.value_of(tt.Tensor(node)).tobytes() for node in nodes}


def rows_of(history: Any) -> list[dict[str, float]]:
    """The rows of a history without what a clock said."""
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history.rows]
