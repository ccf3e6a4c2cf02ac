"""Makes the pictures that the README shows: `python examples/pictures/make.py` from the root."""

from pathlib import Path

import numpy as np

import tinytorch as tt

FOLDER = Path(__file__).parent


def training_step() -> None:
    """Three layers, cross-entropy of class indices, Adam."""
    x = tt.input("x", shape=("batch", 64))
    labels = tt.input("labels", shape=("batch",), dtype="int64")
    network = tt.nn.Sequential(
        tt.nn.Dense(64, 32), tt.nn.GELU(), tt.nn.Dense(32, 16), tt.nn.GELU(), tt.nn.Dense(16, 10), seed=0
    )
    loss = tt.losses.cross_entropy(network(x), labels).named("loss")
    updates = tt.optim.Adam(network.parameters(), lr=1e-3).updates(loss)
    tt.compile([x, labels], loss, updates=updates).draw(FOLDER / "training_step.svg")


def fused_against_unfused() -> None:
    """Softmax cross-entropy of two layers: one box a kernel, unfused and fused in place."""
    x, labels = tt.input("x", shape=("batch", 64)), tt.input("labels", shape=("batch", 10))
    network = tt.nn.Sequential(tt.nn.Dense(64, 32), tt.nn.Tanh(), tt.nn.Dense(32, 10), seed=0)
    loss = tt.losses.cross_entropy(network(x), labels).named("loss")
    updates = tt.optim.SGD(network.parameters(), lr=0.1).updates(loss)
    data = np.zeros((32, 64), np.float32), np.full((32, 10), 0.1, np.float32)
    compared = tt.compare([x, labels], loss, data=data, updates=updates, rounds=1, seconds=0.01)
    compared.draw(FOLDER / "fused_against_unfused.svg")


if __name__ == "__main__":
    training_step()
    fused_against_unfused()
