"""map: in order, streaming, with what workers read themselves, and one that dies."""

import os
import signal
import time

import numpy as np
import pytest

import tinytorch as tt
from tinytorch.cluster import patience


@pytest.fixture(scope="module")
def predict():
    x, scale = tt.input("x", ("batch", 4)), tt.input("scale")
    network = tt.nn.Sequential(tt.nn.Dense(4, 5), tt.nn.Tanh(), seed=1)
    y = network(x) * scale
    return tt.compile([x, scale], {"y": y, "best": tt.argmax(y, axis=1)})


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(size=(103, 4)).astype(np.float32)


def same(found, expected):
    found = list(found)
    assert all(set(item) == {"y", "best"} for item in found)
    for name, array in expected.items():
        np.testing.assert_array_equal(np.concatenate([item[name] for item in found]), array)


def test_arrays_files_dask_arrays_and_streams_give_what_the_program_gives(machines, predict, x, tmp_path):
    expected = predict(x, 2.0)
    options = {"batch_size": 10, "inputs": {"scale": 2.0}}
    same(machines.map(predict, x, **options), expected)
    np.save(tmp_path / "x.npy", x)
    same(machines.map(predict, np.load(tmp_path / "x.npy", mmap_mode="r"), **options), expected)
    chunked = pytest.importorskip("dask.array").from_array(x, chunks=(40, 4))
    same(machines.map(predict, {"x": chunked}, **options), expected)
    same(machines.map(predict, ((x[i : i + 7],) for i in range(0, 103, 7)), inputs={"scale": 2.0}), expected)


def test_no_more_is_read_than_a_window(machines, predict, x):
    read = []

    def endless():
        while True:
            read.append(1)
            yield {"x": x[:3]}

    found = machines.map(predict, endless(), inputs={"scale": 1.0})
    for _ in range(6):
        next(found)
    found.close()
    assert 6 <= len(read) <= 6 + 4


def test_a_worker_that_dies_is_not_missed(machines, predict, x):
    found = machines.map(predict, x, batch_size=5, inputs={"scale": 1.0})
    parts = [next(found)]
    machines.connection.client.wait_for_workers(2, timeout=60)
    pids = machines.connection.client.run(os.getpid)
    os.kill(next(iter(pids.values())), signal.SIGKILL)
    same([*parts, *found], predict(x, 1.0))


def test_a_worker_that_hangs_with_results_is_ended_and_these_are_made_again(machines, predict, x):
    client = machines.connection.client
    client.wait_for_workers(2, timeout=60)
    found = machines.map(predict, x, batch_size=5, inputs={"scale": 1.0}, deadline=3, retries=5)
    parts = [next(found) for _ in range(6)]
    pids = client.run(os.getpid)
    while len(there := places_of_results(client)) < 3:  # of the four that are out, one may be taken
        time.sleep(0.02)
    os.kill(pids[there[0]], signal.SIGSTOP)
    same([*parts, *found], predict(x, 1.0))
    client.wait_for_workers(2, timeout=60)
    assert pids[there[0]] not in client.run(os.getpid).values()


def test_a_worker_that_takes_longer_than_was_thought_goes_on(machines, monkeypatch):
    """Compiling takes longer than the patience with a first answer."""
    client = machines.connection.client
    client.wait_for_workers(2, timeout=60)
    monkeypatch.setattr(patience, "FIRST", 0.1)
    x = tt.input("x", ("batch", 6))
    network = tt.nn.Sequential(*(tt.nn.Dense(6, 6) if k % 2 else tt.nn.GELU() for k in range(301)), seed=2)
    program, given = tt.compile([x], network(x)), np.ones((30, 6), np.float32)
    pids = client.run(os.getpid)
    found = list(machines.map(program, given, batch_size=5, retries=0))
    np.testing.assert_array_equal(np.concatenate(found), program(given))
    assert client.run(os.getpid) == pids


def places_of_results(client):
    """On which workers outputs of batches lie."""
    return [at for key, places in client.who_has().items() if key.startswith("apply") for at in places]


def test_what_cannot_be_mapped_is_said_first(machines, predict, x):
    w = tt.parameter(np.ones(4, np.float32), "w")
    a = tt.input("a", ("batch", 4))
    step = tt.compile([a], (a @ w).mean(), updates={w: w * 0.5})
    with pytest.raises(tt.ArgumentError, match="writes parameters, and each worker would write its own"):
        machines.map(step, x)
    with pytest.raises(tt.ArgumentError, match="input 'scale' has no data"):
        machines.map(predict, x)
    with pytest.raises(tt.ArgumentError, match="a deadline is a positive number of seconds, not 0"):
        machines.map(predict, x, inputs={"scale": 1.0}, deadline=0)
    table = tt.parameter(np.eye(3, dtype=np.float32), "table")
    row = tt.input("row", ("batch",), "int64")
    looked = tt.compile([row], table[row])
    with pytest.raises(tt.IndexRangeError) as caught:
        list(machines.map(looked, np.array([0, 1, 2, 5]), batch_size=2))
    assert caught.value.__notes__ == ["in rows 2 to 3 of the data"]
