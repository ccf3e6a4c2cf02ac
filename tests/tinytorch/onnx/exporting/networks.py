"""Small networks for exports, and what they are fed."""

from __future__ import annotations

import numpy as np

import tinytorch as tt


def _images():
    net = tt.nn.Sequential(
        tt.nn.Conv2d(1, 3, 3, padding=1), tt.nn.ReLU(), tt.nn.MaxPool2d(2),
        tt.nn.Conv2d(3, 4, 3, stride=2), tt.nn.GELU(), tt.nn.Flatten(), tt.nn.Linear(4, 5),
    )  # fmt: skip
    return net, (1, 8, 8), "float32"


def _normalised():
    net = tt.nn.Sequential(
        tt.nn.Conv2d(2, 4, 1), tt.nn.BatchNorm2d(4), tt.nn.LeakyReLU(0.1), tt.nn.AvgPool2d(2),
        tt.nn.Flatten(),
        tt.nn.LayerNorm(16), tt.nn.Linear(16, 5),
    )  # fmt: skip
    return net.eval(), (2, 4, 4), "float32"


def _encoder():
    class Encoder(tt.nn.Module):
        def __init__(self):
            super().__init__()
            self.words = tt.nn.Embedding(11, 8)
            self.layer = tt.nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
            self.head = tt.nn.Linear(8, 5)

        def forward(self, x):
            return self.head(self.layer(self.words(x)).mean(1))

    return Encoder().eval(), (6,), "int64"


def _recurrent():
    class Recurrent(tt.nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = tt.nn.LSTM(3, 4, batch_first=True)
            self.head = tt.nn.Linear(4, 5)

        def forward(self, x):
            return self.head(self.cell(x)[0][:, -1])

    return Recurrent(), (4, 3), "float32"


def _dense():
    return tt.nn.Sequential(tt.nn.Linear(6, 7), tt.nn.Tanh(), tt.nn.Linear(7, 5)), (6,), "float32"


NETWORKS = {
    "dense": _dense,
    "images": _images,
    "normalised": _normalised,
    "encoder": _encoder,
    "recurrent": _recurrent,
}


def built(name, seed=0):
    """A network, its symbolic input, and a function of a batch that makes one."""
    net, shape, dtype = NETWORKS[name]()
    random = np.random.default_rng(seed)

    def batch(count):
        if dtype == "int64":
            return random.integers(0, 11, (count, *shape))
        return random.normal(size=(count, *shape)).astype(dtype)

    return net, tt.input("x", ("batch", *shape), dtype), batch
