"""A folder with what the help texts' examples name, and a way to run a command there."""

import json
import sys

import numpy as np
import pytest
from click.testing import CliRunner

import tinytorch as tt
from tests.tinytorch.onnx.models import parsed
from tinytorch.cli.main import main

TRAIN = """
import tinytorch as tt

print("the script says something")
x = tt.input("x", ("batch", 6))
labels = tt.input("labels", ("batch",), "int64")
network = tt.nn.Sequential(tt.nn.Dense(6, 5), tt.nn.GELU(), tt.nn.Dense(5, 3), seed=0)
hidden = tt.tanh(network(x)).named("hidden")
loss = tt.losses.cross_entropy(hidden, labels).named("loss")
step = tt.compile(
    [x, labels], loss, updates=tt.optim.SGD(network.parameters(), lr=0.1).updates(loss), backend="numpy"
)
graph = step.source_graph
pair = {"hidden": hidden, "loss": loss}


def build():
    return [hidden, loss]


def divide():
    return 1 / 0


def leave():
    raise SystemExit(3)


def misfit():
    return x @ x


def scaled(factor):
    return x * factor


class Holder:
    inner = hidden


number = 3


def make_run(seed, width=4):
    network = tt.nn.Sequential(tt.nn.Dense(6, width), tt.nn.Tanh(), tt.nn.Dense(width, 3), seed=seed)
    lr = tt.input("lr")
    loss = tt.losses.cross_entropy(network(x), labels)
    optimiser = tt.optim.SGD(network.parameters(), lr=lr)
    return tt.cluster.Training([x, labels, lr], {"loss": loss}, optimiser.updates(loss), backend="numpy")


def data():
    return [[float(row + column) for column in range(6)] for row in range(20)], [row % 3 for row in range(20)]
"""


NET = "network (float[batch, 6] x) => (float[batch, 2] y) <float[6, 2] w = {1,2,3,4,5,6,7,8,9,10,11,12}> "


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """train.py, batch.npz, x.npy, old.tt and net.onnx, in a folder in which the test runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "train.py").write_text(TRAIN, encoding="utf-8")
    labels = np.arange(4) % 3
    np.savez(tmp_path / "batch.npz", x=np.ones((4, 6), np.float32), labels=labels, more=labels)
    x = tt.input("x", ("batch", 6))
    tt.save(tt.exp(x).named("loss"), tmp_path / "old.tt")
    np.save(tmp_path / "x.npy", np.ones((4, 6), np.float32))
    (tmp_path / "net.onnx").write_bytes(parsed(NET + "{ y = MatMul(x, w) }").SerializeToString())
    yield tmp_path
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def run(folder):
    """Runs a command line; its exit code must be the one given."""

    def call(*arguments, code=0):
        result = CliRunner().invoke(main, list(arguments), prog_name="tinytorch")
        assert result.exit_code == code, result.output + repr(result.exception)
        return result

    return call


@pytest.fixture
def data_of(run):
    """What a command prints with --json."""
    return lambda *arguments, code=0: json.loads(run(*arguments, "--json", code=code).stdout)
